// Made-up records that are functions of their number: what tests that kill and move jobs read.
#pragma once

#include <cstdint>

#include "weir/runtime/time.h"

namespace weir::tests {

// Spreads numbers over all 64 bits.
constexpr std::uint64_t scramble(std::uint64_t x) {
  x = (x ^ (x >> 31)) * 0x7fb5d329728ea185ull;
  x = (x ^ (x >> 27)) * 0x81dadef4bc2dd44dull;
  return x ^ (x >> 33);
}

// How event time runs with the number of a record, microseconds.
struct Disturbed {
  std::int64_t step;     // from record to record
  std::uint64_t most;    // less than so much behind
  std::uint64_t one_in;  // a power of two: so many records come one that lags
  std::int64_t lag;      // by this on top
};

// The event time of record `i`, with h = scramble(i + 1).
inline runtime::EventTime disturbed_time(std::uint64_t i, std::uint64_t h, const Disturbed& by) {
  std::int64_t behind = static_cast<std::int64_t>((h >> 40) % by.most);
  if ((h & (by.one_in - 1)) == 0) behind += by.lag;
  return runtime::EventTime(static_cast<std::int64_t>(i) * by.step - behind);
}

// A value of either sign.
constexpr std::int64_t scrambled_value(std::uint64_t h) {
  return static_cast<std::int64_t>(h >> 48) - 30'000;
}

}  // namespace weir::tests
