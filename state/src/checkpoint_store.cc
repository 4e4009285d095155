// Opening the state folder, ids that never repeat, and complete checkpoints.
#include "weir/state/checkpoint_store.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "file_name.h"
#include "sealed_json.h"
#include "weir/runtime/check.h"

namespace weir::state {
namespace {

using runtime::CheckpointId;
using runtime::Epoch;
using runtime::MutexLock;
using runtime::parent_of;
using runtime::remove_if_there;

// Ids are reserved in blocks of this many, so that giving one out costs no sync.
constexpr std::uint64_t kIdBlock = 100;

constexpr const char* kOtherFolder =
    "give the job a state folder of its own, or remove this one if its state is not needed";

std::string without_trailing_slash(std::string dir) {
  while (dir.size() > 1 && dir.back() == '/') dir.pop_back();
  return dir;
}

// A folder that is not empty and has no job.json belongs to somebody else.
absl::Status refuse_foreign(runtime::Storage& storage, const std::string& dir) {
  if (storage.exists(dir + "/job.json")) return absl::OkStatus();
  absl::StatusOr<std::vector<std::string>> names = storage.list(dir);
  if (!names.ok()) return names.status();
  for (const std::string& name : *names) {
    if (name == "LOCK" || name == "job.json.tmp") continue;
    return absl::FailedPreconditionError(
        absl::StrCat(dir, " is not a state folder of Weir: it has no job.json but holds '", name,
                     "'; give the job a new or empty folder"));
  }
  return absl::OkStatus();
}

absl::Status check_format(std::uint64_t format, const std::string& place) {
  if (format == kStateFormat) return absl::OkStatus();
  return absl::FailedPreconditionError(
      absl::StrCat(place, " has state format ", format, ", and this program reads format ",
                   kStateFormat, ": use the version of Weir that wrote it, or ", kOtherFolder));
}

}  // namespace

CheckpointStore::CheckpointStore(runtime::Storage& storage, const std::string& dir,
                                 JobIdentity identity)
    : CheckpointFiles(storage, dir, Epoch(0), dir + "/local"), identity_(std::move(identity)) {}

absl::StatusOr<std::unique_ptr<CheckpointStore>> CheckpointStore::open(runtime::Storage& storage,
                                                                       const std::string& dir,
                                                                       const JobIdentity& identity,
                                                                       UsedBefore used) {
  return open_locked(storage, dir, identity, Epoch(0), used);
}

absl::StatusOr<std::unique_ptr<CheckpointStore>> CheckpointStore::resume(
    runtime::Storage& storage, const std::string& dir, const JobIdentity& identity, Epoch epoch) {
  WEIR_CHECK(epoch.value != 0, "there is an epoch to go on with");
  return open_locked(storage, dir, identity, epoch, {});
}

absl::StatusOr<std::unique_ptr<CheckpointStore>> CheckpointStore::open_locked(
    runtime::Storage& storage, const std::string& dir, const JobIdentity& identity, Epoch resumed,
    UsedBefore used) {
  std::unique_ptr<CheckpointStore> store(
      new CheckpointStore(storage, without_trailing_slash(dir), identity));
  const std::string& path = store->dir_;
  const bool is_new = !storage.exists(path);
  if (absl::Status status = storage.make_dirs(path); !status.ok()) return status;
  if (is_new) {
    if (absl::Status status = storage.sync_dir(parent_of(path)); !status.ok()) return status;
  }
  if (absl::Status status = refuse_foreign(storage, path); !status.ok()) return status;
  absl::StatusOr<std::shared_ptr<void>> lock = storage.lock(path + "/LOCK");
  if (!lock.ok()) return lock.status();
  store->lock_ = *std::move(lock);
  if (absl::Status status = store->begin(resumed, used); !status.ok()) return status;
  return store;
}

absl::Status CheckpointStore::begin(Epoch resumed, UsedBefore used) {
  if (absl::Status status = check_identity(); !status.ok()) return status;
  for (const std::string& sub : {files_dir(), checkpoints_dir()}) {
    if (absl::Status status = storage_.make_dirs(sub); !status.ok()) return status;
  }
  if (absl::Status status = storage_.sync_dir(dir_); !status.ok()) return status;
  if (resumed.value == 0 && storage_.exists(dir_ + "/local")) {
    if (absl::Status status = storage_.remove_all(dir_ + "/local"); !status.ok()) return status;
  }
  return begin_epoch(resumed, used);
}

absl::Status CheckpointStore::write_identity() {
  const Json object = {{"weir", "state folder"},
                       {"format", kStateFormat},
                       {"job", identity_.job},
                       {"topology", identity_.topology}};
  return write_replacing(dir_ + "/job.json", seal(object), "job");
}

absl::Status CheckpointStore::check_identity() {
  const std::string path = dir_ + "/job.json";
  if (!storage_.exists(path)) {
    if (absl::Status status = refuse_foreign(storage_, dir_); !status.ok()) return status;
    return write_identity();
  }
  absl::StatusOr<std::string> text = storage_.read(path);
  if (!text.ok()) return text.status();
  absl::StatusOr<Json> json = unseal(*text, path);
  if (!json.ok()) return json.status();
  absl::Status status;
  JsonReader in(*json, path, &status);
  const std::uint64_t format = in.number("format");
  if (!status.ok()) return status;
  if (status = check_format(format, path); !status.ok()) return status;
  const JobIdentity owner{in.text("job"), in.text("topology")};
  if (!status.ok()) return status;
  if (owner.job != identity_.job) {
    return absl::FailedPreconditionError(absl::StrCat("state folder ", dir_, " belongs to job '",
                                                      owner.job, "', not to '", identity_.job,
                                                      "'; ", kOtherFolder));
  }
  if (owner.topology != identity_.topology) {
    return absl::FailedPreconditionError(
        absl::StrCat("state folder ", dir_, " was made by another topology of job '", owner.job,
                     "' (fingerprint ", owner.topology, ", this program has ", identity_.topology,
                     "); run the program that made it, or ", kOtherFolder));
  }
  return absl::OkStatus();
}

// The largest epoch and id that any name in the folder speaks of.
absl::Status CheckpointStore::largest_used(std::uint64_t* epoch, std::uint64_t* id) {
  absl::StatusOr<std::vector<std::string>> files = storage_.list(files_dir());
  if (!files.ok()) return files.status();
  for (const std::string& name : *files) {
    if (const auto file = FileName::parse(name)) {
      *epoch = std::max(*epoch, file->epoch.value);
      *id = std::max(*id, file->checkpoint.value);
    }
  }
  absl::StatusOr<std::vector<std::string>> checkpoints = storage_.list(checkpoints_dir());
  if (!checkpoints.ok()) return checkpoints.status();
  for (const std::string& name : *checkpoints) {
    if (const auto used = parse_checkpoint_name(name)) *id = std::max(*id, used->value);
  }
  return absl::OkStatus();
}

absl::Status CheckpointStore::begin_epoch(Epoch resumed, UsedBefore used) {
  const std::string path = dir_ + "/sequence.json";
  std::uint64_t epoch = 0;
  std::uint64_t id = 0;
  if (absl::Status status = largest_used(&epoch, &id); !status.ok()) return status;
  if (storage_.exists(path)) {
    absl::StatusOr<std::string> text = storage_.read(path);
    if (!text.ok()) return text.status();
    absl::StatusOr<Json> json = unseal(*text, path);
    if (!json.ok()) return json.status();
    absl::Status status;
    JsonReader in(*json, path, &status);
    epoch = std::max(epoch, in.number("epoch"));
    id = std::max(id, in.number("reserved_ids"));
    if (!status.ok()) return status;
  } else if (id > 0) {
    return absl::DataLossError(absl::StrCat(
        path, " is missing, so that checkpoint ids could repeat; restore it from a backup, or ",
        kOtherFolder));
  }
  if (resumed.value != 0 && resumed.value != epoch) {
    return absl::AbortedError(absl::StrCat("the attempt of epoch ", resumed.value, " in ", dir_,
                                           " has been replaced: the last epoch is ", epoch));
  }
  epoch = std::max(epoch, used.epoch.value);
  id = std::max(id, used.id.value);
  set_epoch(resumed.value != 0 ? resumed : Epoch(epoch + 1));
  const MutexLock lock(mutex_);
  next_id_ = id + 1;
  reserved_ = id + kIdBlock;
  return reserve_ids(reserved_);
}

absl::Status CheckpointStore::reserve_ids(std::uint64_t reserved) {
  const Json object = {{"weir", "sequence"}, {"epoch", epoch().value}, {"reserved_ids", reserved}};
  return write_replacing(dir_ + "/sequence.json", seal(object), "sequence");
}

absl::StatusOr<CheckpointId> CheckpointStore::next_id() {
  if (absl::Status status = poison(); !status.ok()) return status;
  const MutexLock lock(mutex_);
  if (next_id_ > reserved_) {
    if (absl::Status status = reserve_ids(reserved_ + kIdBlock); !status.ok()) return status;
    reserved_ += kIdBlock;
  }
  return CheckpointId(next_id_++);
}

absl::Status CheckpointStore::write_replacing(const std::string& path, std::string_view bytes,
                                              std::string_view step) {
  const std::string temporary = path + ".tmp";
  if (absl::Status status = remove_if_there(storage_, temporary); !status.ok()) return status;
  if (absl::Status status = write_new(temporary, bytes, step); !status.ok()) return status;
  const absl::string_view name(step.data(), step.size());
  storage_.step(absl::StrCat(name, ".rename"));
  if (absl::Status status = storage_.rename(temporary, path); !status.ok()) return status;
  storage_.step(absl::StrCat(name, ".sync_dir"));
  return storage_.sync_dir(parent_of(path));
}

absl::Status CheckpointStore::complete(const Manifest& manifest) {
  if (absl::Status status = poison(); !status.ok()) return status;
  WEIR_CHECK(manifest.epoch == epoch(), "a checkpoint of another attempt is being completed");
  WEIR_CHECK(manifest.id > completed_, "checkpoint ids must rise");
  WEIR_CHECK(manifest.job == identity_.job && manifest.topology == identity_.topology,
             "a checkpoint of another job is being completed");
  {
    const MutexLock lock(mutex_);
    WEIR_CHECK(manifest.id.value < next_id_, "a checkpoint id that was never given out");
  }
  return complete_now(manifest);
}

absl::Status CheckpointStore::complete_now(const Manifest& manifest) {
  if (absl::Status status = sync_files(); !status.ok()) return status;
  const std::string dir = checkpoint_dir(manifest.id);
  const std::string temporary = dir + "/manifest.tmp";
  const std::string path = dir + "/manifest.json";
  storage_.step("checkpoint.make_dir");
  if (absl::Status status = storage_.make_dirs(dir); !status.ok()) return status;
  storage_.step("checkpoint.sync_dir");
  if (absl::Status status = storage_.sync_dir(checkpoints_dir()); !status.ok()) return status;
  // Of a savepoint whose adoption failed here.
  if (absl::Status status = remove_if_there(storage_, temporary); !status.ok()) return status;
  if (absl::Status status = write_new(temporary, manifest.to_text(), "manifest"); !status.ok()) {
    return status;
  }
  storage_.step("manifest.rename");
  absl::Status status = storage_.rename(temporary, path);
  if (!status.ok() && !storage_.exists(path)) return status;
  if (status.ok()) {
    storage_.step("manifest.sync_dir");
    status = storage_.sync_dir(dir);
  }
  if (!status.ok()) {
    const absl::Status why = absl::Status(
        status.code(),
        absl::StrCat(status.message(), "; whether checkpoint ", manifest.id.value,
                     " is complete is not known, so start the program again: it finds out"));
    poison(why);
    return why;
  }
  completed_ = manifest.id;
  return absl::OkStatus();
}

}  // namespace weir::state
