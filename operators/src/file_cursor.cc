#include "weir/operators/files/file_cursor.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"

namespace weir::operators {

std::string FileReading::fault() const {
  if (!(max_rate >= 0)) return "max_rate must not be negative; 0 means no limit";
  if (follow && look_every.count() <= 0) {
    return "look_every must be longer than 0, for instance 100ms";
  }
  if (on_bad == OnBadRecord::kSideOutput && bad_stream.empty()) {
    return "bad records go to a side stream, and bad_stream gives it no name";
  }
  return "";
}

absl::Status FileCursor::open(const SpoutContext& context, const FilePosition* resume) {
  context_ = context;
  bad_records_.open(context);
  if (!set_.fault().empty()) return absl::InvalidArgumentError(set_.fault());
  const double partitions = reads_folder() ? 1 : static_cast<double>(set_.names().size());
  pace_.start(reading_.max_rate / partitions, context.clock->now());
  if (!reads_folder()) name_ = set_.names()[context.partition];
  return resume == nullptr ? absl::OkStatus() : resume_at(*resume);
}

absl::Status FileCursor::check_partitions(const FilePosition& position) const {
  if (reads_folder()) return absl::OkStatus();
  if (position.files == set_.names().size() && (!set_.is_folder() || position.file == name_)) {
    return absl::OkStatus();
  }
  return absl::FailedPreconditionError(absl::StrCat(
      "\"", set_.path(), "\" does not hold the files that the checkpoint was reading (",
      position.files, " then, ", set_.names().size(), " now; partition ", context_.partition,
      " was \"", position.file, "\", now it is \"", name_,
      "\"); put them back as they were, or read a folder that grows with .follow = true"));
}

absl::Status FileCursor::resume_at(const FilePosition& position) {
  if (absl::Status status = check_partitions(position); !status.ok()) return status;
  is_done_ = position.is_done;
  start_ = position.at;
  print_ = position.print;
  if (reads_folder()) name_ = position.file;
  if (is_done_ || position.print.head_hash.empty()) return absl::OkStatus();
  return check_unchanged(set_.path_of(name_), position.print, reading_.follow);
}

std::unique_ptr<ByteSource> FileCursor::open_file(TextPosition& start, Poll& poll) {
  poll = Poll::wait();
  if (has_failed_) return nullptr;
  if (is_done_) {
    poll = Poll::end();
    return nullptr;
  }
  if (name_.empty()) {
    absl::StatusOr<std::string> first = later_file();
    poll = first.ok() ? look_again() : fail(first.status());
    if (!first.ok() || first->empty()) return nullptr;
    name_ = *std::move(first);
  }
  const std::string path = set_.path_of(name_);
  absl::StatusOr<FileFingerprint> print = fingerprint(path);
  absl::StatusOr<std::unique_ptr<ByteSource>> source =
      weir::operators::open_file(path, {.follow = reading_.follow && !is_last_look_});
  if (!print.ok() || !source.ok()) {
    poll = fail(print.ok() ? source.status() : print.status());
    return nullptr;
  }
  print_ = *std::move(print);
  start = start_;
  return *std::move(source);
}

std::uint32_t FileCursor::due(std::uint32_t room, Poll& poll) {
  if (has_failed_) {
    poll = Poll::wait();
    return 0;
  }
  if (!pace_.is_limited()) return room;
  const std::uint32_t n = pace_.due(context_.clock->now(), room);
  if (n == 0) poll = Poll::wait_until(pace_.next());
  return n;
}

Poll FileCursor::after(ReadStep step, std::uint32_t count, const RecordReaderBase& reader,
                       bool& is_over) {
  pace_.took(count);
  switch (step) {
    case ReadStep::kRecord: return Poll::more();
    case ReadStep::kBadRecord:
      has_failed_ = bad_records_.has_failed();
      return has_failed_ ? Poll::wait() : Poll::more();
    case ReadStep::kNotYet: return at_end_for_now(reader, is_over);
    case ReadStep::kEnd: return at_end(reader, is_over);
    case ReadStep::kFailed: return fail(reader.status());
  }
  return Poll::more();
}

// Nothing more for now. If the folder has a later file, this one is complete: what it still holds,
// a last line without an end included, is read before the next one.
Poll FileCursor::at_end_for_now(const RecordReaderBase& reader, bool& is_over) {
  if (!reads_folder()) return look_again();
  const absl::StatusOr<std::string> later = later_file();
  if (!later.ok()) return fail(later.status());
  if (later->empty()) return look_again();
  start_ = reader.position();
  is_last_look_ = true;
  is_over = true;
  return Poll::more();
}

Poll FileCursor::at_end(const RecordReaderBase& reader, bool& is_over) {
  is_over = true;
  start_ = reader.position();
  if (!reads_folder()) {
    is_done_ = true;
    return Poll::end();
  }
  absl::StatusOr<std::string> later = later_file();
  if (!later.ok()) return fail(later.status());
  if (later->empty()) return look_again();  // it was there and went away again
  name_ = *std::move(later);
  print_ = {};
  start_ = {};
  is_last_look_ = false;
  return Poll::more();
}

absl::StatusOr<std::string> FileCursor::later_file() const {
  absl::StatusOr<std::vector<std::string>> names = set_.list();
  if (!names.ok()) return names.status();
  const auto later = std::upper_bound(names->begin(), names->end(), name_);
  return later == names->end() ? std::string() : *later;
}

Poll FileCursor::look_again() const {
  return Poll::wait_until(context_.clock->now() + reading_.look_every);
}

Poll FileCursor::fail(absl::Status status) {
  has_failed_ = true;
  context_.fail(std::move(status));
  return Poll::wait();
}

FilePosition FileCursor::position(const RecordReaderBase* reader) const {
  // While a file is short, its fingerprint grows with it.
  if (reading_.follow && !name_.empty() && print_.head_bytes < kFingerprintHead) {
    if (absl::StatusOr<FileFingerprint> now = fingerprint(set_.path_of(name_)); now.ok()) {
      print_ = *std::move(now);
    }
  }
  const std::string name = set_.is_folder() ? name_ : "";
  return {name, print_, reader != nullptr ? reader->position() : start_, is_done_,
          static_cast<std::uint32_t>(set_.names().size())};
}

}  // namespace weir::operators
