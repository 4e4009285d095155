// CheckpointFiles: the content files of a job's checkpoint folder, as every process of the job sees
// them. Workers put files here and read them back; which of them count is decided by manifests,
// which only the folder's owner (CheckpointStore) writes.
//
//   <dir>/files/e<epoch>-c<id>-<task>-<index>-<seq>-<hash>.<ext>      content, never changed
//
// Names carry epoch and task, so processes of one attempt never meet in a name. Calls block; they
// belong on I/O threads, and may come from any thread. Every write, sync and rename is preceded by
// Storage::step(). Page: docs/internals/state-format.md.
#pragma once

#include <cstdint>
#include <set>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "weir/runtime/ids.h"
#include "weir/runtime/mutex.h"
#include "weir/runtime/row_store.h"
#include "weir/runtime/storage.h"
#include "weir/state/manifest.h"

namespace weir::state {

// Whom a file belongs to; becomes part of its name.
struct FileOwner {
  runtime::CheckpointId checkpoint;
  std::string task_uid;
  std::uint32_t task_index = 0;
};

class CheckpointFiles {
 public:
  // The files of attempt `epoch` in the checkpoint folder `dir`, which its owner has made.
  // `local`: where this process has its working folders, best on the same file system.
  CheckpointFiles(runtime::Storage& storage, std::string dir, runtime::Epoch epoch,
                  std::string local);
  CheckpointFiles(const CheckpointFiles&) = delete;
  CheckpointFiles& operator=(const CheckpointFiles&) = delete;

  const std::string& dir() const { return dir_; }
  runtime::Storage& storage() { return storage_; }
  // Of this attempt; greater than any epoch before in this folder.
  runtime::Epoch epoch() const { return epoch_; }
  // A working folder of a task; not made yet. Nothing in it outlives the process.
  std::string local_dir(std::string_view task_uid, std::uint32_t task_index) const;

  // Stores a new file with these bytes. The bytes are durable on return, the name after
  // sync_files().
  absl::StatusOr<runtime::SnapshotFile> put_bytes(const FileOwner& owner,
                                                  std::string_view extension,
                                                  std::string_view bytes);
  // Stores the file `path` of the same file system, whose bytes are durable and will not change,
  // under a new name (a hard link).
  absl::StatusOr<runtime::SnapshotFile> put_link(const FileOwner& owner, std::string_view extension,
                                                 const std::string& path);
  absl::Status sync_files();
  // Takes back a file that no snapshot names (of a write that was given up). Best effort.
  void discard(const runtime::SnapshotFile& file);
  // Compares length and hash of a stored file with `file`; at once if this was done before.
  // kDataLoss names the file.
  absl::Status verify(const runtime::SnapshotFile& file);
  // The verified content of a file.
  absl::StatusOr<std::string> read(const runtime::SnapshotFile& file);
  // Gives the verified content of a file a second name `path`.
  absl::Status fetch(const runtime::SnapshotFile& file, const std::string& path);

  // The manifest of a complete checkpoint, its seal verified; its files are not.
  absl::StatusOr<Manifest> read_manifest(runtime::CheckpointId id);

 protected:
  void set_epoch(runtime::Epoch epoch) { epoch_ = epoch; }
  std::string files_dir() const { return dir_ + "/files"; }
  std::string checkpoints_dir() const { return dir_ + "/checkpoints"; }
  std::string file_path(const std::string& name) const { return files_dir() + "/" + name; }
  std::string checkpoint_dir(runtime::CheckpointId id) const;
  absl::Status write_new(const std::string& path, std::string_view bytes, std::string_view step);
  // After this every call is refused with `why`.
  void poison(const absl::Status& why);
  absl::Status poison() const;

  runtime::Storage& storage_;  // fixed
  const std::string dir_;      // fixed

 private:
  absl::Status check_name(const runtime::SnapshotFile& file) const;
  // Whether what was read, with length and hash as in `found`, is what `file` says.
  absl::Status check_content(const runtime::SnapshotFile& file, const absl::Status& is_read,
                             const runtime::SnapshotFile& found) const;
  absl::Status refuse(const runtime::SnapshotFile& file, const std::string& why) const;
  std::string new_name(const FileOwner& owner, std::string_view extension, const std::string& hash);

  runtime::Epoch epoch_;     // fixed once files are put
  const std::string local_;  // fixed

  mutable runtime::Mutex mutex_;
  std::uint64_t next_file_ ABSL_GUARDED_BY(mutex_) = 1;
  std::set<std::string> verified_ ABSL_GUARDED_BY(mutex_);  // names whose hash was checked
  absl::Status poison_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace weir::state
