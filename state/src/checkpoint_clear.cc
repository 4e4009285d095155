// Emptying a state folder for a start from nothing.
#include "absl/strings/str_cat.h"
#include "sealed_json.h"
#include "weir/state/checkpoint_store.h"

namespace weir::state {

absl::Status CheckpointStore::clear(runtime::Storage& storage, const std::string& dir,
                                    const JobIdentity& identity) {
  CheckpointStore store(storage, dir, identity);
  if (!storage.exists(store.dir_)) return absl::OkStatus();
  if (!storage.exists(store.dir_ + "/job.json")) return absl::OkStatus();  // open() judges it
  absl::StatusOr<std::shared_ptr<void>> lock = storage.lock(store.dir_ + "/LOCK");
  if (!lock.ok()) return lock.status();
  return store.begin_clear();
}

absl::Status CheckpointStore::begin_clear() {
  // Oldest first: whatever interrupts this, the newest checkpoint is there, or nothing is.
  if (storage_.exists(checkpoints_dir())) {
    const absl::StatusOr<std::vector<runtime::CheckpointId>> ids = list();
    if (!ids.ok()) return ids.status();
    for (const runtime::CheckpointId id : *ids) {
      storage_.step("clear.manifest");
      const std::string folder = checkpoint_dir(id);
      if (absl::Status s = storage_.remove(folder + "/manifest.json"); !s.ok()) return s;
      if (absl::Status s = storage_.sync_dir(folder); !s.ok()) return s;
    }
  }
  for (const std::string& sub : {checkpoints_dir(), files_dir(), dir_ + "/local"}) {
    storage_.step("clear.folder");
    if (!storage_.exists(sub)) continue;
    if (absl::Status s = storage_.remove_all(sub); !s.ok()) return s;
  }
  // A sequence that cannot be read would keep the folder from ever being opened.
  const std::string sequence = dir_ + "/sequence.json";
  if (storage_.exists(sequence)) {
    const absl::StatusOr<std::string> text = storage_.read(sequence);
    if (!text.ok() || !unseal(*text, sequence).ok()) {
      if (absl::Status s = storage_.remove(sequence); !s.ok()) return s;
    }
  }
  return write_identity();
}

}  // namespace weir::state
