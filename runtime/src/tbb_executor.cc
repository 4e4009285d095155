// Workers are TBB's: each queued runnable becomes one task of a task_arena. (TBB's flow graph
// queues without bound, so it is not used.)
#include <tbb/global_control.h>
#include <tbb/task_arena.h>

#include "threaded_executor.h"

namespace weir::runtime {
namespace {

class TbbExecutor final : public ThreadedExecutor {
 public:
  // The control loop's thread takes no part, so TBB is allowed one thread more than the arena has.
  TbbExecutor(std::uint32_t threads, Clock& clock)
      : ThreadedExecutor(clock),
        limit_(tbb::global_control::max_allowed_parallelism, threads + 1),
        arena_(static_cast<int>(threads), 0) {}
  ~TbbExecutor() override { stop(); }

  std::string_view name() const override { return "tbb"; }

  void stop() override {
    stopping_.store(true);
    wait_until_idle();
    stop_service_threads();
    wait_until_idle();  // a timer, or an I/O job, may have queued something in between
  }

 protected:
  void enqueue(Runnable& runnable) override {
    {
      MutexLock lock(mutex_);
      ++outstanding_;
    }
    waiting_.fetch_add(1, std::memory_order_relaxed);
    arena_.enqueue([this, &runnable] {
      waiting_.fetch_sub(1, std::memory_order_relaxed);
      if (!stopping_.load(std::memory_order_relaxed)) run_queued(runnable);
      MutexLock lock(mutex_);
      if (--outstanding_ == 0) idle_.notify_all();
    });
  }

  bool has_waiting() const override {
    return waiting_.load(std::memory_order_relaxed) > 0 ||
           stopping_.load(std::memory_order_relaxed);
  }

 private:
  void wait_until_idle() {
    mutex_.lock();
    while (outstanding_ != 0) idle_.wait(mutex_);
    mutex_.unlock();
  }

  tbb::global_control limit_;
  tbb::task_arena arena_;
  std::atomic<int> waiting_{0};
  std::atomic<bool> stopping_{false};
  Mutex mutex_;
  std::condition_variable_any idle_;
  int outstanding_ ABSL_GUARDED_BY(mutex_) = 0;
};

}  // namespace

std::unique_ptr<Executor> make_tbb_executor(std::uint32_t threads, Clock& clock) {
  return std::make_unique<TbbExecutor>(threads, clock);
}

}  // namespace weir::runtime
