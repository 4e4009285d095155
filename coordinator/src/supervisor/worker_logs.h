// WorkerLogs: what workers say, one log per worker, in a folder that does not grow for ever.
//
//   <worker>.log            what the worker writes to now
//   <worker>.log.<offset>   an older piece; the offset of its first byte in the whole log
//
// Offsets count from the first byte the worker ever wrote, so that who follows a log goes on where
// he was, whatever has been rotated meanwhile. Workers only append: a piece is taken off the front
// of the file (FALLOC_FL_COLLAPSE_RANGE); where the file system cannot do that the file is copied
// and emptied, which may lose a line written in between. Any thread.
#pragma once

#include <cstdint>
#include <set>
#include <string>

#include "absl/status/statusor.h"
#include "weir/runtime/mutex.h"

namespace weir::coordinator {

struct WorkerLogLimits {
  std::uint64_t piece_bytes = std::uint64_t{16} << 20;
  std::uint32_t pieces = 4;      // older pieces kept per worker
  std::uint32_t old_logs = 100;  // logs kept of workers that have ended
};

class WorkerLogs {
 public:
  struct Part {
    std::uint64_t offset = 0;  // of the first byte; more than asked for if that is gone
    std::string bytes;
    std::uint64_t end = 0;  // of the log
  };

  explicit WorkerLogs(std::string dir, WorkerLogLimits limits = {});

  // Where the worker writes; nothing is opened.
  std::string path(const std::string& worker) const;
  // At most `most` bytes from `offset`, or from so many bytes before the end if it is negative.
  // kNotFound.
  absl::StatusOr<Part> read(const std::string& worker, std::int64_t offset, std::uint64_t most);
  // The last lines, whole ones, at most `most_bytes` of them.
  std::string tail(const std::string& worker, std::size_t lines, std::size_t most_bytes);
  // The worker of the job whose log was written to last; empty if there is none.
  std::string latest_of(const std::string& job) const;
  // Rotates what has grown, removes what is old. `running` are not removed.
  absl::Status tend(const std::set<std::string>& running);

 private:
  absl::Status rotate(const std::string& worker) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void remove_old(const std::set<std::string>& running) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const std::string dir_;
  const WorkerLogLimits limits_;
  runtime::Mutex mutex_;
};

}  // namespace weir::coordinator
