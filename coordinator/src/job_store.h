// JobStore: where the checkpoints of one run of a job go. With a state folder: to disk, to be
// restored from. Without: nowhere, since only the sinks of this run need to know that they are
// complete.
//
// next_id(), complete() and collect() block and are called on the I/O thread; the others before
// tasks run.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "weir/coordinator/checkpoint_coordinator.h"
#include "weir/coordinator/embedded_job.h"
#include "weir/coordinator/task_graph.h"

namespace weir::coordinator {

// What an earlier run has left.
struct RestoredJob {
  runtime::CheckpointId id;
  bool is_final = false;
  std::chrono::microseconds wall_time{0};
  std::vector<runtime::TaskSnapshot> tasks;
};

class JobStore {
 public:
  virtual ~JobStore() = default;
  virtual runtime::Epoch epoch() const = 0;
  virtual absl::StatusOr<std::optional<RestoredJob>> restore() = 0;
  virtual absl::StatusOr<std::unique_ptr<runtime::RowStore>> make_row_store(
      const std::string& task_uid, const DeployedTask& task) = 0;
  virtual absl::StatusOr<runtime::CheckpointId> next_id() = 0;
  virtual absl::Status complete(WriteManifest checkpoint) = 0;
  // Removes what no checkpoint needs any more; after a successful complete().
  virtual absl::Status collect() = 0;
  // After an error of complete(): whether it may be complete nevertheless.
  virtual bool is_in_doubt() const = 0;
};

std::unique_ptr<JobStore> make_volatile_job_store();
// Opens options.state_dir, and empties it before if options.fresh. What state::CheckpointStore
// refuses is refused.
absl::StatusOr<std::unique_ptr<JobStore>> open_job_store(const JobOptions& options,
                                                         runtime::Clock& clock,
                                                         const runtime::Plan& plan);

}  // namespace weir::coordinator
