#include "weir/operators/files/staged_output.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "output_folder.h"
#include "staged_file.h"
#include "weir/runtime/codec.h"
#include "weir/runtime/record.h"

namespace weir::operators {
namespace {

using runtime::CheckpointId;
using State = StagedFile::State;

// A checkpoint whose rows fill more files than this lets the last of them grow.
constexpr std::size_t kMaxFilesPerCheckpoint = 256;
// So much may wait in memory for a full disk to have space again.
constexpr std::uint64_t kMaxHeldBytes = std::uint64_t{64} << 20;
constexpr std::uint64_t kMinRollBytes = 16;

absl::Status annotate(const absl::Status& status, const std::string& sink) {
  if (status.ok()) return status;
  return absl::Status(status.code(), absl::StrCat("sink '", sink, "': ", status.message()));
}

}  // namespace

// What a task of the sink leaves in a checkpoint.
struct SinkState {
  std::uint32_t format = 1;
  std::uint32_t task = 0;
  std::string folder;
  std::vector<SealedFile> files;  // sealed, not known to be committed
};
WEIR_RECORD(SinkState, format, task, folder, files);

std::string StagedOutputOptions::fault() const {
  if (folder.empty()) return "the output folder has no name";
  if (roll_bytes < kMinRollBytes) {
    return absl::StrCat("roll_bytes must be at least ", kMinRollBytes, ", for instance 64 << 20");
  }
  if (roll_interval.count() < 0) return "roll_interval must not be negative; 0 means no limit";
  return "";
}

StagedOutput::StagedOutput(StagedOutputOptions options)
    : options_(std::move(options)),
      roll_bytes_(options_.roll_bytes),
      has_time_limit_(options_.roll_interval.count() > 0) {}

StagedOutput::~StagedOutput() = default;

absl::Status StagedOutput::open(const SinkContext& context) {
  context_ = context;
  last_sealed_ = context.restored;
  folder_ = std::make_shared<OutputFolder>(options_.folder, options_.ending, context);
  absl::Status status = folder_->open();
  if (!status.ok() || context.restored.value != 0) return status;
  status = folder_->check_fresh();
  return status.ok() ? folder_->remove_staged() : status;
}

absl::Status StagedOutput::restore(const std::vector<std::string>& states) {
  const std::uint64_t restored = context_.restored.value;
  absl::Status status =
      states.empty() ? folder_->check_fresh() : folder_->check_not_beyond(restored);
  if (!status.ok()) return status;
  std::vector<SinkState> share;
  for (const std::string& bytes : states) {
    SinkState state;
    if (!runtime::decode_from(bytes, state) || state.format != 1) {
      return absl::DataLossError(
          absl::StrCat("the checkpoint's state of the sink cannot be decoded; it was written by "
                       "another version or another kind of sink"));
    }
    if (folder_->owns(state.task)) share.push_back(std::move(state));
  }
  for (const SinkState& state : share) {
    for (const SealedFile& file : state.files) {
      status = folder_->verify(file, state.task);
      if (absl::IsCancelled(status)) continue;
      if (status.ok()) status = folder_->publish(file);
      if (!status.ok()) {
        return absl::Status(status.code(), absl::StrCat(status.message(), " (it was written to \"",
                                                        state.folder, "\")"));
      }
    }
  }
  status = folder_->sync_names();
  for (const SinkState& state : share) {
    const bool has_files = !state.files.empty();
    if (status.ok() && has_files) status = folder_->write_record(state.task, restored);
  }
  return status.ok() ? folder_->remove_staged() : status;
}

std::string StagedOutput::staged_name() {
  return folder_->staged_name(last_sealed_.value, sequence_++);
}

void StagedOutput::begin_file() {
  current_ =
      std::make_shared<StagedFile>(*context_.storage, folder_->staged_folder(), staged_name());
  hasher_ = runtime::ContentHasher();
  stored_ = 0;
  buffer_ = options_.preface;
  if (has_time_limit_) begun_at_ = context_.clock->now();
}

void StagedOutput::store_block() {
  hasher_.update(buffer_);
  stored_ += buffer_.size();
  const absl::Status status = current_->put(buffer_);
  buffer_.clear();
  if (!status.ok()) context_.fail(annotate(status, context_.name));
  if (!current_->is_full()) return;
  std::uint64_t held = current_->held_bytes();
  for (const auto& file : ended_) held += file->held_bytes();
  for (const auto& file : pending_) held += file->state() == State::kFull ? file->sealed.bytes : 0;
  if (held <= kMaxHeldBytes) return;
  context_.fail(absl::ResourceExhaustedError(absl::StrCat(
      "sink '", context_.name, "': the disk under \"", options_.folder, "\" is full, and ", held,
      " bytes of output wait in memory. Free space and start the job again: it goes on from its "
      "last checkpoint, and nothing is lost")));
}

void StagedOutput::roll_if_due() {
  const bool is_long = stored_ + buffer_.size() >= roll_bytes_;
  const bool is_old =
      has_time_limit_ && context_.clock->now() - begun_at_ >= options_.roll_interval;
  if ((is_long || is_old) && ended_.size() + 1 < kMaxFilesPerCheckpoint) end_file();
}

void StagedOutput::end_file() {
  hasher_.update(buffer_);
  current_->hold(buffer_);
  current_->sealed.bytes = stored_ + buffer_.size();
  current_->sealed.hash = hasher_.hex();
  buffer_.clear();
  stored_ = 0;
  ended_.push_back(std::move(current_));
  current_ = nullptr;
}

// What has been written since the last seal belongs to `id`.
void StagedOutput::adopt_ended(CheckpointId id) {
  if (current_ != nullptr) end_file();
  std::uint64_t number = 0;
  for (std::shared_ptr<StagedFile>& file : ended_) {
    file->sealed.checkpoint = id.value;
    file->sealed.target = folder_->target_name(id.value, number++);
    if (file->is_full()) file->sealed.staged = staged_name();
    file->set_state(State::kSealed);
    pending_.push_back(std::move(file));
  }
  ended_.clear();
  last_sealed_ = id;
}

bool StagedOutput::check_failures() {
  const bool lost = std::any_of(pending_.begin(), pending_.end(),
                                [](const auto& file) { return file->state() == State::kLost; });
  if (lost) {
    context_.fail(absl::DataLossError(absl::StrCat(
        "sink '", context_.name, "': output could not be made durable in \"", options_.folder,
        "\"; check the disk (dmesg, smartctl), then start the job again: it goes on from its last "
        "checkpoint")));
  }
  return !lost;
}

void StagedOutput::seal(CheckpointId id, std::string& state, runtime::IoWork& io) {
  std::erase_if(pending_, [](const auto& file) { return file->state() == State::kCommitted; });
  adopt_ended(id);
  SinkState out{1, context_.task_index, options_.folder, {}};
  const bool is_sound = check_failures();
  std::vector<std::shared_ptr<StagedFile>> unfinished;
  for (const std::shared_ptr<StagedFile>& file : pending_) {
    const State now = file->state();
    if (now == State::kFull) file->sealed.staged = staged_name();
    if (now != State::kDurable && now != State::kCommitted) unfinished.push_back(file);
    out.files.push_back(file->sealed);
  }
  state = runtime::encode_to_string(out);
  if (pending_.empty() || !is_sound) return;
  for (const std::shared_ptr<StagedFile>& file : unfinished) {
    io.push_back([file, name = file->sealed.staged, hash = file->sealed.hash,
                  sink = context_.name] { return annotate(file->make_durable(name, hash), sink); });
  }
  // Also if all were durable before: the sync of their names may have failed then.
  io.push_back([folder = folder_, storage = context_.storage, sink = context_.name] {
    storage->step("sink.sync_staged");
    return annotate(storage->sync_dir(folder->staged_folder()), sink);
  });
}

void StagedOutput::commit(CheckpointId id, runtime::IoWork& io) {
  struct Item {
    std::shared_ptr<StagedFile> file;
    SealedFile sealed;
  };
  std::vector<Item> items;
  for (const std::shared_ptr<StagedFile>& file : pending_) {
    if (file->sealed.checkpoint > id.value || file->state() == State::kCommitted) continue;
    items.push_back({file, file->sealed});
  }
  if (items.empty()) return;
  io.push_back([items = std::move(items), folder = folder_, id, task = context_.task_index,
                sink = context_.name] {
    absl::Status status = folder->check_not_superseded(task);
    for (const Item& item : items) {
      if (item.file->state() == State::kCommitted) continue;
      if (status.ok()) status = folder->publish(item.sealed);
    }
    if (status.ok()) status = folder->sync_names();
    if (status.ok()) status = folder->write_record(task, id.value);
    if (!status.ok()) return annotate(status, sink);
    for (const Item& item : items) item.file->set_state(State::kCommitted);
    return status;
  });
}

absl::Status StagedOutput::close() {
  if (folder_ != nullptr) folder_->release();
  return absl::OkStatus();
}

}  // namespace weir::operators
