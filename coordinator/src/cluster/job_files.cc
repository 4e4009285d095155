#include "cluster/job_files.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>

#include "restore_verdicts.h"
#include "weir/state/savepoint.h"

namespace weir::coordinator {
namespace {

using Json = nlohmann::ordered_json;

// Beyond so many lines the file is written anew, with what the coordinator still keeps.
constexpr std::size_t kMostHistoryLines = 20'000;
constexpr std::size_t kKeptHistoryLines = 1'000;

std::string line_of(const HistoryLine& line) {
  const Json json = {
      {"n", line.number}, {"time_us", line.time.count()}, {"kind", line.kind}, {"text", line.text}};
  return json.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace

JobFiles::JobFiles(runtime::Storage& storage, runtime::Clock& clock, std::string dir)
    : storage_(storage), clock_(clock), dir_(std::move(dir)) {}

absl::Status JobFiles::ensure_dir() {
  if (storage_.exists(dir_)) return absl::OkStatus();
  if (absl::Status status = storage_.make_dirs(dir_); !status.ok()) return status;
  return storage_.sync_dir(dir_.substr(0, dir_.rfind('/')));
}

absl::Status JobFiles::write_record(const std::string& text) {
  if (absl::Status status = ensure_dir(); !status.ok()) return status;
  const std::string path = dir_ + "/job.json";
  const std::string temporary = path + ".tmp";
  if (absl::Status status = runtime::remove_if_there(storage_, temporary); !status.ok())
    return status;
  storage_.step("record.write");
  absl::Status status = runtime::write_synced(storage_, temporary, text);
  if (!status.ok()) return status;
  storage_.step("record.rename");
  if (status = storage_.rename(temporary, path); !status.ok()) return status;
  storage_.step("record.sync_dir");
  return storage_.sync_dir(dir_);
}

absl::Status JobFiles::append_history(HistoryLine line) {
  const std::string text = line_of(line);
  if (newest_.empty()) read_history();
  newest_.push_back(std::move(line));
  if (newest_.size() > kKeptHistoryLines) newest_.pop_front();
  if (history_ == nullptr || history_lines_ >= kMostHistoryLines) return rewrite_history();
  ++history_lines_;
  absl::Status status = history_->append(text);
  if (status.ok()) status = history_->sync();
  if (!status.ok()) history_.reset();  // written anew with the next line
  return status;
}

absl::Status JobFiles::rewrite_history() {
  history_.reset();
  if (absl::Status status = ensure_dir(); !status.ok()) return status;
  const std::string path = dir_ + "/events.ndjson";
  const std::string temporary = path + ".tmp";
  if (absl::Status status = runtime::remove_if_there(storage_, temporary); !status.ok())
    return status;
  absl::StatusOr<std::unique_ptr<runtime::StorageFile>> file = storage_.create(temporary);
  if (!file.ok()) return file.status();
  std::string text;
  for (const HistoryLine& line : newest_) text += line_of(line);
  absl::Status status = (*file)->append(text);
  if (status.ok()) status = (*file)->sync();
  if (status.ok()) status = storage_.rename(temporary, path);
  if (status.ok()) status = storage_.sync_dir(dir_);
  if (!status.ok()) return status;
  history_ = *std::move(file);
  history_lines_ = newest_.size();
  return absl::OkStatus();
}

std::vector<HistoryLine> JobFiles::read_history() {
  std::vector<HistoryLine> out;
  const absl::StatusOr<std::string> text = storage_.read(dir_ + "/events.ndjson");
  if (!text.ok()) return out;
  for (std::size_t at = 0; at < text->size();) {
    const std::size_t end = text->find('\n', at);
    if (end == std::string::npos) break;
    const Json json = Json::parse(text->substr(at, end - at), nullptr, false);
    at = end + 1;
    if (!json.is_object()) break;
    HistoryLine line;
    line.number = json.value("n", std::uint64_t{0});
    line.time = std::chrono::microseconds(json.value("time_us", std::int64_t{0}));
    line.kind = json.value("kind", "");
    line.text = json.value("text", "");
    if (line.number != (out.empty() ? line.number : out.back().number + 1)) break;
    out.push_back(std::move(line));
  }
  if (out.size() > kKeptHistoryLines) {
    out.erase(out.begin(), out.end() - static_cast<std::ptrdiff_t>(kKeptHistoryLines));
  }
  newest_.assign(out.begin(), out.end());
  return out;
}

void JobFiles::close_history() {
  history_.reset();
  newest_.clear();
}

absl::StatusOr<bool> JobFiles::has_checkpoint() const {
  const std::string folder = state_dir() + "/checkpoints";
  if (!storage_.exists(folder)) return false;
  const absl::StatusOr<std::vector<std::string>> names = storage_.list(folder);
  if (!names.ok()) return names.status();
  return std::any_of(names->begin(), names->end(), [&](const std::string& name) {
    return storage_.exists(folder + "/" + name + "/manifest.json");
  });
}

absl::StatusOr<std::unique_ptr<state::CheckpointStore>> JobFiles::begin_with_savepoint(
    const JobSpec& spec, const state::JobIdentity& identity) {
  absl::StatusOr<state::Manifest> savepoint = state::read_savepoint(storage_, spec.from_savepoint);
  if (!savepoint.ok()) return savepoint.status();
  absl::StatusOr<std::unique_ptr<state::CheckpointStore>> store = state::CheckpointStore::open(
      storage_, state_dir(), identity, {savepoint->epoch, savepoint->id});
  if (!store.ok()) return store;
  const absl::Status adopted =
      (*store)->adopt(spec.from_savepoint, without_states(*std::move(savepoint), spec.dropped));
  if (!adopted.ok()) return adopted;
  return store;
}

absl::StatusOr<std::unique_ptr<state::CheckpointStore>> JobFiles::open_store(
    const JobSpec& spec, std::uint64_t resume_epoch) {
  const state::JobIdentity identity{spec.name, spec.plan.fingerprint};
  if (resume_epoch != 0) {
    return state::CheckpointStore::resume(storage_, state_dir(), identity,
                                          runtime::Epoch(resume_epoch));
  }
  if (!spec.from_savepoint.empty()) {
    const absl::StatusOr<bool> has_begun = has_checkpoint();
    if (!has_begun.ok()) return has_begun.status();
    if (!*has_begun) return begin_with_savepoint(spec, identity);
  }
  return state::CheckpointStore::open(storage_, state_dir(), identity);
}

absl::StatusOr<life::Opened> JobFiles::open(const JobSpec& spec, std::uint64_t resume_epoch) {
  store_.reset();
  if (absl::Status status = ensure_dir(); !status.ok()) return status;
  absl::StatusOr<std::unique_ptr<state::CheckpointStore>> store = open_store(spec, resume_epoch);
  if (!store.ok()) return store.status();
  const absl::StatusOr<std::optional<state::Manifest>> latest = (*store)->latest();
  if (!latest.ok()) return latest.status();
  life::Opened opened;
  opened.epoch = (*store)->epoch().value;
  if (latest->has_value()) {
    const state::Manifest& manifest = **latest;
    if (manifest.max_parallelism != spec.plan.max_parallelism) {
      return absl::FailedPreconditionError("checkpoint " + std::to_string(manifest.id.value) +
                                           " has " + std::to_string(manifest.max_parallelism) +
                                           " key groups, this program has " +
                                           std::to_string(spec.plan.max_parallelism) +
                                           "; the number is fixed for the life of the state");
    }
    opened.restored = manifest.id;
    opened.is_final = manifest.final;
  }
  store_ = *std::move(store);
  return opened;
}

absl::Status JobFiles::check_open(std::uint64_t epoch) const {
  if (store_ != nullptr && store_->epoch().value == epoch) return absl::OkStatus();
  return absl::AbortedError("the attempt of epoch " + std::to_string(epoch) + " is over");
}

absl::StatusOr<runtime::CheckpointId> JobFiles::next_id(std::uint64_t epoch) {
  if (absl::Status status = check_open(epoch); !status.ok()) return status;
  return store_->next_id();
}

JobFiles::Completed JobFiles::complete(std::uint64_t epoch, const JobSpec& spec,
                                       life::CompleteCheckpoint checkpoint) {
  if (absl::Status status = check_open(epoch); !status.ok()) return {status, false};
  state::Manifest manifest;
  manifest.job = spec.name;
  manifest.topology = spec.plan.fingerprint;
  manifest.plan = spec.plan.printed;
  manifest.id = checkpoint.id;
  manifest.epoch = store_->epoch();
  manifest.wall_time = clock_.wall_now();
  manifest.max_parallelism = spec.plan.max_parallelism;
  manifest.final = checkpoint.is_final;
  manifest.tasks = std::move(checkpoint.snapshots);
  Completed out;
  out.status = store_->complete(manifest);
  out.in_doubt = !out.status.ok() && store_->is_in_doubt();
  return out;
}

absl::Status JobFiles::collect(std::uint64_t epoch) {
  if (absl::Status status = check_open(epoch); !status.ok()) return status;
  if (holds_ != 0) return absl::OkStatus();
  return store_->collect().status();
}

}  // namespace weir::coordinator
