#include "restore_check.h"

#include "absl/strings/str_cat.h"

namespace weir::state {

using runtime::KeyGroup;
using runtime::KeyGroupRange;
using runtime::RowSnapshot;

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
  for (std::uint32_t g = groups.first.value; g <= groups.last.value; ++g) {
    const KeyGroup group(static_cast<std::uint16_t>(g));
    int holders = 0;
    for (const RowSnapshot& snapshot : snapshots) holders += snapshot.groups.contains(group);
    if (holders != 1) {
      return absl::DataLossError(absl::StrCat(
          "key group ", g, " is in ", holders,
          " task snapshots of the checkpoint instead of one; restore another checkpoint"));
    }
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

std::string group_prefix(KeyGroup group) {
  return {static_cast<char>(group.value >> 8), static_cast<char>(group.value & 0xff)};
}

}  // namespace weir::state
