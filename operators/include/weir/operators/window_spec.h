// Windows as values: which there are, which slices they are assembled from, what becomes of late
// records.
#pragma once

#include <cstdint>
#include <string>

#include "weir/runtime/time.h"

namespace weir::operators {

using runtime::Duration;

// Windows [start, start + size) whose starts are the multiples of `slide`, plus `offset`. Half
// open, aligned to the epoch in UTC.
struct WindowSpec {
  Duration size{0};
  Duration slide{0};
  Duration offset{0};

  bool is_tumbling() const { return size == slide; }
  // Length of the slices: the longest that divides size and slide.
  Duration slice() const;
  // What windows need watermarks to be multiples of.
  Duration watermark_step() const;
  // Start of the slice that holds `t`.
  std::int64_t slice_of(std::int64_t t) const {
    const std::int64_t step = slice_us;
    std::int64_t rem = (t - offset.count()) % step;
    if (rem < 0) rem += step;
    return t - rem;
  }
  // End of the first and the last window that hold the slice starting at `slice_start`.
  std::int64_t first_end(std::int64_t slice_start) const;
  std::int64_t last_end(std::int64_t slice_start) const;
  // The first window end above `t`.
  std::int64_t next_end(std::int64_t t) const;

  // What is wrong with it; empty if nothing is.
  std::string fault() const;
  std::string describe() const;

  std::int64_t slice_us = 0;  // slice() in microseconds
};

// Windows of `size` that do not overlap.
WindowSpec tumbling(Duration size, Duration offset = Duration(0));
// Windows of `size`, one every `slide`; `slide` must not be above `size`.
WindowSpec sliding(Duration size, Duration slide, Duration offset = Duration(0));

// What becomes of records that come after a window they belong to has fired. A record counts in
// those of its windows that have not fired; it is late if there is none.
struct LatePolicy {
  Duration allowed{0};  // windows that fired less than this ago (event time) fire again
  std::string stream;   // name of the stream of late records; empty = drop and count
  std::string describe() const;
};
// Late records are dropped and counted.
inline LatePolicy late_drop() { return {}; }
// Late records go to the side stream `name`: read it with topology.side<T>(name).
inline LatePolicy late_to(std::string name) { return {Duration(0), std::move(name)}; }
// For `allowed` after it has fired, a window fires again with what has come in between: at most
// once per slide, always with its full result. Later records follow `after`.
inline LatePolicy refire_within(Duration allowed, LatePolicy after = late_drop()) {
  after.allowed = allowed;
  return after;
}

}  // namespace weir::operators

namespace weir {
using operators::late_drop;
using operators::late_to;
using operators::refire_within;
using operators::sliding;
using operators::tumbling;
}  // namespace weir
