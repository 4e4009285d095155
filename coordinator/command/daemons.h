// Daemons of a local cluster: this program once more, in a session of its own.
#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "supervisor/process_id.h"
#include "weir/runtime/clock.h"

namespace weir::coordinator {

struct Daemon {
  std::string name;  // "coordinator", "supervisor s1"
  ProcessId process;
  std::string log;
};

// Starts `weir ARGUMENTS` with its output in `log`; does not wait.
absl::StatusOr<Daemon> start_daemon(const std::string& name,
                                    const std::vector<std::string>& arguments,
                                    const std::string& log);

// Waits until `patience` is over or one of the processes has ended; true if all have.
bool wait_for_end(const std::vector<ProcessId>& processes, runtime::MonotonicTime patience);

// Waits for all to end; kills what has not. The number that had to be killed.
int end_all(const std::vector<ProcessId>& processes, runtime::MonotonicTime patience);

// The last lines of a log, for an error message; empty if there are none.
std::string last_lines(const std::string& log, std::size_t lines);

}  // namespace weir::coordinator
