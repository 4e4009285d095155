// LocalProcesses: worker processes of this host. fork and exec, no shell; a worker leads a session
// of its own, so that neither Ctrl-C nor the supervisor's end reaches it, has no descriptors but
// its log, and runs nothing before it is on record.
//
// In `dir`: workers/<worker>.json (worker_records.h), work/<worker>/ (removed at its end).
// start() on one thread at a time; kill() from any; on_exit is called on the watcher's thread.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "supervisor/process_watcher.h"
#include "supervisor/processes.h"
#include "supervisor/worker_logs.h"
#include "supervisor/worker_records.h"
#include "weir/runtime/mutex.h"

namespace weir::coordinator {

class LocalProcesses final : public Processes {
 public:
  // Folders under `dir` must exist: workers, work. `logs` is borrowed.
  LocalProcesses(std::string dir, WorkerLogs& logs);

  std::vector<Running> adopt(std::function<void(WorkerExit)> on_exit) override;
  absl::StatusOr<std::int32_t> start(const WorkerStart& start) override;
  void kill(const std::string& worker) override;
  // Nobody is told of anything any more; what has ended has been cleaned up after.
  void stop_watching() { watcher_.stop(); }

 private:
  void watch(const RunningWorker& record, int pidfd);
  void ended(const RunningWorker& record, ProcessWatcher::Ended how);
  // Of a worker that does not run.
  void remove_traces(const std::string& worker);
  std::string work_dirs() const { return dir_ + "/work"; }
  std::string work_dir(const std::string& worker) const { return work_dirs() + "/" + worker; }

  const std::string dir_;
  WorkerLogs& logs_;
  const WorkerRecords records_;
  std::function<void(WorkerExit)> on_exit_;
  runtime::Mutex mutex_;
  std::map<std::string, ProcessId> running_ ABSL_GUARDED_BY(mutex_);
  ProcessWatcher watcher_;  // the last member: its thread uses the others
};

}  // namespace weir::coordinator
