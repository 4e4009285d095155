// BlockBuffer: the window of bytes between a ByteSource and a record parser.
//
//   data() .. data() + size()    bytes that are read and not consumed; 64 readable bytes follow
//
// Grows to hold one record, up to a bound, and knows offset and line of data()[0]. One thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "absl/status/statusor.h"
#include "weir/operators/text/byte_source.h"
#include "weir/operators/text/record_reader.h"

namespace weir::operators {

class BlockBuffer {
 public:
  static constexpr std::size_t kPadding = 64;

  // Reads on from `position` (the source is moved there by open()). A record may have up to
  // `max_record_bytes`.
  BlockBuffer(std::unique_ptr<ByteSource> source, std::size_t max_record_bytes);

  // Moves to `position`, forgetting what is buffered.
  absl::Status seek(TextPosition position);

  // Reads another block behind what is there; moves the bytes. A record that exceeds the bound is
  // an error that shows its line.
  absl::StatusOr<SourceState> fill();
  // The first `n` bytes are done with.
  void consume(std::size_t n);

  const char* data() const { return storage_.get() + begin_; }
  std::size_t size() const { return end_ - begin_; }

  // Offset and line of the byte at data() + at.
  TextPosition position_at(std::size_t at) const;
  const ByteSource& source() const { return *source_; }

 private:
  absl::Status make_room();

  std::unique_ptr<ByteSource> source_;
  const std::size_t max_record_bytes_;

  std::unique_ptr<char[]> storage_;
  std::size_t capacity_ = 0;
  std::size_t begin_ = 0;
  std::size_t end_ = 0;
  std::uint64_t offset_ = 0;  // of data()[0]

  // Lines are counted lazily: up to here, from the front.
  mutable std::size_t counted_ = 0;  // bytes behind begin_ whose lines are in line_
  mutable std::uint64_t line_ = 1;   // line of the byte at begin_ + counted_
};

}  // namespace weir::operators
