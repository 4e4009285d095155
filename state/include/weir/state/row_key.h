// The head of a row's key: `group u16 BE | table u16 BE | namespace u64 BE | hash u64 BE`.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "weir/runtime/hash.h"
#include "weir/runtime/row_store.h"

namespace weir::state {

inline constexpr std::size_t kRowKeyHead = 20;

template <class Int>
void append_big_endian(std::string& out, Int value) {
  for (int shift = static_cast<int>(sizeof(Int)) * 8 - 8; shift >= 0; shift -= 8) {
    out.push_back(static_cast<char>(static_cast<std::uint64_t>(value) >> shift));
  }
}

// The part of the hash axis that the keys of one task come from.
struct HashShare {
  // Of the axis cut into 2^common_bits equal parts, the keys span one at most (if not aligned),
  // and of that per_1024 / 1024: 512 .. 1024.
  unsigned common_bits = 0;
  std::uint32_t per_1024 = 1024;

  static HashShare of(runtime::KeyGroupRange groups, std::uint32_t max_parallelism);
};

// What the rows of one table (and one namespace of it) have in common.
struct RowPrefix {
  std::uint16_t table = 0;
  std::int64_t space = 0;  // start of a slice in microseconds, or 0
  std::uint32_t max_parallelism = 128;
  HashShare share{};

  void append_to(std::string& out, std::uint64_t hash) const {
    append_big_endian<std::uint16_t>(out, runtime::key_group_of(hash, max_parallelism).value);
    append_big_endian<std::uint16_t>(out, table);
    append_big_endian<std::uint64_t>(out, space_bits());
    append_big_endian<std::uint64_t>(out, hash);
  }

  // What all rows of `group` begin with.
  std::string of_group(runtime::KeyGroup group) const {
    std::string out;
    append_big_endian<std::uint16_t>(out, group.value);
    append_big_endian<std::uint16_t>(out, table);
    append_big_endian<std::uint64_t>(out, space_bits());
    return out;
  }

 private:
  // Sign flipped, so that times before 1970 sort first.
  std::uint64_t space_bits() const {
    return static_cast<std::uint64_t>(space) ^ (std::uint64_t{1} << 63);
  }
};

// The parts of a row's key; false if it is too short to be one.
struct RowKeyParts {
  runtime::KeyGroup group;
  std::uint16_t table = 0;
  std::int64_t space = 0;
  std::uint64_t hash = 0;
  std::string_view key;
};
bool parse_row_key(std::string_view row, RowKeyParts& out);

}  // namespace weir::state
