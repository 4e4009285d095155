// ProcessId: which process is meant, for longer than it lives. The kernel gives pids away again, so
// a pid counts only together with the time at which its process started (in ticks since the
// machine's boot) and the boot itself.
#pragma once

#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace weir::coordinator {

struct ProcessId {
  std::int32_t pid = 0;
  std::uint64_t start_ticks = 0;  // field 22 of /proc/<pid>/stat
  std::string boot;               // /proc/sys/kernel/random/boot_id

  friend bool operator==(const ProcessId&, const ProcessId&) = default;
};

// Of a running process (one that has ended and is not reaped yet counts as ended); kNotFound.
absl::StatusOr<ProcessId> process_id(std::int32_t pid);
inline bool is_running(const ProcessId& id) {
  const absl::StatusOr<ProcessId> now = process_id(id.pid);
  return now.ok() && *now == id;
}

// A descriptor that becomes readable when the process ends (pidfd_open), close-on-exec, to be
// closed by the caller. kNotFound if the process has ended, whoever has its pid now.
absl::StatusOr<int> open_process(const ProcessId& id);

// Sends a signal to this process and no other. kNotFound if it has ended.
absl::Status signal_process(const ProcessId& id, int signal);

// The command line, blanks between the words; empty if it cannot be read.
std::string command_line_of(std::int32_t pid);

}  // namespace weir::coordinator
