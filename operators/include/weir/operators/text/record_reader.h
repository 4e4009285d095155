// RecordReader<T>: records of one text file, one after another. CSV, NDJSON and plain lines have
// the same face, so that a file spout is written once.
//
//   read() -> kRecord...  -> kEnd                     a file
//                         -> kNotYet -> read() again  a file that grows
//          -> kBadRecord -> bad_record() -> read()    goes on behind the bad one
//          -> kFailed -> status()                     for good
//
// One thread. position() after any of these is where the next record starts; a reader opened there
// gives exactly the records that this one would still give.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

#include "absl/status/status.h"
#include "weir/operators/record_errors.h"
#include "weir/runtime/record.h"

namespace weir::operators {

// A place in a text: offset in (uncompressed) bytes, and line, from 1.
struct TextPosition {
  std::uint64_t offset = 0;
  std::uint64_t line = 1;
  friend bool operator==(const TextPosition&, const TextPosition&) = default;
};
WEIR_RECORD(TextPosition, offset, line);

enum class ReadStep : std::uint8_t { kRecord, kBadRecord, kNotYet, kEnd, kFailed };

// Why a record could not be decoded. The caller adds file and line.
struct DecodeError {
  std::string what;
};

// The part that does not depend on the type of the records.
class RecordReaderBase {
 public:
  virtual ~RecordReaderBase() = default;

  // After kBadRecord: what it was.
  virtual BadRecord bad_record() const = 0;
  // After kFailed: why.
  virtual const absl::Status& status() const = 0;
  virtual TextPosition position() const = 0;
};

template <class T>
class RecordReader : public RecordReaderBase {
 public:
  // Fills records[0, count); `count` may be short, and zero. The step says what came behind them:
  // kRecord = all of `records` are filled. Content of `records` is overwritten and its memory
  // reused.
  virtual ReadStep read(std::span<T> records, std::size_t& count) = 0;
};

}  // namespace weir::operators
