// Content files of a checkpoint folder: written once, verified before use.
#include <utility>

#include "absl/strings/str_cat.h"
#include "file_name.h"
#include "weir/runtime/content_hash.h"
#include "weir/state/checkpoint_files.h"

namespace weir::state {

using runtime::CheckpointId;
using runtime::MutexLock;
using runtime::SnapshotFile;

namespace {

// Length and hash of a file, which need not fit into memory.
absl::Status measure(runtime::Storage& storage, const std::string& path, SnapshotFile* file) {
  runtime::ContentHasher hasher;
  const absl::Status status = storage.read_pieces(path, [&](std::string_view bytes) {
    hasher.update(bytes);
    file->bytes += bytes.size();
  });
  file->hash = hasher.hex();
  return status;
}

}  // namespace

CheckpointFiles::CheckpointFiles(runtime::Storage& storage, std::string dir, runtime::Epoch epoch,
                                 std::string local)
    : storage_(storage), dir_(std::move(dir)), epoch_(epoch), local_(std::move(local)) {}

std::string CheckpointFiles::new_name(const FileOwner& owner, std::string_view extension,
                                      const std::string& hash) {
  std::uint64_t sequence = 0;
  {
    const MutexLock lock(mutex_);
    sequence = next_file_++;
  }
  const FileName name{
      epoch_, owner.checkpoint,      task_name(owner.task_uid), owner.task_index, sequence,
      hash,   std::string(extension)};
  return name.text();
}

absl::StatusOr<SnapshotFile> CheckpointFiles::put_bytes(const FileOwner& owner,
                                                        std::string_view extension,
                                                        std::string_view bytes) {
  if (absl::Status status = poison(); !status.ok()) return status;
  SnapshotFile file;
  file.bytes = bytes.size();
  file.hash = runtime::content_hash(bytes);
  file.name = new_name(owner, extension, file.hash);
  if (absl::Status status = write_new(file_path(file.name), bytes, "file"); !status.ok()) {
    discard(file);
    return status;
  }
  return file;
}

absl::StatusOr<SnapshotFile> CheckpointFiles::put_link(const FileOwner& owner,
                                                       std::string_view extension,
                                                       const std::string& path) {
  if (absl::Status status = poison(); !status.ok()) return status;
  SnapshotFile file;
  if (absl::Status status = measure(storage_, path, &file); !status.ok()) return status;
  file.name = new_name(owner, extension, file.hash);
  storage_.step("file.link");
  if (absl::Status status = storage_.link(path, file_path(file.name)); !status.ok()) {
    discard(file);
    return status;
  }
  return file;
}

absl::Status CheckpointFiles::sync_files() {
  if (absl::Status status = poison(); !status.ok()) return status;
  storage_.step("files.sync_dir");
  return storage_.sync_dir(files_dir());
}

void CheckpointFiles::discard(const SnapshotFile& file) {
  const std::string path = file_path(file.name);
  // What cannot be removed now is swept later: no manifest names it.
  if (storage_.exists(path)) storage_.remove(path).IgnoreError();
}

absl::Status CheckpointFiles::refuse(const SnapshotFile& file, const std::string& why) const {
  return absl::DataLossError(absl::StrCat("file ", file_path(file.name), " ", why));
}

absl::Status CheckpointFiles::check_name(const SnapshotFile& file) const {
  if (FileName::parse(file.name).has_value()) return absl::OkStatus();
  return refuse(file, "has a name that Weir does not give");
}

absl::Status CheckpointFiles::check_content(const SnapshotFile& file, const absl::Status& is_read,
                                            const SnapshotFile& found) const {
  if (absl::IsNotFound(is_read)) return refuse(file, "is missing");
  if (!is_read.ok()) return is_read;
  if (found.bytes != file.bytes) {
    return refuse(file, absl::StrCat("has ", found.bytes, " bytes instead of ", file.bytes));
  }
  if (found.hash != file.hash) {
    return refuse(file,
                  absl::StrCat("is damaged: its hash is ", found.hash, " instead of ", file.hash));
  }
  return absl::OkStatus();
}

absl::Status CheckpointFiles::verify(const SnapshotFile& file) {
  const std::string key = absl::StrCat(file.name, " ", file.bytes, " ", file.hash);
  {
    const MutexLock lock(mutex_);
    if (verified_.count(key) > 0) return absl::OkStatus();
  }
  if (absl::Status named = check_name(file); !named.ok()) return named;
  SnapshotFile found;
  const absl::Status is_read = measure(storage_, file_path(file.name), &found);
  if (absl::Status same = check_content(file, is_read, found); !same.ok()) return same;
  const MutexLock lock(mutex_);
  verified_.insert(key);
  return absl::OkStatus();
}

absl::StatusOr<std::string> CheckpointFiles::read(const SnapshotFile& file) {
  if (absl::Status status = poison(); !status.ok()) return status;
  if (absl::Status named = check_name(file); !named.ok()) return named;
  absl::StatusOr<std::string> bytes = storage_.read(file_path(file.name));
  SnapshotFile found;
  if (bytes.ok()) {
    found.bytes = bytes->size();
    found.hash = runtime::content_hash(*bytes);
  }
  if (absl::Status same = check_content(file, bytes.status(), found); !same.ok()) return same;
  return bytes;
}

absl::Status CheckpointFiles::fetch(const SnapshotFile& file, const std::string& path) {
  if (absl::Status status = poison(); !status.ok()) return status;
  if (absl::Status status = verify(file); !status.ok()) return status;
  return storage_.link(file_path(file.name), path);
}

absl::StatusOr<Manifest> CheckpointFiles::read_manifest(CheckpointId id) {
  const std::string path = checkpoint_dir(id) + "/manifest.json";
  const absl::StatusOr<std::string> text = storage_.read(path);
  if (!text.ok()) return text.status();
  absl::StatusOr<Manifest> manifest = Manifest::parse(*text, path);
  if (!manifest.ok()) return manifest.status();
  if (manifest->id != id) {
    return absl::DataLossError(
        absl::StrCat(path, " is the manifest of checkpoint ", manifest->id.value));
  }
  return manifest;
}

std::string CheckpointFiles::local_dir(std::string_view task_uid, std::uint32_t task_index) const {
  return absl::StrCat(local_, "/", task_name(task_uid), "-", task_index);
}

std::string CheckpointFiles::checkpoint_dir(CheckpointId id) const {
  return absl::StrCat(checkpoints_dir(), "/", checkpoint_name(id));
}

absl::Status CheckpointFiles::poison() const {
  const MutexLock lock(mutex_);
  return poison_;
}

void CheckpointFiles::poison(const absl::Status& why) {
  const MutexLock lock(mutex_);
  poison_ = why;
}

absl::Status CheckpointFiles::write_new(const std::string& path, std::string_view bytes,
                                        std::string_view step) {
  const absl::string_view name(step.data(), step.size());
  storage_.step(absl::StrCat(name, ".write"));
  absl::StatusOr<std::unique_ptr<runtime::StorageFile>> file = storage_.create(path);
  if (!file.ok()) return file.status();
  absl::Status status = (*file)->append(bytes);
  if (status.ok()) {
    storage_.step(absl::StrCat(name, ".sync"));
    status = (*file)->sync();
  }
  if (status.ok()) status = (*file)->close();
  return status;
}

}  // namespace weir::state
