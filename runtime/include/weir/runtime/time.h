// Event time as a strong type: microseconds since 1970-01-01T00:00:00Z.
#pragma once

#include <chrono>
#include <compare>
#include <cstdint>
#include <limits>
#include <string>

namespace weir::runtime {

// Length of time, in microseconds. Any std::chrono duration that is a whole number of microseconds
// converts to it.
using Duration = std::chrono::microseconds;

// A point on the event-time axis (or a watermark on it). `min()` stands for "nothing known yet",
// `max()` for "nothing will follow". Arithmetic saturates at these two.
class EventTime {
 public:
  constexpr EventTime() = default;
  constexpr explicit EventTime(std::int64_t micros) : micros_(micros) {}

  static constexpr EventTime min() { return EventTime(std::numeric_limits<std::int64_t>::min()); }
  static constexpr EventTime max() { return EventTime(std::numeric_limits<std::int64_t>::max()); }
  // What records may have, about 146,000 years before and after 1970: windows around it can be
  // reckoned without overflow.
  static constexpr EventTime earliest() { return EventTime(-(std::int64_t{1} << 62)); }
  static constexpr EventTime latest() { return EventTime(std::int64_t{1} << 62); }
  static constexpr EventTime from_seconds(std::int64_t s) { return EventTime(s * 1'000'000); }
  static constexpr EventTime from_millis(std::int64_t ms) { return EventTime(ms * 1'000); }

  constexpr std::int64_t micros() const { return micros_; }
  // Whole seconds, rounded towards minus infinity.
  constexpr std::int64_t seconds() const {
    const std::int64_t q = micros_ / 1'000'000;
    return q - (micros_ % 1'000'000 < 0 ? 1 : 0);
  }

  friend constexpr auto operator<=>(EventTime, EventTime) = default;
  friend constexpr EventTime operator+(EventTime t, Duration d) {
    std::int64_t out = 0;
    if (t == min() || t == max()) return t;
    if (__builtin_add_overflow(t.micros_, d.count(), &out)) return d.count() < 0 ? min() : max();
    return EventTime(out);
  }
  friend constexpr EventTime operator-(EventTime t, Duration d) {
    std::int64_t out = 0;
    if (t == min() || t == max()) return t;
    if (__builtin_sub_overflow(t.micros_, d.count(), &out)) return d.count() < 0 ? max() : min();
    return EventTime(out);
  }
  friend constexpr Duration operator-(EventTime a, EventTime b) {
    return Duration(a.micros_ - b.micros_);
  }

 private:
  std::int64_t micros_ = 0;
};

// The largest multiple of `step` (plus `offset`) that is not above `t`. `step` must be positive.
// The unbounded times stay as they are.
constexpr EventTime floor_to(EventTime t, Duration step, Duration offset = Duration(0)) {
  if (t == EventTime::min() || t == EventTime::max()) return t;
  const std::int64_t rel = t.micros() - offset.count();
  std::int64_t rem = rel % step.count();
  if (rem < 0) rem += step.count();
  return EventTime(t.micros() - rem);
}

// For messages: ISO 8601 in UTC, or a number of microseconds outside of the years 0 to 9999.
std::string iso_time(EventTime t);

}  // namespace weir::runtime

namespace weir {
using runtime::Duration;
using runtime::EventTime;
}  // namespace weir
