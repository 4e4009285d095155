// Workers as plain threads over one queue: what ThreadSanitizer can follow.
#include <vector>

#include "threaded_executor.h"

namespace weir::runtime {
namespace {

class ThreadExecutor final : public ThreadedExecutor {
 public:
  ThreadExecutor(std::uint32_t threads, Clock& clock) : ThreadedExecutor(clock) {
    for (std::uint32_t i = 0; i < threads; ++i) workers_.emplace_back([this] { work(); });
  }
  ~ThreadExecutor() override { stop(); }

  std::string_view name() const override { return "threads"; }

  void stop() override {
    {
      MutexLock lock(mutex_);
      stopped_ = true;
    }
    stopping_.store(true, std::memory_order_relaxed);
    changed_.notify_all();
    for (std::thread& worker : workers_) {
      if (worker.joinable()) worker.join();
    }
    stop_service_threads();
  }

 protected:
  void enqueue(Runnable& runnable) override {
    {
      MutexLock lock(mutex_);
      queue_.push_back(&runnable);
      waiting_.store(true, std::memory_order_relaxed);
    }
    changed_.notify_one();
  }

  bool has_waiting() const override {
    return waiting_.load(std::memory_order_relaxed) || stopping_.load(std::memory_order_relaxed);
  }

 private:
  void work() {
    mutex_.lock();
    for (;;) {
      if (stopped_) break;
      if (queue_.empty()) {
        changed_.wait(mutex_);
        continue;
      }
      Runnable* runnable = queue_.front();
      queue_.pop_front();
      waiting_.store(!queue_.empty(), std::memory_order_relaxed);
      mutex_.unlock();
      run_queued(*runnable);
      mutex_.lock();
    }
    mutex_.unlock();
  }

  std::atomic<bool> waiting_{false};
  std::atomic<bool> stopping_{false};
  Mutex mutex_;
  std::condition_variable_any changed_;
  std::deque<Runnable*> queue_ ABSL_GUARDED_BY(mutex_);
  bool stopped_ ABSL_GUARDED_BY(mutex_) = false;
  std::vector<std::thread> workers_;
};

}  // namespace

std::unique_ptr<Executor> make_thread_executor(std::uint32_t threads, Clock& clock) {
  return std::make_unique<ThreadExecutor>(threads, clock);
}

}  // namespace weir::runtime
