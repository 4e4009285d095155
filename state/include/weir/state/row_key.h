// The head of a row's key: `group u16 BE | table u16 BE | namespace u64 BE | hash u64 BE`.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "weir/runtime/hash.h"
#include "weir/runtime/row_store.h"

namespace weir::state {

inline constexpr std::size_t kRowKeyHead = 20;

// Writes `value` to `at`; returns where to go on.
template <class Int>
char* put_big_endian(char* at, Int value) {
  for (std::size_t i = 0; i < sizeof(Int); ++i) {
    at[i] = static_cast<char>(value >> (8 * (sizeof(Int) - 1 - i)));
  }
  return at + sizeof(Int);
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
    char head[kRowKeyHead];
    put_big_endian(put_group(head, runtime::key_group_of(hash, max_parallelism)), hash);
    out.append(head, sizeof head);
  }

  // What all rows of `group` begin with.
  std::string of_group(runtime::KeyGroup group) const {
    char head[kRowKeyHead];
    return std::string(head, put_group(head, group));
  }

 private:
  char* put_group(char* at, runtime::KeyGroup group) const {
    at = put_big_endian<std::uint16_t>(at, group.value);
    at = put_big_endian<std::uint16_t>(at, table);
    return put_big_endian<std::uint64_t>(at, space_bits());
  }
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
