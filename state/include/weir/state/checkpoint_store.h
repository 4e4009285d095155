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
#include "weir/state/checkpoint_files.h"
#include "weir/state/manifest.h"

namespace weir::state {

// Whose state folder it is. A folder is opened only by the job and topology that made it.
struct JobIdentity {
  std::string job;
  std::string topology;  // fingerprint
};

// What epochs and ids of a folder have to be above: those of the savepoint that it begins with.
struct UsedBefore {
  runtime::Epoch epoch{0};
  runtime::CheckpointId id{0};
};

class CheckpointStore final : public CheckpointFiles {
 public:
  // Locks and opens `dir`, making it if need be, and begins a new epoch. Refuses with a message
  // that says what to do: kUnavailable if another process uses it, kFailedPrecondition if it
  // belongs to another job, topology or format or is a folder of something else, kDataLoss if it is
  // damaged.
  static absl::StatusOr<std::unique_ptr<CheckpointStore>> open(runtime::Storage& storage,
                                                               const std::string& dir,
                                                               const JobIdentity& identity,
                                                               UsedBefore used = {});
  // The same for an attempt that goes on in other processes while its owner was started again: the
  // epoch stays, and so do working folders. kAborted if another epoch has begun since.
  static absl::StatusOr<std::unique_ptr<CheckpointStore>> resume(runtime::Storage& storage,
                                                                 const std::string& dir,
                                                                 const JobIdentity& identity,
                                                                 runtime::Epoch epoch);
  // Forgets everything that the folder holds, for a start from nothing; ids and epochs go on
  // rising, so that no name is ever used twice. Refuses a folder in use (kUnavailable) or of
  // somebody else (kFailedPrecondition). A folder that does not exist is fine.
  static absl::Status clear(runtime::Storage& storage, const std::string& dir,
                            const JobIdentity& identity);

  // An id that was never given out in this folder before, not even to a checkpoint that was
  // aborted.
  absl::StatusOr<runtime::CheckpointId> next_id();

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

  // The newest checkpoint, for an owner whose tasks verify what they read: its manifest is, its
  // files are not. Its name is made durable first, since whoever completed it may have died over
  // that.
  absl::StatusOr<std::optional<Manifest>> latest();

  // Makes the savepoint in `dir` the first complete checkpoint of this folder, under this job's
  // name; its files become files of this folder. The folder has no complete checkpoint yet, and was
  // opened above the savepoint's epoch and id. If it is interrupted it may be done again.
  absl::Status adopt(const std::string& dir, Manifest savepoint);

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
  CheckpointStore(runtime::Storage& storage, const std::string& dir, JobIdentity identity);

  static absl::StatusOr<std::unique_ptr<CheckpointStore>> open_locked(runtime::Storage& storage,
                                                                      const std::string& dir,
                                                                      const JobIdentity& identity,
                                                                      runtime::Epoch resumed,
                                                                      UsedBefore used);
  // The part of open() behind the lock; `resumed` 0: none.
  absl::Status begin(runtime::Epoch resumed, UsedBefore used);
  absl::Status begin_clear();
  absl::Status write_identity();
  absl::Status check_identity();
  absl::Status begin_epoch(runtime::Epoch resumed, UsedBefore used);
  absl::Status largest_used(std::uint64_t* epoch, std::uint64_t* id);
  absl::Status reserve_ids(std::uint64_t reserved);
  absl::Status write_replacing(const std::string& path, std::string_view bytes,
                               std::string_view step);
  absl::StatusOr<Manifest> read_own_manifest(runtime::CheckpointId id);
  absl::Status complete_now(const Manifest& manifest);
  absl::StatusOr<std::set<std::string>> mark(const std::vector<runtime::CheckpointId>& retained);
  absl::Status sweep_checkpoints(const std::vector<runtime::CheckpointId>& retained,
                                 Collected* collected);
  absl::Status sweep_files(const std::set<std::string>& marked, Collected* collected);

  // Fixed after open().
  const JobIdentity identity_;
  std::shared_ptr<void> lock_;

  // One thread at a time.
  runtime::CheckpointId completed_{0};  // newest one completed by this attempt

  runtime::Mutex mutex_;
  std::uint64_t next_id_ ABSL_GUARDED_BY(mutex_) = 1;
  std::uint64_t reserved_ ABSL_GUARDED_BY(mutex_) = 0;  // ids up to here are durably taken
};

}  // namespace weir::state
