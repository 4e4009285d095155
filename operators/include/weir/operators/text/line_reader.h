// LineFile: lines of a file, ended by LF or CR LF, from any line on; LineReader: each as a record.
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "absl/status/status.h"
#include "weir/operators/text/block_buffer.h"
#include "weir/operators/text/record_reader.h"

namespace weir::operators {

// One thread.
class LineFile {
 public:
  LineFile(std::unique_ptr<ByteSource> source, std::size_t max_record_bytes, TextPosition start);

  // The next line without its end; valid until the next call, with BlockBuffer::kPadding readable
  // bytes behind it. A last line without an end is a line.
  ReadStep next(std::string_view& line);

  // Ends the file for good.
  ReadStep fail(absl::Status status);
  // The line that was given last, as a bad record.
  BadRecord bad_record(std::string_view line, const std::string& reason) const;
  const absl::Status& status() const { return status_; }
  TextPosition position() const { return buffer_.position_at(at_); }
  const std::string& name() const { return buffer_.source().name(); }

 private:
  ReadStep fill();

  BlockBuffer buffer_;
  std::size_t at_ = 0;        // start of the next line in the buffer
  std::size_t searched_ = 0;  // no line end before this
  bool mark_pending_;         // a byte order mark may stand at the front
  absl::Status status_;
};

// Every line is a record, empty ones too.
class LineReader final : public RecordReader<std::string> {
 public:
  static constexpr std::size_t kMaxLine = std::size_t{64} << 20;

  explicit LineReader(std::unique_ptr<ByteSource> source, TextPosition start = {},
                      std::size_t max_record_bytes = kMaxLine)
      : file_(std::move(source), max_record_bytes, start) {}

  ReadStep read(std::span<std::string> records, std::size_t& count) override;
  BadRecord bad_record() const override { return {}; }  // no line is bad
  const absl::Status& status() const override { return file_.status(); }
  TextPosition position() const override { return file_.position(); }

 private:
  LineFile file_;
};

}  // namespace weir::operators
