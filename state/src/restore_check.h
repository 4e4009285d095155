// What every backend checks before it believes a snapshot.
#pragma once

#include <span>
#include <string_view>

#include "absl/status/status.h"
#include "weir/runtime/row_store.h"
#include "weir/state/checkpoint_files.h"

namespace weir::state {

// All snapshots are of `format`, together hold each of `groups` exactly once, and all their files
// are as long and hash as they should. kFailedPrecondition for another backend's snapshots,
// kDataLoss for everything else.
absl::Status check_restore(CheckpointFiles& store, std::span<const runtime::RowSnapshot> snapshots,
                           runtime::KeyGroupRange groups, std::string_view format);

// The key group at the start of a row's key must be one of the snapshot's.
absl::Status check_row_group(std::string_view key, runtime::KeyGroupRange groups);
runtime::KeyGroup group_of_row(std::string_view key);

// The first bytes of all keys of a group.
std::string group_prefix(runtime::KeyGroup group);

}  // namespace weir::state
