// Savepoint: a complete checkpoint as a folder of its own, which belongs to whoever asked for it.
// No collection touches it, and it stays whole when the job's folder is gone.
//
//   <dir>/files/<name>     hard links to content files of the checkpoint; copies where there are
//   none <dir>/manifest.json    the checkpoint's manifest: durable last
//
// Calls block; they belong on I/O threads, and to one of them at a time. Page:
// docs/internals/savepoints.md.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "weir/runtime/storage.h"
#include "weir/state/checkpoint_files.h"
#include "weir/state/manifest.h"

namespace weir::state {

// Whether a savepoint can be written to `dir`: kInvalidArgument if it is no absolute path,
// kAlreadyExists if a savepoint is there, kFailedPrecondition if anything else is.
absl::Status check_savepoint_target(runtime::Storage& storage, const std::string& dir);

// Its manifest, the seal verified. kNotFound: there is none (the message tells what there is
// instead); kDataLoss: it is torn or altered; kFailedPrecondition: another version wrote it.
absl::StatusOr<Manifest> read_savepoint(runtime::Storage& storage, const std::string& dir);

// Length and hash of its files, one after the other: verify_next() while has_more(). kDataLoss
// names the file that is missing or damaged; the rest need not be looked at then.
class SavepointVerifier {
 public:
  SavepointVerifier(runtime::Storage& storage, const std::string& dir, const Manifest& manifest);

  bool has_more() const { return next_ < files_.size(); }
  absl::Status verify_next();

 private:
  CheckpointFiles from_;
  std::vector<runtime::SnapshotFile> files_;
  std::size_t next_ = 0;
};
// All of them.
absl::Status verify_savepoint(runtime::Storage& storage, const std::string& dir,
                              const Manifest& manifest);

// Writes one: begin(), put_next() while has_more(), finish(). The files of the checkpoint must not
// be collected meanwhile. After an error: discard().
class SavepointWriter {
 public:
  // From the checkpoint folder `state_dir` to `dir`. Nothing is touched yet.
  SavepointWriter(runtime::Storage& storage, const std::string& state_dir, const std::string& dir);

  // Reads the manifest and makes the folder. `checkpoint` 0: the newest complete one; kNotFound if
  // there is none.
  absl::Status begin(runtime::CheckpointId checkpoint);
  bool has_more() const { return next_ < files_.size(); }
  // One file: links it, reads it back and compares its hash.
  absl::Status put_next();
  // When this returns OK, and only then, the savepoint exists.
  absl::Status finish();
  // Removes what was written. Best effort: what is left is no savepoint, and begun anew.
  void discard();

  // After begin().
  runtime::CheckpointId checkpoint() const { return manifest_.id; }
  std::uint64_t bytes() const { return bytes_; }  // of all its files

 private:
  absl::Status make_folder();

  runtime::Storage& storage_;
  CheckpointFiles from_;
  CheckpointFiles to_;
  Manifest manifest_;
  std::vector<runtime::SnapshotFile> files_;
  std::size_t next_ = 0;
  std::uint64_t bytes_ = 0;
  bool is_made_ = false;  // the folder is ours
};

}  // namespace weir::state
