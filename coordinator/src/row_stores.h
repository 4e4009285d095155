// Which row store keeps the keyed state of a task, embedded and in a worker.
#pragma once

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "weir/coordinator/deployment.h"
#include "weir/coordinator/embedded_job.h"
#include "weir/runtime/row_store.h"
#include "weir/state/checkpoint_files.h"
#include "weir/state/rocksdb_store.h"

namespace weir::coordinator {

// All of one process.
class RowStores {
 public:
  // `files` must outlive the stores.
  RowStores(state::CheckpointFiles& files, StateBackend backend);

  absl::StatusOr<std::unique_ptr<runtime::RowStore>> make(const std::string& task_uid,
                                                          const DeployedTask& task) const;

 private:
  state::CheckpointFiles& files_;
  std::shared_ptr<state::RocksDbResources> resources_;  // null: the memory backend
};

}  // namespace weir::coordinator
