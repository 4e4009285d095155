// Finding, reading and verifying complete checkpoints.
#include <utility>

#include "absl/strings/str_cat.h"
#include "file_name.h"
#include "weir/runtime/check.h"
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

absl::Status CheckpointStore::adopt(const std::string& dir, Manifest savepoint) {
  const absl::StatusOr<std::vector<CheckpointId>> ids = list();
  if (!ids.ok()) return ids.status();
  WEIR_CHECK(ids->empty(), "a savepoint is where a folder begins");
  WEIR_CHECK(savepoint.epoch < epoch(), "the folder was opened above the savepoint's epoch");
  for (const runtime::TaskSnapshot& task : savepoint.tasks) {
    for (const runtime::SnapshotFile& file : task.rows.files) {
      const auto name = FileName::parse(file.name);
      if (!name.has_value() || !(name->epoch < epoch())) {
        return absl::DataLossError(absl::StrCat("the savepoint in ", dir, " names a file '",
                                                file.name, "' that Weir does not write"));
      }
      const std::string to = file_path(file.name);
      if (storage_.exists(to)) {
        if (verify(file).ok()) continue;  // another task names it too, or another try has put it
        if (absl::Status s = storage_.remove(to); !s.ok()) return s;
      }
      storage_.step("adopt.link");
      if (absl::Status s = storage_.link(dir + "/files/" + file.name, to); !s.ok()) return s;
    }
  }
  savepoint.job = identity_.job;
  savepoint.topology = identity_.topology;
  if (absl::Status s = complete_now(savepoint); !s.ok()) return s;
  completed_ = CheckpointId(0);  // not by this attempt: nothing may be collected yet
  return absl::OkStatus();
}

}  // namespace weir::state
