#include "weir/operators/text/line_reader.h"

#include <algorithm>
#include <cstring>

#include "byte_order_mark.h"

namespace weir::operators {
namespace {

std::string_view without_return(std::string_view line) {
  if (!line.empty() && line.back() == '\r') line.remove_suffix(1);
  return line;
}

}  // namespace

LineFile::LineFile(std::unique_ptr<ByteSource> source, std::size_t max_record_bytes,
                   TextPosition start)
    : buffer_(std::move(source), max_record_bytes), mark_pending_(start.offset == 0) {
  if (absl::Status status = buffer_.seek(start); !status.ok()) fail(std::move(status));
}

ReadStep LineFile::next(std::string_view& line) {
  if (!status_.ok()) return ReadStep::kFailed;
  for (;;) {
    const char* const data = buffer_.data();
    const std::size_t size = buffer_.size();
    if (!mark_pending_ && searched_ < size) {
      const void* const found = std::memchr(data + searched_, '\n', size - searched_);
      if (found != nullptr) {
        const auto end = static_cast<std::size_t>(static_cast<const char*>(found) - data);
        line = without_return({data + at_, end - at_});
        at_ = searched_ = end + 1;
        return ReadStep::kRecord;
      }
      searched_ = size;
    }
    const ReadStep step = fill();
    if (step == ReadStep::kEnd && !mark_pending_ && buffer_.size() > at_) {
      line = without_return({buffer_.data() + at_, buffer_.size() - at_});
      at_ = searched_ = buffer_.size();
      return ReadStep::kRecord;
    }
    if (step != ReadStep::kRecord) return step;
  }
}

// kRecord: there is something new to look at.
ReadStep LineFile::fill() {
  buffer_.consume(at_);
  searched_ -= at_;
  at_ = 0;
  const absl::StatusOr<SourceState> state = buffer_.fill();
  if (!state.ok()) return fail(state.status());
  if (*state == SourceState::kNotYet) return ReadStep::kNotYet;
  if (mark_pending_) {
    const std::size_t seen = std::min(buffer_.size(), kByteOrderMark.size());
    const std::string_view front(buffer_.data(), seen);
    const bool possible = kByteOrderMark.substr(0, seen) == front;
    mark_pending_ = possible && seen < kByteOrderMark.size() && *state != SourceState::kEnd;
    if (possible && seen == kByteOrderMark.size()) buffer_.consume(seen);
    if (*state == SourceState::kEnd && buffer_.size() > 0) return ReadStep::kRecord;
  }
  return *state == SourceState::kEnd ? ReadStep::kEnd : ReadStep::kRecord;
}

ReadStep LineFile::fail(absl::Status status) {
  if (status_.ok()) status_ = std::move(status);
  return ReadStep::kFailed;
}

BadRecord LineFile::bad_record(std::string_view line, const std::string& reason) const {
  const auto at = static_cast<std::size_t>(line.data() - buffer_.data());
  return {name(), buffer_.position_at(at).line, std::string(line), reason};
}

ReadStep LineReader::read(std::span<std::string> records, std::size_t& count) {
  std::string_view line;
  for (count = 0; count < records.size(); ++count) {
    const ReadStep step = file_.next(line);
    if (step != ReadStep::kRecord) return step;
    records[count].assign(line);
  }
  return ReadStep::kRecord;
}

}  // namespace weir::operators
