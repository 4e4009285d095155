#include "output_folder.h"

#include <algorithm>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "output_names.h"
#include "weir/runtime/content_hash.h"

namespace weir::operators {
namespace {

constexpr std::uint64_t kMaxTasks = 10'000;  // what kTaskDigits can number

std::string parent_of(const std::string& path) {
  const std::size_t slash = path.find_last_of('/');
  if (slash == std::string::npos) return ".";
  return slash == 0 ? "/" : path.substr(0, slash);
}

absl::Status with_context(const absl::Status& status, const std::string& what) {
  return absl::Status(status.code(), absl::StrCat(what, ": ", status.message()));
}

// "weir-commit 1\njob J\ncheckpoint N\nepoch N\n"
std::string record_text(const CommitRecord& record) {
  return absl::StrCat("weir-commit 1\njob ", record.job, "\ncheckpoint ", record.checkpoint,
                      "\nepoch ", record.epoch, "\n");
}

std::optional<CommitRecord> parse_record(const std::string& text) {
  const std::vector<std::string> lines = absl::StrSplit(text, '\n');
  CommitRecord record;
  if (lines.size() != 5 || lines[0] != "weir-commit 1" || !lines[4].empty()) return std::nullopt;
  if (lines[1].rfind("job ", 0) != 0 || lines[2].rfind("checkpoint ", 0) != 0 ||
      lines[3].rfind("epoch ", 0) != 0) {
    return std::nullopt;
  }
  record.job = lines[1].substr(4);
  if (!absl::SimpleAtoi(lines[2].substr(11), &record.checkpoint)) return std::nullopt;
  if (!absl::SimpleAtoi(lines[3].substr(6), &record.epoch)) return std::nullopt;
  return record;
}

}  // namespace

OutputFolder::OutputFolder(std::string folder, std::string ending, const SinkContext& context)
    : folder_(std::move(folder)),
      staged_(folder_ + "/.staged"),
      commits_(folder_ + "/.commits"),
      ending_(std::move(ending)),
      job_(escaped_name(context.job)),
      sink_(context.name),
      task_(context.task_index),
      parallelism_(std::max(1u, context.parallelism)),
      epoch_(context.epoch.value),
      storage_(*context.storage) {}

absl::Status OutputFolder::open() {
  if (parallelism_ > kMaxTasks) {
    return absl::InvalidArgumentError(
        absl::StrCat("a file sink has at most ", kMaxTasks, " tasks; lower its parallelism"));
  }
  absl::Status status = storage_.make_dirs(staged_);
  if (status.ok()) status = storage_.make_dirs(commits_);
  if (status.ok()) status = storage_.sync_dir(folder_);
  if (status.ok()) status = storage_.sync_dir(parent_of(folder_));
  if (!status.ok()) {
    return with_context(status, absl::StrCat("cannot prepare the output folder \"", folder_, "\""));
  }
  absl::StatusOr<std::shared_ptr<void>> lock =
      storage_.lock(absl::StrCat(commits_, "/", record_name(task_), ".lock"));
  if (!lock.ok()) {
    return with_context(lock.status(), absl::StrCat("the output folder \"", folder_,
                                                    "\" is in use; stop the other run or choose "
                                                    "another folder"));
  }
  lock_ = *std::move(lock);
  return absl::OkStatus();
}

std::string OutputFolder::staged_name(std::uint64_t after_checkpoint,
                                      std::uint64_t sequence) const {
  return absl::StrCat(job_, "~", escaped_name(sink_), "~", fixed_width(task_, kTaskDigits), "~",
                      fixed_width(after_checkpoint, kCheckpointDigits), "~",
                      fixed_width(epoch_, kEpochDigits), "~",
                      fixed_width(sequence, kSequenceDigits));
}

std::string OutputFolder::target_name(std::uint64_t checkpoint, std::uint64_t number) const {
  return absl::StrCat(escaped_name(sink_), "-", fixed_width(task_, kTaskDigits), "-",
                      fixed_width(checkpoint, kCheckpointDigits), "-",
                      fixed_width(number, kNumberDigits), ending_);
}

std::string OutputFolder::record_name(std::uint64_t task) const {
  return absl::StrCat(escaped_name(sink_), "-", fixed_width(task, kTaskDigits));
}

absl::StatusOr<std::optional<CommitRecord>> OutputFolder::read_record(
    const std::string& name) const {
  const std::string at = commits_ + "/" + name;
  if (!storage_.exists(at)) return std::optional<CommitRecord>();
  absl::StatusOr<std::string> text = storage_.read(at);
  if (!text.ok()) return text.status();
  std::optional<CommitRecord> record = parse_record(*text);
  if (record.has_value()) return record;
  return absl::DataLossError(absl::StrCat(
      at,
      " is damaged: it should tell which checkpoint was committed last. Restore it, or choose "
      "another output folder and start afresh"));
}

absl::StatusOr<OutputFolder::Found> OutputFolder::look() const {
  Found found;
  absl::StatusOr<std::vector<std::string>> names = storage_.list(folder_);
  if (!names.ok()) return names.status();
  for (const std::string& name : *names) {
    const std::optional<NameParts> parts = parse_target_name(name, sink_);
    if (!parts.has_value()) continue;
    ++found.files;
    found.last_checkpoint = std::max(found.last_checkpoint, parts->checkpoint);
    found.last_file = name;
  }
  absl::StatusOr<std::vector<std::string>> records = storage_.list(commits_);
  if (!records.ok()) return records.status();
  for (const std::string& name : *records) {
    if (!parse_record_name(name, sink_).has_value()) continue;
    absl::StatusOr<std::optional<CommitRecord>> record = read_record(name);
    if (!record.ok()) return record.status();
    if (!record->has_value()) continue;
    found.last_checkpoint = std::max(found.last_checkpoint, (*record)->checkpoint);
    if ((*record)->job != job_) found.foreign_job = (*record)->job;
  }
  return found;
}

absl::Status OutputFolder::check_fresh() const {
  absl::StatusOr<Found> found = look();
  if (!found.ok()) return found.status();
  if (found->files == 0 && found->last_checkpoint == 0) return absl::OkStatus();
  return absl::AlreadyExistsError(absl::StrCat(
      "the output folder \"", folder_, "\" holds results of an earlier run of '", sink_, "' (",
      found->files, " files, committed up to checkpoint ", found->last_checkpoint,
      "), and this is a fresh start. To go on from there give that run's --state-dir; otherwise "
      "choose another folder, or remove this one with its hidden folders"));
}

absl::Status OutputFolder::check_not_beyond(std::uint64_t restored) const {
  absl::StatusOr<Found> found = look();
  if (!found.ok()) return found.status();
  if (!found->foreign_job.empty()) {
    return absl::FailedPreconditionError(
        absl::StrCat("the output folder \"", folder_, "\" belongs to the job '", found->foreign_job,
                     "', and this is the job '", job_, "'; give each job a folder of its own"));
  }
  if (found->last_checkpoint <= restored) return absl::OkStatus();
  return absl::FailedPreconditionError(
      absl::StrCat("checkpoint ", restored, " is restored, but '", sink_,
                   "' has already committed checkpoint ", found->last_checkpoint, " to \"", folder_,
                   "\": its output would come twice. Restore checkpoint ", found->last_checkpoint,
                   " or a later one, or start afresh with another folder and another --state-dir"));
}

absl::Status OutputFolder::remove_staged() {
  absl::StatusOr<std::vector<std::string>> names = storage_.list(staged_);
  if (!names.ok()) return names.status();
  for (const std::string& name : *names) {
    const std::optional<NameParts> parts = parse_staged_name(name, job_, sink_);
    if (!parts.has_value() || !owns(parts->task)) continue;
    storage_.step("sink.remove_staged");
    if (absl::Status status = storage_.remove(staged_path(name)); !status.ok()) return status;
  }
  return absl::OkStatus();
}

absl::Status OutputFolder::check_same(const std::string& at, const SealedFile& file) const {
  absl::StatusOr<std::string> bytes = storage_.read(at);
  if (!bytes.ok()) return bytes.status();
  if (bytes->size() == file.bytes && runtime::content_hash(*bytes) == file.hash) {
    return absl::OkStatus();
  }
  return absl::DataLossError(absl::StrCat(
      at, " should hold ", file.bytes, " bytes with the hash ", file.hash, " from checkpoint ",
      file.checkpoint, " of '", sink_, "' and holds ", bytes->size(),
      " others. Put the right file back; if something else wrote it, move it away"));
}

absl::Status OutputFolder::verify(const SealedFile& file, std::uint64_t old_task) const {
  const std::string target = path(file.target);
  const std::string staged = staged_path(file.staged);
  if (storage_.exists(target)) return check_same(target, file);
  if (storage_.exists(staged)) return check_same(staged, file);
  absl::StatusOr<std::optional<CommitRecord>> record = read_record(record_name(old_task));
  if (!record.ok()) return record.status();
  // Committed, and taken away by whoever reads the results.
  if (record->has_value() && (*record)->checkpoint >= file.checkpoint) {
    return absl::CancelledError("committed and taken away");
  }
  return absl::DataLossError(
      absl::StrCat("output of checkpoint ", file.checkpoint, " of '", sink_,
                   "' is missing: neither ", staged, " nor ", target,
                   " is there. Is this the output folder of the run that is restored? If so, "
                   "restore the file; else give the right folder"));
}

absl::Status OutputFolder::publish(const SealedFile& file) {
  const std::string target = path(file.target);
  const std::string staged = staged_path(file.staged);
  storage_.step("sink.rename");
  if (storage_.exists(target)) {
    if (absl::Status status = check_same(target, file); !status.ok()) return status;
    return runtime::remove_if_there(storage_, staged);
  }
  absl::StatusOr<std::uint64_t> bytes = storage_.size(staged);
  if (!bytes.ok()) {
    return with_context(bytes.status(), absl::StrCat("cannot commit checkpoint ", file.checkpoint,
                                                     " of '", sink_, "', its output is gone"));
  }
  if (*bytes != file.bytes) return check_same(staged, file);
  return storage_.rename(staged, target);
}

// First what has come to be visible, then what is gone from the staged files.
absl::Status OutputFolder::sync_names() {
  storage_.step("sink.sync_folder");
  const absl::Status status = storage_.sync_dir(folder_);
  return status.ok() ? storage_.sync_dir(staged_) : status;
}

absl::Status OutputFolder::check_not_superseded(std::uint64_t task) const {
  absl::StatusOr<std::optional<CommitRecord>> record = read_record(record_name(task));
  if (!record.ok()) return record.status();
  if (!record->has_value() || (*record)->epoch <= epoch_) return absl::OkStatus();
  return absl::FailedPreconditionError(
      absl::StrCat("a newer attempt of the job (epoch ", (*record)->epoch, ", this one is ", epoch_,
                   ") has taken over the output folder \"", folder_, "\"; stop this one"));
}

absl::Status OutputFolder::write_record(std::uint64_t task, std::uint64_t checkpoint) {
  const std::string name = record_name(task);
  storage_.step("sink.record");
  const std::string fresh = absl::StrCat(commits_, "/", name, "~", epoch_, "~", checkpoint);
  absl::Status status = runtime::remove_if_there(storage_, fresh);
  if (!status.ok()) return status;
  status = runtime::write_synced(storage_, fresh, record_text({job_, checkpoint, epoch_}));
  if (!status.ok()) return status;
  storage_.step("sink.record_rename");
  status = storage_.rename(fresh, commits_ + "/" + name);
  return status.ok() ? storage_.sync_dir(commits_) : status;
}

}  // namespace weir::operators
