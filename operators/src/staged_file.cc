#include "staged_file.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "weir/runtime/content_hash.h"

namespace weir::operators {

absl::Status StagedFile::create(const std::string& name) {
  storage_.step("sink.create");
  absl::StatusOr<std::unique_ptr<runtime::StorageFile>> file = storage_.create(path(name));
  if (!file.ok()) return file.status();
  file_ = *std::move(file);
  written_name_ = name;
  return absl::OkStatus();
}

absl::Status StagedFile::put(std::string_view block) {
  if (!is_full_) {
    absl::Status status = file_ == nullptr ? create(sealed.staged) : absl::OkStatus();
    if (status.ok()) status = file_->append(block);
    if (status.ok()) {
      stored_ += block.size();
      return status;
    }
    if (!absl::IsResourceExhausted(status)) return status;
    is_full_ = true;
    file_.reset();
  }
  held_.append(block);
  return absl::OkStatus();
}

absl::Status StagedFile::make_durable(const std::string& name, const std::string& hash) {
  const State now = state();
  if (now == State::kDurable) return answer_to(name);
  if (now == State::kCommitted) return absl::OkStatus();
  if (now == State::kLost || (is_full_ && name == written_name_)) {
    return absl::UnavailableError(
        absl::StrCat(path(name), " has not been written, see the errors before"));
  }
  absl::Status status = is_full_ ? take_back(hash) : absl::OkStatus();
  if (status.ok()) status = finish(name);
  if (status.ok()) {
    held_ = {};
    set_state(State::kDurable);
  } else if (absl::IsResourceExhausted(status)) {
    is_full_ = true;
    file_.reset();
    set_state(State::kFull);
  } else {
    set_state(State::kLost);
  }
  return status;
}

// A checkpoint that was given up has written the file after the next one had named it anew.
absl::Status StagedFile::answer_to(const std::string& name) {
  if (name == written_name_) return absl::OkStatus();
  storage_.step("sink.name_anew");
  absl::Status status = storage_.rename(path(written_name_), path(name));
  if (status.ok()) {
    written_name_ = name;
  } else {
    set_state(State::kLost);
  }
  return status;
}

// Fetches what an unfinished file holds back into memory, and gives its space free.
absl::Status StagedFile::take_back(const std::string& hash) {
  file_.reset();
  if (stored_ > 0) {
    absl::StatusOr<std::string> front = storage_.read(path(written_name_));
    if (!front.ok()) return front.status();
    if (front->size() < stored_) {
      return absl::DataLossError(
          absl::StrCat(path(written_name_), " has lost bytes on a full disk"));
    }
    front->resize(stored_);
    held_.insert(0, *front);
    stored_ = 0;
  }
  if (runtime::content_hash(held_) != hash) {
    return absl::DataLossError(absl::StrCat(
        path(written_name_), " does not hold what was written, after the disk was full"));
  }
  if (written_name_.empty()) return absl::OkStatus();
  const std::string old = path(std::exchange(written_name_, {}));
  return storage_.exists(old) ? storage_.remove(old) : absl::OkStatus();
}

absl::Status StagedFile::finish(const std::string& name) {
  is_full_ = false;
  absl::Status status = file_ == nullptr ? create(name) : absl::OkStatus();
  if (status.ok() && !held_.empty()) status = file_->append(held_);
  storage_.step("sink.sync");
  if (status.ok()) status = file_->sync();
  if (status.ok()) status = file_->close();
  if (status.ok()) file_.reset();
  return status;
}

}  // namespace weir::operators
