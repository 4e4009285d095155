// ProcessWatcher: a thread that waits for processes to end (pidfd, poll).
//
// watch() from any thread; the callback runs on the watcher's thread, without a lock. Processes
// need not be children; the status of those that are is reaped.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <thread>

#include "weir/runtime/mutex.h"

namespace weir::coordinator {

class ProcessWatcher {
 public:
  // waitid()'s answer; `is_known` is false for a process that is no child of this one.
  struct Ended {
    bool is_known = false;
    bool by_signal = false;
    int status = 0;  // exit code or signal
  };

  ProcessWatcher();
  ~ProcessWatcher();
  ProcessWatcher(const ProcessWatcher&) = delete;
  ProcessWatcher& operator=(const ProcessWatcher&) = delete;

  // Takes the descriptor (open_process).
  void watch(int pidfd, std::function<void(Ended)> on_end);
  // Forgets what is still watched; joins the thread.
  void stop();

 private:
  void run();
  void wake();
  // Waits for something to happen; the descriptors of processes that have ended.
  std::vector<int> wait();

  const int wake_fd_;
  runtime::Mutex mutex_;
  std::map<int, std::function<void(Ended)>> watched_ ABSL_GUARDED_BY(mutex_);
  bool is_over_ ABSL_GUARDED_BY(mutex_) = false;
  std::thread thread_;
};

}  // namespace weir::coordinator
