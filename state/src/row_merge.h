// Base files, delta files and rows in memory as one sorted sequence of rows: the last change of
// each key, without what was removed. Holds the deltas in memory, and one base file at a time.
#pragma once

#include <functional>
#include <span>
#include <string_view>

#include "absl/status/status.h"
#include "weir/runtime/row_store.h"
#include "weir/state/checkpoint_files.h"

namespace weir::state {

using RowVisit = std::function<absl::Status(std::string_view key, std::string_view value)>;

// Appends the changes in `deltas`, in order, to `changes`.
absl::Status read_deltas(CheckpointFiles& store, std::span<const runtime::SnapshotFile> deltas,
                         runtime::RowBuffer* changes);

// Visits the rows of `bases` (ascending, one after the other) as `changes` leave them.
absl::Status merge_rows(CheckpointFiles& store, std::span<const runtime::SnapshotFile> bases,
                        const runtime::RowBuffer& changes, const RowVisit& visit);

}  // namespace weir::state
