#include "weir/state/savepoint.h"

#include <algorithm>
#include <set>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "file_name.h"

namespace weir::state {
namespace {

using runtime::CheckpointId;
using runtime::remove_if_there;
using runtime::SnapshotFile;
using runtime::Storage;

constexpr const char* kOtherSavepoint = "; restore it from a backup, or use another savepoint";

std::string manifest_path(const std::string& dir) { return dir + "/manifest.json"; }
std::string temporary_path(const std::string& dir) { return dir + "/manifest.tmp"; }

// What one that was begun and never finished looks like.
absl::StatusOr<bool> is_unfinished(Storage& storage, const std::string& dir,
                                   const std::vector<std::string>& names) {
  for (const std::string& name : names) {
    if (name == "manifest.tmp") continue;
    if (name != "files") return false;
    const absl::StatusOr<std::vector<std::string>> files = storage.list(dir + "/files");
    if (!files.ok()) return files.status();
    for (const std::string& file : *files) {
      if (!FileName::parse(file).has_value()) return false;
    }
  }
  return true;
}

std::vector<SnapshotFile> files_of(const Manifest& manifest) {
  std::vector<SnapshotFile> files;
  std::set<std::string> seen;
  for (const runtime::TaskSnapshot& task : manifest.tasks) {
    for (const SnapshotFile& file : task.rows.files) {
      if (seen.insert(file.name).second) files.push_back(file);
    }
  }
  return files;
}

absl::StatusOr<CheckpointId> newest_complete(Storage& storage, const std::string& state_dir) {
  CheckpointId newest{0};
  const std::string dir = state_dir + "/checkpoints";
  if (storage.exists(dir)) {
    const absl::StatusOr<std::vector<std::string>> names = storage.list(dir);
    if (!names.ok()) return names.status();
    for (const std::string& name : *names) {
      const auto id = parse_checkpoint_name(name);
      if (!id.has_value() || !storage.exists(manifest_path(dir + "/" + name))) continue;
      newest = std::max(newest, *id);
    }
  }
  if (newest.value == 0) {
    return absl::NotFoundError(
        "the job has no complete checkpoint that could be kept: ask again when it has taken one");
  }
  // Whoever completed it may have died before its name was durable.
  if (absl::Status s = storage.sync_dir(dir + "/" + checkpoint_name(newest)); !s.ok()) return s;
  return newest;
}

}  // namespace

absl::Status check_savepoint_target(Storage& storage, const std::string& dir) {
  const bool climbs = absl::StrContains(absl::StrCat(dir, "/"), "/../");
  if (dir.size() < 2 || dir.front() != '/' || dir.back() == '/' || climbs) {
    return absl::InvalidArgumentError(absl::StrCat(
        "a savepoint needs a folder of its own, named from the root, not '", dir, "'"));
  }
  if (!storage.exists(dir)) return absl::OkStatus();
  const absl::StatusOr<std::vector<std::string>> names = storage.list(dir);
  if (!names.ok()) return names.status();
  if (storage.exists(manifest_path(dir))) {
    return absl::AlreadyExistsError(
        absl::StrCat("there is a savepoint in ", dir, " already: name another folder"));
  }
  const absl::StatusOr<bool> ours = is_unfinished(storage, dir, *names);
  if (!ours.ok()) return ours.status();
  if (*ours) return absl::OkStatus();
  return absl::FailedPreconditionError(
      absl::StrCat(dir, " is not empty: a savepoint needs a folder of its own, new or empty"));
}

absl::StatusOr<Manifest> read_savepoint(Storage& storage, const std::string& dir) {
  const std::string path = manifest_path(dir);
  if (!storage.exists(dir)) {
    return absl::NotFoundError(
        absl::StrCat("there is no savepoint in ", dir, ": the folder does not exist"));
  }
  if (!storage.exists(path)) {
    const char* what = "it holds no manifest.json; name the folder that 'weir savepoint' has made";
    if (storage.exists(dir + "/job.json")) {
      what = "it is the working folder of a job; keep its state with 'weir savepoint JOB DIR'";
    } else if (storage.exists(dir + "/files")) {
      what = "it was begun and never finished; take another one";
    }
    return absl::NotFoundError(absl::StrCat(dir, " is no savepoint: ", what));
  }
  const absl::StatusOr<std::string> text = storage.read(path);
  if (!text.ok()) return text.status();
  absl::StatusOr<Manifest> manifest = Manifest::parse(*text, path);
  if (absl::IsDataLoss(manifest.status())) {
    return absl::DataLossError(absl::StrCat(
        "the savepoint cannot be used: ", manifest.status().message(), kOtherSavepoint));
  }
  return manifest;
}

SavepointVerifier::SavepointVerifier(Storage& storage, const std::string& dir,
                                     const Manifest& manifest)
    : from_(storage, dir, runtime::Epoch(0), ""), files_(files_of(manifest)) {}

absl::Status SavepointVerifier::verify_next() {
  const absl::Status status = from_.verify(files_[next_++]);
  if (status.ok()) return status;
  return absl::Status(
      status.code(),
      absl::StrCat("the savepoint cannot be used: ", status.message(), kOtherSavepoint));
}

absl::Status verify_savepoint(Storage& storage, const std::string& dir, const Manifest& manifest) {
  SavepointVerifier verifier(storage, dir, manifest);
  while (verifier.has_more()) {
    if (absl::Status s = verifier.verify_next(); !s.ok()) return s;
  }
  return absl::OkStatus();
}

SavepointWriter::SavepointWriter(Storage& storage, const std::string& state_dir,
                                 const std::string& dir)
    : storage_(storage),
      from_(storage, state_dir, runtime::Epoch(0), ""),
      to_(storage, dir, runtime::Epoch(0), "") {}

absl::Status SavepointWriter::begin(CheckpointId checkpoint) {
  if (absl::Status s = check_savepoint_target(storage_, to_.dir()); !s.ok()) return s;
  if (checkpoint.value == 0) {
    const absl::StatusOr<CheckpointId> newest = newest_complete(storage_, from_.dir());
    if (!newest.ok()) return newest.status();
    checkpoint = *newest;
  }
  absl::StatusOr<Manifest> manifest = from_.read_manifest(checkpoint);
  if (!manifest.ok()) return manifest.status();
  manifest_ = *std::move(manifest);
  files_ = files_of(manifest_);
  for (const SnapshotFile& file : files_) bytes_ += file.bytes;
  return make_folder();
}

absl::Status SavepointWriter::make_folder() {
  is_made_ = true;
  const std::string files = to_.dir() + "/files";
  if (storage_.exists(files)) {
    if (absl::Status s = storage_.remove_all(files); !s.ok()) return s;
  }
  if (absl::Status s = remove_if_there(storage_, temporary_path(to_.dir())); !s.ok()) return s;
  storage_.step("savepoint.make_dir");
  return storage_.make_dirs(files);
}

absl::Status SavepointWriter::put_next() {
  const SnapshotFile& file = files_[next_++];
  storage_.step("savepoint.link");
  const absl::Status linked =
      storage_.link(from_.dir() + "/files/" + file.name, to_.dir() + "/files/" + file.name);
  return linked.ok() ? to_.verify(file) : linked;
}

absl::Status SavepointWriter::finish() {
  if (absl::Status s = to_.sync_files(); !s.ok()) return s;
  const std::string temporary = temporary_path(to_.dir());
  storage_.step("savepoint.write");
  absl::Status written = runtime::write_synced(storage_, temporary, manifest_.to_text());
  if (!written.ok()) return written;
  storage_.step("savepoint.rename");
  if (absl::Status s = storage_.rename(temporary, manifest_path(to_.dir())); !s.ok()) return s;
  storage_.step("savepoint.sync_dir");
  return storage_.sync_dir(to_.dir());
}

void SavepointWriter::discard() {
  if (!is_made_) return;
  // The manifest first: what is left without it is none.
  for (const std::string& path : {manifest_path(to_.dir()), temporary_path(to_.dir())}) {
    remove_if_there(storage_, path).IgnoreError();
  }
  if (storage_.exists(to_.dir() + "/files"))
    storage_.remove_all(to_.dir() + "/files").IgnoreError();
}

}  // namespace weir::state
