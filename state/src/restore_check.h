// What every backend checks before it believes a snapshot.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "weir/runtime/row_store.h"
#include "weir/state/checkpoint_files.h"

namespace weir::state {

// All snapshots are of `format`, together hold each of `groups` exactly once for each table that
// comes out of them, and all their files
// are as long and hash as they should. kFailedPrecondition for another backend's snapshots,
// kDataLoss for everything else.
absl::Status check_restore(CheckpointFiles& store, std::span<const runtime::RowSnapshot> snapshots,
                           runtime::KeyGroupRange groups, std::string_view format);

// The key group at the start of a row's key must be one of the snapshot's.
absl::Status check_row_group(std::string_view key, runtime::KeyGroupRange groups);
runtime::KeyGroup group_of_row(std::string_view key);

// Whether the rows come out under other table numbers, or not all of them do.
bool changes_tables(const runtime::RowSnapshot& snapshot);
// The row key with its table as it is called now; nullopt: the row is left out.
std::optional<std::string> renamed_row(const runtime::RowSnapshot& snapshot, std::string_view key);

// The first bytes of all keys of a group.
std::string group_prefix(runtime::KeyGroup group);
// ... and of a table in it.
std::string table_prefix(runtime::KeyGroup group, std::uint16_t table);

}  // namespace weir::state
