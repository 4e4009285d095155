#include "weir/operators/text/csv_reader.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "byte_order_mark.h"
#include "excerpt.h"

namespace weir::operators {
namespace {

// So much is scanned ahead that the list of cells stays in the cache.
constexpr std::size_t kScanBytes = std::size_t{32} << 10;

}  // namespace

CsvFile::CsvFile(std::unique_ptr<ByteSource> source, const CsvOptions& options, TextPosition start)
    : buffer_(std::move(source), options.max_record_bytes),
      scanner_(options.dialect),
      options_(options),
      start_(start) {
  // The header stands at the front, wherever reading starts.
  const bool from_front = options_.dialect.header || start_.offset == 0;
  const absl::Status status = buffer_.seek(from_front ? TextPosition{} : start_);
  if (!status.ok()) fail(status);
  ready_ = status.ok() && !from_front;
  mark_pending_ = from_front;
}

ReadStep CsvFile::next_slow(CsvRow& row) {
  if (!status_.ok()) return ReadStep::kFailed;
  for (;;) {
    const bool found = scanner_.next_row(row);
    if (found && ready_) return ReadStep::kRecord;
    if (found) {
      const ReadStep step = take_header(row);
      if (step == ReadStep::kRecord && options_.dialect.header) continue;
      return step;
    }
    const ReadStep step = scan_more();
    if (step != ReadStep::kRecord) return step;
  }
}

// The first row of the file: the header, or data if there is none.
ReadStep CsvFile::take_header(const CsvRow& row) {
  ready_ = true;
  if (!options_.dialect.header) return ReadStep::kRecord;
  std::string scratch;
  for (std::size_t i = 0; i < row.cells(); ++i) {
    CellText cell{row.raw(i)};
    if (!cell.text.empty() && cell.text[0] == options_.dialect.quote) {
      if (unquote(cell.text, options_.dialect.quote, scratch, cell) != CellFault::kNone) {
        return fail_at(
            1, absl::InvalidArgumentError(absl::StrCat(
                   "column ", i + 1,
                   " of the header has text behind its closing quote: ", excerpt(row.raw(i)))));
      }
    }
    header_.emplace_back(cell.text);
  }
  if (start_.offset <= position().offset) return ReadStep::kRecord;
  scanner_.reset();
  finished_ = false;
  const absl::Status status = buffer_.seek(start_);
  return status.ok() ? ReadStep::kRecord : fail(status);
}

ReadStep CsvFile::scan_more() {
  if (!mark_pending_ && scanner_.scanned() < buffer_.size()) {
    scanner_.scan(buffer_.data(), buffer_.size(), kScanBytes);
    return ReadStep::kRecord;
  }
  if (finished_) return ReadStep::kEnd;
  // Only now: this moves bytes.
  buffer_.consume(scanner_.row_begin());
  scanner_.rebase();
  absl::StatusOr<SourceState> state = buffer_.fill();
  if (!state.ok()) return fail(state.status());
  if (*state == SourceState::kNotYet) return ReadStep::kNotYet;
  const bool at_source_end = *state == SourceState::kEnd;
  if (mark_pending_) {
    skip_byte_order_mark(at_source_end);
    return ReadStep::kRecord;
  }
  return at_source_end ? at_end() : ReadStep::kRecord;
}

void CsvFile::skip_byte_order_mark(bool at_source_end) {
  const std::string_view front(buffer_.data(), std::min(buffer_.size(), kByteOrderMark.size()));
  if (kByteOrderMark.substr(0, front.size()) != front) {
    mark_pending_ = false;
  } else if (front == kByteOrderMark) {
    buffer_.consume(front.size());
    mark_pending_ = false;
  } else if (at_source_end) {
    mark_pending_ = false;
  }  // otherwise it may become one: wait for more
}

ReadStep CsvFile::at_end() {
  if (position().offset == 0 && buffer_.size() == 0 && options_.refuse_empty) {
    return fail(absl::InvalidArgumentError(
        absl::StrCat("\"", buffer_.source().name(), "\" is empty; ",
                     options_.dialect.header ? "a line with the names of the columns was expected"
                                             : "records were expected",
                     "; give the right file, or allow it with .allow_empty")));
  }
  if (!scanner_.finish()) {
    return fail_at(position().line,
                   absl::InvalidArgumentError("a quote is opened in this record and never closed; "
                                              "close it, or set dialect.quote = '\\0' if quotes "
                                              "mean nothing in this file"));
  }
  finished_ = true;
  return ReadStep::kRecord;  // an unfinished last row is one now
}

ReadStep CsvFile::fail(absl::Status status) {
  if (status_.ok()) status_ = std::move(status);
  return ReadStep::kFailed;
}

ReadStep CsvFile::fail_at(std::uint64_t line, const absl::Status& status) {
  return fail(absl::Status(
      status.code(), absl::StrCat(buffer_.source().name(), ":", line, ": ", status.message())));
}

BadRecord CsvFile::bad_record(const CsvRow& row, const std::string& reason) const {
  const auto at = static_cast<std::size_t>(row.text().data() - buffer_.data());
  return {buffer_.source().name(), buffer_.position_at(at).line, std::string(row.text()), reason};
}

TextPosition CsvFile::position() const { return buffer_.position_at(scanner_.row_begin()); }

}  // namespace weir::operators
