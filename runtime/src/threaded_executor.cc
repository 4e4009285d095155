#include "threaded_executor.h"

#include <sys/prctl.h>

namespace weir::runtime {

ThreadedExecutor::ThreadedExecutor(Clock& clock)
    : clock_(clock), timer_thread_([this] { run_timers(); }), io_thread_([this] { run_io(); }) {}

void ThreadedExecutor::submit_io(std::function<void()> job) {
  {
    MutexLock lock(io_mutex_);
    io_jobs_.push_back(std::move(job));
  }
  io_changed_.notify_one();
}

void ThreadedExecutor::run_io() {
  for (;;) {
    std::function<void()> job;
    {
      io_mutex_.lock();
      while (io_jobs_.empty() && !io_stopped_) io_changed_.wait(io_mutex_);
      if (io_jobs_.empty()) {
        io_mutex_.unlock();
        return;
      }
      job = std::move(io_jobs_.front());
      io_jobs_.pop_front();
      io_mutex_.unlock();
    }
    job();
  }
}

void ThreadedExecutor::drive(MonotonicTime deadline) {
  drive_mutex_.lock();
  while (!notified_) {
    if (deadline == MonotonicTime::max()) {
      drive_changed_.wait(drive_mutex_);
      continue;
    }
    const MonotonicTime now = clock_.now();
    if (now >= deadline) break;
    drive_changed_.wait_for(drive_mutex_, deadline - now);
  }
  notified_ = false;
  drive_mutex_.unlock();
}

void ThreadedExecutor::notify() {
  {
    MutexLock lock(drive_mutex_);
    notified_ = true;
  }
  drive_changed_.notify_one();
}

void ThreadedExecutor::wake_later(Runnable& runnable, MonotonicTime at) {
  bool is_first = false;
  {
    MutexLock lock(timer_mutex_);
    const auto timer = timers_.emplace(at, &runnable);  // not in one expression with begin()
    is_first = timer == timers_.begin();
  }
  if (is_first) timer_changed_.notify_one();
}

void ThreadedExecutor::run_timers() {
  // The default slack of 50 us would show up in the latency of paced spouts.
  prctl(PR_SET_TIMERSLACK, 1000, 0, 0, 0);
  timer_mutex_.lock();
  while (!timers_stopped_) {
    if (timers_.empty()) {
      timer_changed_.wait(timer_mutex_);
      continue;
    }
    const MonotonicTime now = clock_.now();
    const auto first = timers_.begin();
    if (first->first > now) {
      timer_changed_.wait_for(timer_mutex_, first->first - now);
      continue;
    }
    Runnable* runnable = first->second;
    timers_.erase(first);
    timer_mutex_.unlock();
    runnable->wake();
    timer_mutex_.lock();
  }
  timer_mutex_.unlock();
}

void ThreadedExecutor::stop_service_threads() {
  {
    MutexLock lock(timer_mutex_);
    timers_stopped_ = true;
  }
  timer_changed_.notify_one();
  {
    MutexLock lock(io_mutex_);
    io_stopped_ = true;
  }
  io_changed_.notify_one();
  if (timer_thread_.joinable()) timer_thread_.join();
  if (io_thread_.joinable()) io_thread_.join();
}

}  // namespace weir::runtime
