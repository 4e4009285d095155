// WorkerRecords: which worker processes a supervisor has started, for the supervisor after it. One
// small JSON file per worker, <worker>.json, written before the worker's program begins to run and
// removed after its end.
#pragma once

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "supervisor/process_id.h"
#include "supervisor/processes.h"

namespace weir::coordinator {

struct RunningWorker {
  WorkerName name;
  ProcessId process;
};

class WorkerRecords {
 public:
  explicit WorkerRecords(std::string dir) : dir_(std::move(dir)) {}

  absl::Status write(const RunningWorker& record) const;
  void remove(const std::string& worker) const;
  // Those that can be read; what cannot be is removed: a file that broke off belongs to a process
  // that was never let go.
  std::vector<RunningWorker> read_all() const;

 private:
  std::string path(const std::string& worker) const;

  const std::string dir_;
};

}  // namespace weir::coordinator
