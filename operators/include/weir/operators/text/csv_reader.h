// CsvReader<T>: the records of one CSV file. The untyped CsvFile holds buffer, scanner and header;
// this is the thin typed face over it.
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "weir/operators/text/block_buffer.h"
#include "weir/operators/text/csv_decoder.h"
#include "weir/operators/text/csv_options.h"
#include "weir/operators/text/csv_scanner.h"
#include "weir/operators/text/record_reader.h"

namespace weir::operators {

// Rows of one CSV file, from any row on. One thread.
class CsvFile {
 public:
  // `start`: a position that position() gave before, or the start of the file.
  CsvFile(std::unique_ptr<ByteSource> source, const CsvOptions& options, TextPosition start);

  // The next row; valid until the next call. Does not give the header.
  ReadStep next(CsvRow& row) {
    if (ready_ && scanner_.next_row(row)) [[likely]]
      return ReadStep::kRecord;
    return next_slow(row);
  }
  // Set before the first row is given, if the dialect has a header.
  const std::vector<std::string>& header() const { return header_; }

  // Ends the file for good.
  ReadStep fail(absl::Status status);
  // The same, with file and line in front of the message.
  ReadStep fail_at(std::uint64_t line, const absl::Status& status);
  // The row that was given last, as a bad record.
  BadRecord bad_record(const CsvRow& row, const std::string& reason) const;
  const absl::Status& status() const { return status_; }
  TextPosition position() const;

 private:
  ReadStep next_slow(CsvRow& row);
  ReadStep take_header(const CsvRow& row);
  ReadStep at_end();
  // More rows for the scanner; kRecord if it was given more to scan.
  ReadStep scan_more();
  void skip_byte_order_mark(bool at_source_end);

  BlockBuffer buffer_;
  CsvScanner scanner_;
  const CsvOptions options_;
  const TextPosition start_;
  std::vector<std::string> header_;
  bool ready_ = false;         // the header is read and the position is start_ or behind it
  bool mark_pending_ = false;  // the file may start with a byte order mark
  bool finished_ = false;      // the end of the source is scanned
  absl::Status status_;
};

template <runtime::Reflected T>
class CsvReader final : public RecordReader<T> {
 public:
  CsvReader(std::unique_ptr<ByteSource> source, const CsvOptions& options, TextPosition start = {})
      : options_(options), file_(std::move(source), options, start) {}

  // The next record, in place.
  ReadStep next(T& record) {
    const ReadStep step = file_.next(row_);
    if (step != ReadStep::kRecord) [[unlikely]]
      return step;
    if (!decoder_ && !bind()) [[unlikely]]
      return ReadStep::kFailed;
    return decoder_->decode(row_, record) ? ReadStep::kRecord : ReadStep::kBadRecord;
  }

  ReadStep read(std::span<T> records, std::size_t& count) override {
    for (count = 0; count < records.size(); ++count) {
      const ReadStep step = next(records[count]);
      if (step != ReadStep::kRecord) return step;
    }
    return ReadStep::kRecord;
  }
  BadRecord bad_record() const override { return file_.bad_record(row_, decoder_->error().what); }
  const absl::Status& status() const override { return file_.status(); }
  TextPosition position() const override { return file_.position(); }

 private:
  bool bind() {
    auto bound = options_.dialect.header ? CsvDecoder<T>::bind(file_.header(), options_)
                                         : CsvDecoder<T>::bind_by_position(options_);
    if (!bound.ok()) {
      file_.fail_at(1, bound.status());
      return false;
    }
    decoder_ = *std::move(bound);
    return true;
  }

  const CsvOptions options_;
  CsvFile file_;
  CsvRow row_;
  std::optional<CsvDecoder<T>> decoder_;
};

}  // namespace weir::operators
