#include "row_stores.h"

#include <utility>

#include "weir/state/memory_store.h"

namespace weir::coordinator {

RowStores::RowStores(state::CheckpointFiles& files, StateBackend backend) : files_(files) {
  if (backend == StateBackend::kRocksDb) resources_ = state::make_rocksdb_resources({});
}

absl::StatusOr<std::unique_ptr<runtime::RowStore>> RowStores::make(const std::string& task_uid,
                                                                   const DeployedTask& task) const {
  state::RowOwner owner{task_uid, task.index, task.groups};
  if (resources_ == nullptr) return state::make_memory_store(files_, std::move(owner));
  return state::open_rocksdb_store(files_, std::move(owner), resources_);
}

}  // namespace weir::coordinator
