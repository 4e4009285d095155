// Row files: how the memory backend writes sorted rows. Grammar (integers little-endian; varint is
// unsigned LEB128):
//
//   file   := "weirrow1" kind:u8 entry* count:u64
//   kind   := 'B'  a part of a base: rows only, all of them puts
//           | 'D'  a delta: removed prefixes, then rows
//   entry  := op:u8 shared:varint rest:varint length:varint key:byte[rest] value:byte[length]
//   op     := 1 put | 2 remove | 3 remove every older row that starts with the key (a prefix)
//
// `shared` bytes of the key are those of the entry before. Removed prefixes come first, then rows;
// both ascending. `count` is the number of entries. The hash of the whole file is in the manifest
// and is verified before a byte of it is used; there is no checksum of its own.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "weir/runtime/row_store.h"

namespace weir::state {

enum class RowFileKind : char { kBase = 'B', kDelta = 'D' };

class RowFileWriter {
 public:
  explicit RowFileWriter(RowFileKind kind);

  // Entries in the order of the grammar.
  void add(runtime::RowBuffer::Op op, std::string_view key, std::string_view value);
  std::size_t bytes() const { return bytes_.size(); }
  bool empty() const { return count_ == 0; }
  // The finished file. The writer starts again, empty.
  std::string finish();

 private:
  const RowFileKind kind_;
  std::string bytes_;
  std::string last_key_;
  std::uint64_t count_ = 0;
};

class RowFileReader {
 public:
  // `bytes` must outlive the reader; `place` names the file in messages.
  static absl::StatusOr<RowFileReader> open(std::string_view bytes, std::string_view place);

  RowFileKind kind() const { return kind_; }
  // The next entry into *row (valid until the next call); false at the end. kDataLoss if the file
  // does not follow the grammar.
  absl::StatusOr<bool> next(runtime::RowBuffer::Row* row);

 private:
  RowFileReader() = default;
  absl::Status malformed(std::string_view what) const;

  std::string_view rest_;
  std::string place_;
  std::string key_;
  RowFileKind kind_ = RowFileKind::kBase;
  std::uint64_t left_ = 0;
};

}  // namespace weir::state
