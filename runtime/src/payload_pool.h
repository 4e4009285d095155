// Memory for payloads that are on their way: taken by the task that encodes, given back by the
// thread that has sent, so that a steady flow allocates nothing. One for the process.
#pragma once

#include <string>
#include <vector>

#include "weir/runtime/mutex.h"

namespace weir::runtime {

class PayloadPool {
 public:
  static PayloadPool& instance();

  // Empty; with the memory of one that was given back, if there is any.
  std::string take();
  void give_back(std::string payload);

 private:
  Mutex mutex_;
  std::size_t bytes_ ABSL_GUARDED_BY(mutex_) = 0;
  std::vector<std::string> free_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace weir::runtime
