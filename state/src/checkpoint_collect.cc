// Mark and sweep of old checkpoints. A file stays if a retained manifest names it, or if it is so
// new that a checkpoint under way may name it. What an older, unmarked file held cannot come back:
// each task names the files that are alive at every checkpoint, and a file that was not alive at a
// complete one is never alive again.
#include <algorithm>

#include "absl/strings/str_cat.h"
#include "file_name.h"
#include "weir/state/checkpoint_store.h"

namespace weir::state {

using runtime::CheckpointId;

absl::StatusOr<std::set<std::string>> CheckpointStore::mark(
    const std::vector<CheckpointId>& retained) {
  std::set<std::string> marked;
  for (const CheckpointId id : retained) {
    const absl::StatusOr<Manifest> manifest = read_own_manifest(id);
    if (!manifest.ok()) return manifest.status();
    for (const runtime::TaskSnapshot& task : manifest->tasks) {
      for (const runtime::SnapshotFile& file : task.rows.files) marked.insert(file.name);
    }
  }
  return marked;
}

absl::StatusOr<CheckpointStore::Collected> CheckpointStore::collect(std::uint32_t keep) {
  if (absl::Status status = poison(); !status.ok()) return status;
  Collected collected;
  if (completed_ == CheckpointId(0)) return collected;
  absl::StatusOr<std::vector<CheckpointId>> ids = list();
  if (!ids.ok()) return ids.status();
  const std::size_t kept = std::min<std::size_t>(std::max<std::uint32_t>(keep, 1), ids->size());
  const std::vector<CheckpointId> retained(ids->end() - static_cast<std::ptrdiff_t>(kept),
                                           ids->end());
  const absl::StatusOr<std::set<std::string>> marked = mark(retained);
  if (!marked.ok()) {
    return absl::Status(marked.status().code(),
                        absl::StrCat("old checkpoints are kept, since a newer one cannot be read: ",
                                     marked.status().message()));
  }
  if (absl::Status status = sweep_checkpoints(retained, &collected); !status.ok()) return status;
  if (absl::Status status = sweep_files(*marked, &collected); !status.ok()) return status;
  return collected;
}

// Manifests go first, durably, so that no manifest ever names a file that was swept.
absl::Status CheckpointStore::sweep_checkpoints(const std::vector<CheckpointId>& retained,
                                                Collected* collected) {
  const absl::StatusOr<std::vector<std::string>> names = storage_.list(checkpoints_dir());
  if (!names.ok()) return names.status();
  bool swept = false;
  for (const std::string& name : *names) {
    const auto id = parse_checkpoint_name(name);
    if (!id.has_value() || *id > completed_) continue;
    if (std::find(retained.begin(), retained.end(), *id) != retained.end()) continue;
    const std::string manifest = checkpoint_dir(*id) + "/manifest.json";
    storage_.step("collect.checkpoint");
    if (storage_.exists(manifest)) {
      if (absl::Status status = storage_.remove(manifest); !status.ok()) return status;
      if (absl::Status status = storage_.sync_dir(checkpoint_dir(*id)); !status.ok()) return status;
      ++collected->checkpoints;
    }
    if (absl::Status status = storage_.remove_all(checkpoint_dir(*id)); !status.ok()) return status;
    swept = true;
  }
  return swept ? storage_.sync_dir(checkpoints_dir()) : absl::OkStatus();
}

absl::Status CheckpointStore::sweep_files(const std::set<std::string>& marked,
                                          Collected* collected) {
  const absl::StatusOr<std::vector<std::string>> names = storage_.list(files_dir());
  if (!names.ok()) return names.status();
  for (const std::string& name : *names) {
    const auto file = FileName::parse(name);
    if (!file.has_value() || marked.count(name) > 0) continue;
    const bool under_way = file->epoch == epoch() && file->checkpoint > completed_;
    if (under_way) continue;
    const absl::StatusOr<std::uint64_t> bytes = storage_.size(file_path(name));
    if (!bytes.ok()) return bytes.status();
    storage_.step("collect.file");
    if (absl::Status status = storage_.remove(file_path(name)); !status.ok()) return status;
    ++collected->files;
    collected->bytes += *bytes;
  }
  return absl::OkStatus();
}

}  // namespace weir::state
