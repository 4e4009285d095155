// CheckpointStore: the state folder of one job. It owns the files of all checkpoints, their
// manifests, the ids that never repeat, and the lock that keeps a second process out.
//
//   <dir>/LOCK                               taken while a process runs the job
//   <dir>/job.json                           whose folder this is: job, topology, format
//   <dir>/sequence.json                      last epoch; checkpoint ids reserved so far
//   <dir>/files/e<epoch>-c<id>-<task>-<index>-<seq>-<hash>.<ext>      content, never changed
//   <dir>/checkpoints/<id>/manifest.json     a complete checkpoint
//   <dir>/local/                             working folders of the running process; emptied at
//   open
//
// In the flow: task I/O puts files -> all tasks have acked -> complete(manifest) -> sinks may
// commit
// -> collect(). Calls block; they belong on I/O threads. put_*, sync_files, verify, read, fetch and
// next_id may be called from any thread; the others from one thread at a time. Every write, sync
// and rename is preceded by Storage::step(). Page: docs/internals/state-format.md.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "weir/runtime/ids.h"
#include "weir/runtime/mutex.h"
#include "weir/runtime/row_store.h"
#include "weir/runtime/storage.h"
#include "weir/state/manifest.h"

namespace weir::state {

// Whose state folder it is. A folder is opened only by the job and topology that made it.
struct JobIdentity {
  std::string job;
  std::string topology;  // fingerprint
};

// Whom a file belongs to; becomes part of its name.
struct FileOwner {
  runtime::CheckpointId checkpoint;
  std::string task_uid;
  std::uint32_t task_index = 0;
};

class CheckpointStore {
 public:
  // Locks and opens `dir`, making it if need be, and begins a new epoch. Refuses with a message
  // that says what to do: kUnavailable if another process uses it, kFailedPrecondition if it
  // belongs to another job, topology or format or is a folder of something else, kDataLoss if it is
  // damaged.
  static absl::StatusOr<std::unique_ptr<CheckpointStore>> open(runtime::Storage& storage,
                                                               const std::string& dir,
                                                               const JobIdentity& identity);
  // Forgets everything that the folder holds, for a start from nothing; ids and epochs go on
  // rising, so that no name is ever used twice. Refuses a folder in use (kUnavailable) or of
  // somebody else (kFailedPrecondition). A folder that does not exist is fine.
  static absl::Status clear(runtime::Storage& storage, const std::string& dir,
                            const JobIdentity& identity);
  ~CheckpointStore();
  CheckpointStore(const CheckpointStore&) = delete;
  CheckpointStore& operator=(const CheckpointStore&) = delete;

  const std::string& dir() const { return dir_; }
  runtime::Storage& storage() { return storage_; }
  // Of this attempt; greater than any epoch before in this folder.
  runtime::Epoch epoch() const { return epoch_; }
  // An id that was never given out in this folder before, not even to a checkpoint that was
  // aborted.
  absl::StatusOr<runtime::CheckpointId> next_id();
  // A working folder of a task, under local/; not made yet. Nothing in it outlives the process.
  std::string local_dir(std::string_view task_uid, std::uint32_t task_index) const;

  // --- Restoring -------------------------------------------------------------------------------
  // Complete checkpoints, ascending. Says nothing about damage.
  absl::StatusOr<std::vector<runtime::CheckpointId>> list();
  // A checkpoint after its manifest and length and hash of all its files were verified. kDataLoss
  // names the file and what to do.
  absl::StatusOr<Manifest> load(runtime::CheckpointId id);
  // The newest checkpoint; nullopt if there is none. If it is damaged that is an error, because
  // sinks may have committed what it holds: only if `allow_older` says that this has been weighed,
  // older ones are tried, newest first.
  struct LoadOptions {
    bool allow_older = false;
  };
  absl::StatusOr<std::optional<Manifest>> load_latest(LoadOptions options);

  // --- Files -----------------------------------------------------------------------------------
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

  // --- Completing ------------------------------------------------------------------------------
  // Makes `manifest` durable; when this returns OK, and only then, the checkpoint is complete.
  // After an error before the rename the checkpoint is aborted and the next one may succeed. After
  // a later error nobody knows whether it is complete: the store then refuses everything, and the
  // process has to be started again.
  absl::Status complete(const Manifest& manifest);
  // Whether that has happened.
  bool is_in_doubt() { return !poison().ok(); }

  struct Collected {
    std::uint64_t checkpoints = 0;
    std::uint64_t files = 0;
    std::uint64_t bytes = 0;
  };
  // Mark and sweep: removes all complete checkpoints but the newest `keep` (at least 1), and every
  // file that neither these nor a checkpoint under way can name. Does nothing before this attempt
  // has completed a checkpoint, since until then tasks may still depend on the one they were
  // restored from. On any error in the marking nothing is removed.
  absl::StatusOr<Collected> collect(std::uint32_t keep = 2);

 private:
  CheckpointStore(runtime::Storage& storage, std::string dir, JobIdentity identity);

  absl::Status begin();  // the part of open() behind the lock
  absl::Status begin_clear();
  absl::Status write_identity();
  absl::Status check_identity();
  absl::Status begin_epoch();
  absl::Status largest_used(std::uint64_t* epoch, std::uint64_t* id);
  absl::Status reserve_ids(std::uint64_t reserved);
  absl::Status write_new(const std::string& path, std::string_view bytes, std::string_view step);
  absl::Status write_replacing(const std::string& path, std::string_view bytes,
                               std::string_view step);
  absl::StatusOr<Manifest> read_manifest(runtime::CheckpointId id);
  absl::Status check_name(const runtime::SnapshotFile& file) const;
  // Whether what was read, with length and hash as in `found`, is what `file` says.
  absl::Status check_content(const runtime::SnapshotFile& file, const absl::Status& is_read,
                             const runtime::SnapshotFile& found) const;
  absl::Status refuse(const runtime::SnapshotFile& file, const std::string& why) const;
  absl::Status complete_now(const Manifest& manifest);
  absl::StatusOr<std::set<std::string>> mark(const std::vector<runtime::CheckpointId>& retained);
  absl::Status sweep_checkpoints(const std::vector<runtime::CheckpointId>& retained,
                                 Collected* collected);
  absl::Status sweep_files(const std::set<std::string>& marked, Collected* collected);
  std::string new_name(const FileOwner& owner, std::string_view extension, const std::string& hash);
  std::string files_dir() const { return dir_ + "/files"; }
  std::string checkpoints_dir() const { return dir_ + "/checkpoints"; }
  std::string file_path(const std::string& name) const { return files_dir() + "/" + name; }
  std::string checkpoint_dir(runtime::CheckpointId id) const;
  absl::Status poison();

  // Fixed after open().
  runtime::Storage& storage_;
  const std::string dir_;
  const JobIdentity identity_;
  std::shared_ptr<void> lock_;
  runtime::Epoch epoch_{0};

  // One thread at a time.
  runtime::CheckpointId completed_{0};  // newest one completed by this attempt

  runtime::Mutex mutex_;
  std::uint64_t next_id_ ABSL_GUARDED_BY(mutex_) = 1;
  std::uint64_t reserved_ ABSL_GUARDED_BY(mutex_) = 0;  // ids up to here are durably taken
  std::uint64_t next_file_ ABSL_GUARDED_BY(mutex_) = 1;
  std::set<std::string> verified_ ABSL_GUARDED_BY(mutex_);  // names whose hash was checked
  absl::Status poison_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace weir::state
