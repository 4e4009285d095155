// TimeFormat: how a text spells event time. Always said by the program, never guessed:
//
//   TimeFormat::seconds() / millis() / micros()    an integer since 1970-01-01T00:00:00Z
//   TimeFormat::iso8601()                          2001-01-19T06:30:00.5Z, 2001-01-19 06:30+02:00
//   TimeFormat::iso8601(kUtc), iso8601(-5h)        the same; where no offset is written, this one
//
// ISO 8601: extended form, `T` or a space, seconds and fraction optional, date alone = midnight,
// years beyond 0000-9999 as a sign and six digits. Without an offset in the text and without a zone
// here a time is refused. Fractions below a microsecond are cut off. A value; any thread.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "weir/operators/text/cell_number.h"
#include "weir/runtime/time.h"

namespace weir::operators {

inline constexpr std::chrono::minutes kUtc{0};

class TimeFormat {
 public:
  // Not chosen yet: parses nothing.
  constexpr TimeFormat() = default;
  static constexpr TimeFormat seconds() { return TimeFormat(Kind::kInteger, 1'000'000); }
  static constexpr TimeFormat millis() { return TimeFormat(Kind::kInteger, 1'000); }
  static constexpr TimeFormat micros() { return TimeFormat(Kind::kInteger, 1); }
  // `zone`: offset from UTC of times that do not name theirs; from -18h to 18h.
  static constexpr TimeFormat iso8601(std::optional<std::chrono::minutes> zone = std::nullopt) {
    TimeFormat format(Kind::kIso8601, 1);
    format.has_zone_ = zone.has_value();
    format.zone_ = static_cast<std::int32_t>(zone.value_or(kUtc).count());
    return format;
  }

  constexpr bool is_set() const { return kind_ != Kind::kUnset; }
  constexpr bool is_integer() const { return kind_ == Kind::kInteger; }
  // Why this format cannot be used; empty if it can.
  std::string problem() const;
  // For messages: "an integer in seconds since 1970", "ISO 8601 with an offset".
  std::string describe() const;

  CellFault parse(std::string_view text, runtime::EventTime& time) const {
    if (kind_ == Kind::kInteger) [[likely]] {
      std::int64_t count = 0;
      const CellFault fault = parse_integer(text, count);
      return fault == CellFault::kNone ? from_count(count, time) : fault;
    }
    return parse_iso8601(text, time);
  }
  // The time `count` units after 1970. Refuses what EventTime cannot hold, and its two ends, which
  // mean "unbounded".
  CellFault from_count(std::int64_t count, runtime::EventTime& time) const {
    std::int64_t micros = 0;
    if (__builtin_mul_overflow(count, micros_per_unit_, &micros)) return CellFault::kOutOfRange;
    time = runtime::EventTime(micros);
    const bool fits =
        time >= runtime::EventTime::earliest() && time <= runtime::EventTime::latest();
    return fits ? CellFault::kNone : CellFault::kOutOfRange;
  }
  // Whole units, rounded towards the past.
  std::int64_t to_count(runtime::EventTime time) const {
    const std::int64_t q = time.micros() / micros_per_unit_;
    return q - (time.micros() % micros_per_unit_ < 0 ? 1 : 0);
  }
  // Appends `time`; without a format as ISO 8601 in UTC. The unbounded times become `-infinity` and
  // `infinity` in ISO 8601, and cannot be read back.
  void append(std::string& out, runtime::EventTime time) const;

  friend constexpr bool operator==(const TimeFormat&, const TimeFormat&) = default;

 private:
  enum class Kind : std::uint8_t { kUnset, kInteger, kIso8601 };
  constexpr TimeFormat(Kind kind, std::int64_t micros_per_unit)
      : micros_per_unit_(micros_per_unit), kind_(kind) {}

  CellFault parse_iso8601(std::string_view text, runtime::EventTime& time) const;

  std::int64_t micros_per_unit_ = 1;
  std::int32_t zone_ = 0;  // minutes east of UTC
  Kind kind_ = Kind::kUnset;
  bool has_zone_ = false;
};

}  // namespace weir::operators

namespace weir {
using operators::kUtc;
using operators::TimeFormat;
}  // namespace weir
