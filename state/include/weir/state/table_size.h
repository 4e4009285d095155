// TableSize: how many slots a table of so many entries has, and how their index comes out of a
// hash.
#pragma once

#include <bit>
#include <cstddef>

#include "weir/state/row_key.h"

namespace weir::state {

class TableSize {
 public:
  static constexpr std::size_t kMinCapacity = 16;

  explicit TableSize(HashShare share) : share_(share) {}

  // From now on memory counts for more than speed: a table doubles when four fifths are taken.
  void tighten() { is_tight_ = true; }

  // Whether `entries` are too many for `capacity` slots.
  bool exceeds(std::size_t entries, std::size_t capacity) const {
    return is_tight_ ? entries * 5 > homes(capacity) * 4 : entries * 2 > homes(capacity);
  }
  std::size_t capacity_for(std::size_t entries) const {
    std::size_t c = kMinCapacity;
    while (exceeds(entries, c)) c *= 2;
    return c;
  }
  // Whether a few more make the table double.
  bool is_nearly_full(std::size_t entries, std::size_t capacity) const {
    return entries * 20 > homes(capacity) * (is_tight_ ? 15 : 9);
  }
  // Of a table in which no slot is left: doubled, unless many slots are only vacated.
  std::size_t grown(std::size_t entries, std::size_t capacity) const {
    return entries >= homes(capacity) * (is_tight_ ? 3 : 1) / 4 ? capacity * 2 : capacity;
  }
  // Less than `capacity` if few entries are left.
  std::size_t shrunk(std::size_t entries, std::size_t capacity) const {
    const std::size_t weight = is_tight_ ? 10 : 12;
    while (capacity > kMinCapacity && entries * weight < homes(capacity) * 3) capacity /= 2;
    return capacity;
  }
  // By how much a hash is shifted to the right, before the mask.
  unsigned shift(std::size_t capacity) const {
    return 64 - share_.common_bits - static_cast<unsigned>(std::countr_zero(capacity));
  }

 private:
  // Of `capacity` slots, those at which some key is at home.
  std::size_t homes(std::size_t capacity) const { return capacity * share_.per_1024 >> 10; }

  HashShare share_;
  bool is_tight_ = false;
};

}  // namespace weir::state
