// The memory backend: the tables of the task hold every row, and the store only makes snapshots of
// what was applied. A snapshot is a sorted base and deltas; a delta holds the rows applied since
// the snapshot before. When the deltas outgrow the base, base and deltas are merged into a new
// base.
//
// Cost of a snapshot: its own rows, plus (amortised) at most about as much again for merging.
// Between two snapshots the applied rows are kept in memory.
#pragma once

#include <memory>

#include "weir/runtime/row_store.h"
#include "weir/state/checkpoint_files.h"
#include "weir/state/row_owner.h"

namespace weir::state {

// `store` must outlive the result.
std::unique_ptr<runtime::RowStore> make_memory_store(CheckpointFiles& store, RowOwner owner);

}  // namespace weir::state
