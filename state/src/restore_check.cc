#include "restore_check.h"

#include <algorithm>
#include <set>

#include "absl/strings/str_cat.h"

namespace weir::state {

using runtime::KeyGroup;
using runtime::KeyGroupRange;
using runtime::RowSnapshot;

namespace {

// The tables that come out; just "0" if all stay as they are.
std::set<std::uint16_t> tables_of(std::span<const RowSnapshot> snapshots) {
  std::set<std::uint16_t> tables;
  for (const RowSnapshot& snapshot : snapshots) {
    for (const std::uint16_t table : snapshot.tables) {
      if (table != 0) tables.insert(table);
    }
  }
  if (tables.empty()) tables.insert(0);
  return tables;
}

bool holds(const RowSnapshot& snapshot, KeyGroup group, std::uint16_t table) {
  if (!snapshot.groups.contains(group)) return false;
  const auto& tables = snapshot.tables;
  return table == 0 || tables.empty() ||
         std::find(tables.begin(), tables.end(), table) != tables.end();
}

absl::Status check_groups(std::span<const RowSnapshot> snapshots, KeyGroupRange groups,
                          std::uint16_t table) {
  for (std::uint32_t g = groups.first.value; g <= groups.last.value; ++g) {
    const KeyGroup group(static_cast<std::uint16_t>(g));
    int holders = 0;
    for (const RowSnapshot& snapshot : snapshots) holders += holds(snapshot, group, table);
    if (holders == 1) continue;
    return absl::DataLossError(absl::StrCat(
        "key group ", g, " is in ", holders,
        " task snapshots of the checkpoint instead of one; restore another checkpoint"));
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status check_restore(CheckpointFiles& store, std::span<const RowSnapshot> snapshots,
                           KeyGroupRange groups, std::string_view format) {
  for (const RowSnapshot& snapshot : snapshots) {
    if (snapshot.format != format) {
      return absl::FailedPreconditionError(absl::StrCat(
          "the checkpoint's state is of backend '", snapshot.format, "', and this run uses '",
          absl::string_view(format.data(), format.size()),
          "': choose the backend it was written by, or start with a new state folder"));
    }
  }
  for (const std::uint16_t table : tables_of(snapshots)) {
    if (absl::Status status = check_groups(snapshots, groups, table); !status.ok()) return status;
  }
  for (const RowSnapshot& snapshot : snapshots) {
    for (const runtime::SnapshotFile& file : snapshot.files) {
      if (absl::Status status = store.verify(file); !status.ok()) return status;
    }
  }
  return absl::OkStatus();
}

KeyGroup group_of_row(std::string_view key) {
  const auto high = static_cast<unsigned char>(key[0]);
  const auto low = static_cast<unsigned char>(key[1]);
  return KeyGroup(static_cast<std::uint16_t>(high << 8 | low));
}

absl::Status check_row_group(std::string_view key, KeyGroupRange groups) {
  if (key.size() >= 2 && groups.contains(group_of_row(key))) return absl::OkStatus();
  return absl::DataLossError(
      "a restored row is outside the key groups of its snapshot; restore another checkpoint");
}

bool changes_tables(const RowSnapshot& snapshot) {
  for (std::size_t t = 1; t < snapshot.tables.size(); ++t) {
    if (snapshot.tables[t] != t) return true;
  }
  return false;
}

std::optional<std::string> renamed_row(const RowSnapshot& snapshot, std::string_view key) {
  if (key.size() < 4) return std::nullopt;
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(key[i]); };
  const auto table = static_cast<std::uint16_t>(byte(2) << 8 | byte(3));
  const std::uint16_t now = snapshot.table_now(table);
  if (now == 0) return std::nullopt;
  std::string row(key);
  row[2] = static_cast<char>(now >> 8);
  row[3] = static_cast<char>(now & 0xff);
  return row;
}

std::string table_prefix(KeyGroup group, std::uint16_t table) {
  return group_prefix(group) + static_cast<char>(table >> 8) + static_cast<char>(table & 0xff);
}

std::string group_prefix(KeyGroup group) {
  return {static_cast<char>(group.value >> 8), static_cast<char>(group.value & 0xff)};
}

}  // namespace weir::state
