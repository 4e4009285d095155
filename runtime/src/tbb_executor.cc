// Workers are TBB's: for each queued runnable the task_arena gets one task. (TBB's flow graph
// queues without bound, so it is not used.)
//
// Each worker has a lane. A runnable waits in the lane that it was given when it was added, where
// its state and its batches are in the worker's cache; a worker whose lane is empty takes from the
// others. So does each worker now and then before it looks into its own, since a lane may have no
// worker: TBB gives an arena fewer threads when others need them.
#include <tbb/global_control.h>
#include <tbb/task_arena.h>

#include <algorithm>
#include <vector>

#include "threaded_executor.h"

namespace weir::runtime {
namespace {

class TbbExecutor final : public ThreadedExecutor {
 public:
  // The control loop's thread takes no part, so TBB is allowed one thread more than the arena has.
  TbbExecutor(std::uint32_t threads, Clock& clock)
      : ThreadedExecutor(clock),
        limit_(tbb::global_control::max_allowed_parallelism, threads + 1),
        arena_(static_cast<int>(threads), 0),
        lanes_(threads) {}
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
    outstanding_.fetch_add(1);
    lane_of(runnable).push(runnable);
    arena_.enqueue([this] {
      Runnable& next = take();
      if (!stopping_.load(std::memory_order_relaxed)) run_queued(next);
      if (outstanding_.fetch_sub(1) != 1) return;
      MutexLock lock(mutex_);
      idle_.notify_all();
    });
  }

  bool has_waiting() const override {
    const Lane& own = lanes_[own_lane()];
    if (own.waiting() || stopping_.load(std::memory_order_relaxed)) return true;
    return own.turn_to_others() && std::any_of(lanes_.begin(), lanes_.end(),
                                               [](const Lane& lane) { return lane.waiting(); });
  }

 private:
  class Lane {
   public:
    void push(Runnable& runnable) {
      MutexLock lock(mutex_);
      queue_.push_back(&runnable);
      waiting_.store(true, std::memory_order_relaxed);
    }
    Runnable* pop() {
      if (!waiting()) return nullptr;
      MutexLock lock(mutex_);
      if (queue_.empty()) return nullptr;
      Runnable* runnable = queue_.front();
      queue_.pop_front();
      waiting_.store(!queue_.empty(), std::memory_order_relaxed);
      return runnable;
    }
    bool waiting() const { return waiting_.load(std::memory_order_relaxed); }
    // For its worker: whether the others' lanes come first this time, each in its turn.
    bool turn_to_others() const { return ++turns_ % kTurns >= kTurns - 2; }
    std::uint32_t turns() const { return turns_ / kTurns; }

   private:
    static constexpr std::uint32_t kTurns = 64;

    alignas(64) Mutex mutex_;
    std::deque<Runnable*> queue_ ABSL_GUARDED_BY(mutex_);
    std::atomic<bool> waiting_{false};
    mutable std::uint32_t turns_ = 0;  // its worker's
  };

  Lane& lane_of(const Runnable& runnable) { return lanes_[place(runnable) % lanes_.size()]; }
  std::size_t own_lane() const {
    return static_cast<std::size_t>(tbb::this_task_arena::current_thread_index()) % lanes_.size();
  }
  // One of the waiting runnables; there are at least as many as arena tasks that look for one.
  Runnable& take() {
    const std::size_t own = own_lane();
    const std::size_t first = lanes_[own].turn_to_others() ? lanes_[own].turns() : own;
    for (std::size_t n = first % lanes_.size();; n = (n + 1) % lanes_.size()) {
      if (Runnable* runnable = lanes_[n].pop()) return *runnable;
    }
  }
  void wait_until_idle() {
    mutex_.lock();
    while (outstanding_.load() != 0) idle_.wait(mutex_);
    mutex_.unlock();
  }

  tbb::global_control limit_;
  tbb::task_arena arena_;
  std::vector<Lane> lanes_;
  std::atomic<bool> stopping_{false};
  std::atomic<int> outstanding_{0};
  Mutex mutex_;
  std::condition_variable_any idle_;
};

}  // namespace

std::unique_ptr<Executor> make_tbb_executor(std::uint32_t threads, Clock& clock) {
  return std::make_unique<TbbExecutor>(threads, clock);
}

}  // namespace weir::runtime
