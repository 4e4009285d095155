// Numbered persistence steps for crash tests: counts them by name, appends them to the file named
// by WEIR_TRACE_STEPS, and ends the process by SIGKILL at the one named by WEIR_CRASH_AT="name:n"
// (n from 1). Safe from any thread.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include "weir/runtime/mutex.h"

namespace weir::runtime {

class PersistenceSteps {
 public:
  // Reads the environment once.
  PersistenceSteps();
  ~PersistenceSteps();
  PersistenceSteps(const PersistenceSteps&) = delete;
  PersistenceSteps& operator=(const PersistenceSteps&) = delete;

  void pass(std::string_view name);

 private:
  std::string crash_name_;
  std::uint64_t crash_number_ = 0;  // 0: never
  int trace_fd_ = -1;

  Mutex mutex_;
  std::map<std::string, std::uint64_t, std::less<>> counts_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace weir::runtime
