// What the executors with real threads share: the timer thread, the I/O thread, and the control
// loop's wait. Subclasses decide how a queued runnable gets a worker.
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <map>
#include <thread>

#include "weir/runtime/executor.h"
#include "weir/runtime/mutex.h"

namespace weir::runtime {

class ThreadedExecutor : public Executor {
 public:
  explicit ThreadedExecutor(Clock& clock);

  void submit_io(std::function<void()> job) override;
  void drive(MonotonicTime deadline) override;
  void notify() override;

 protected:
  void wake_later(Runnable& runnable, MonotonicTime at) override;
  // Joins timer and I/O thread; to be called by stop() after the workers have stopped.
  void stop_service_threads();

  Clock& clock_;

 private:
  void run_timers();
  void run_io();

  Mutex timer_mutex_;
  std::condition_variable_any timer_changed_;
  std::multimap<MonotonicTime, Runnable*> timers_ ABSL_GUARDED_BY(timer_mutex_);
  bool timers_stopped_ ABSL_GUARDED_BY(timer_mutex_) = false;

  Mutex io_mutex_;
  std::condition_variable_any io_changed_;
  std::deque<std::function<void()>> io_jobs_ ABSL_GUARDED_BY(io_mutex_);
  bool io_stopped_ ABSL_GUARDED_BY(io_mutex_) = false;

  Mutex drive_mutex_;
  std::condition_variable_any drive_changed_;
  bool notified_ ABSL_GUARDED_BY(drive_mutex_) = false;

  std::thread timer_thread_;
  std::thread io_thread_;
};

}  // namespace weir::runtime
