// Finding, reading and verifying complete checkpoints.
#include <utility>

#include "absl/strings/str_cat.h"
#include "file_name.h"
#include "weir/state/checkpoint_store.h"

namespace weir::state {

using runtime::CheckpointId;

absl::StatusOr<std::vector<CheckpointId>> CheckpointStore::list() {
  absl::StatusOr<std::vector<std::string>> names = storage_.list(checkpoints_dir());
  if (!names.ok()) return names.status();
  std::vector<CheckpointId> ids;
  for (const std::string& name : *names) {
    const auto id = parse_checkpoint_name(name);
    if (id.has_value() && storage_.exists(checkpoint_dir(*id) + "/manifest.json")) {
      ids.push_back(*id);
    }
  }
  return ids;
}

absl::StatusOr<Manifest> CheckpointStore::read_own_manifest(CheckpointId id) {
  absl::StatusOr<Manifest> manifest = read_manifest(id);
  if (!manifest.ok()) return manifest.status();
  if (manifest->job != identity_.job || manifest->topology != identity_.topology) {
    return absl::FailedPreconditionError(absl::StrCat(
        checkpoint_dir(id), "/manifest.json is the manifest of another job or topology ('",
        manifest->job, "', fingerprint ", manifest->topology, ")"));
  }
  return manifest;
}

absl::StatusOr<Manifest> CheckpointStore::load(CheckpointId id) {
  if (absl::Status status = poison(); !status.ok()) return status;
  absl::StatusOr<Manifest> manifest = read_own_manifest(id);
  absl::Status status = manifest.status();
  if (manifest.ok()) {
    for (const runtime::TaskSnapshot& task : manifest->tasks) {
      for (const runtime::SnapshotFile& file : task.rows.files) {
        if (status = verify(file); !status.ok()) break;
      }
      if (!status.ok()) break;
    }
  }
  if (status.ok()) return manifest;
  return absl::Status(
      status.code(),
      absl::StrCat(
          "checkpoint ", id.value, " cannot be restored: ", status.message(),
          ". Nothing was restored. Put the file back from a backup; or go back to an older "
          "checkpoint explicitly, knowing that sinks may have committed what this one "
          "holds and would commit it again; or start with a new state folder"));
}

absl::StatusOr<std::optional<Manifest>> CheckpointStore::load_latest(LoadOptions options) {
  const absl::StatusOr<std::vector<CheckpointId>> ids = list();
  if (!ids.ok()) return ids.status();
  absl::Status first_failure;
  for (auto id = ids->rbegin(); id != ids->rend(); ++id) {
    absl::StatusOr<Manifest> manifest = load(*id);
    if (manifest.ok()) return std::optional<Manifest>(*std::move(manifest));
    if (first_failure.ok()) first_failure = manifest.status();
    if (!options.allow_older) break;
  }
  if (!first_failure.ok()) return first_failure;
  return std::optional<Manifest>();
}

absl::StatusOr<std::optional<Manifest>> CheckpointStore::latest() {
  const absl::StatusOr<std::vector<CheckpointId>> ids = list();
  if (!ids.ok()) return ids.status();
  if (ids->empty()) return std::nullopt;
  if (absl::Status s = storage_.sync_dir(checkpoint_dir(ids->back())); !s.ok()) return s;
  absl::StatusOr<Manifest> manifest = read_own_manifest(ids->back());
  if (!manifest.ok()) return manifest.status();
  return *std::move(manifest);
}

}  // namespace weir::state
