#include "weir/operators/text/time_format.h"

#include <cstdio>

namespace weir::operators {
namespace {

using runtime::EventTime;

constexpr std::int64_t kMicrosPerSecond = 1'000'000;
constexpr std::int64_t kMicrosPerDay = 86'400 * kMicrosPerSecond;
constexpr std::int32_t kMaxZoneMinutes = 18 * 60;

// Days since 1970-01-01 of a date of the proleptic Gregorian calendar, and back.
// Source: Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms".
std::int64_t days_from_civil(std::int64_t y, unsigned m, unsigned d) {
  y -= m <= 2 ? 1 : 0;
  const std::int64_t era = (y >= 0 ? y : y - 399) / 400;
  const auto yoe = static_cast<unsigned>(y - era * 400);
  const unsigned doy = (153 * (m > 2 ? m - 3 : m + 9) + 2) / 5 + d - 1;
  const unsigned doe = yoe * 365 + yoe / 4 - yoe / 100 + doy;
  return era * 146097 + static_cast<std::int64_t>(doe) - 719468;
}

struct Civil {
  std::int64_t year;
  unsigned month;
  unsigned day;
};

Civil civil_from_days(std::int64_t z) {
  z += 719468;
  const std::int64_t era = (z >= 0 ? z : z - 146096) / 146097;
  const auto doe = static_cast<unsigned>(z - era * 146097);
  const unsigned yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
  const unsigned doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
  const unsigned mp = (5 * doy + 2) / 153;
  const unsigned month = mp < 10 ? mp + 3 : mp - 9;
  const std::int64_t year = static_cast<std::int64_t>(yoe) + era * 400 + (month <= 2 ? 1 : 0);
  return {year, month, doy - (153 * mp + 2) / 5 + 1};
}

unsigned days_in_month(std::int64_t y, unsigned m) {
  constexpr unsigned kDays[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  const bool leap = (y % 4 == 0 && y % 100 != 0) || y % 400 == 0;
  return m == 2 && leap ? 29 : kDays[m - 1];
}

// Eats a text from the left.
class Cursor {
 public:
  explicit Cursor(std::string_view text) : text_(text) {}

  bool digits(std::size_t count, unsigned& value) {
    if (text_.size() < count) return false;
    value = 0;
    for (std::size_t i = 0; i < count; ++i) {
      const unsigned digit = static_cast<unsigned char>(text_[i]) - unsigned{'0'};
      if (digit > 9) return false;
      value = value * 10 + digit;
    }
    text_.remove_prefix(count);
    return true;
  }
  bool next_is(char c) const { return !text_.empty() && text_[0] == c; }
  bool eat(char c) {
    if (!next_is(c)) return false;
    text_.remove_prefix(1);
    return true;
  }
  bool at_end() const { return text_.empty(); }
  bool at_digit() const { return !text_.empty() && text_[0] >= '0' && text_[0] <= '9'; }

 private:
  std::string_view text_;
};

CellFault parse_date(Cursor& in, std::int64_t& days) {
  unsigned year = 0;
  unsigned month = 0;
  unsigned day = 0;
  const bool negative = in.next_is('-');
  const bool wide = in.eat('-') || in.eat('+');
  if (!in.digits(wide ? 6 : 4, year) || !in.eat('-') || !in.digits(2, month) || !in.eat('-') ||
      !in.digits(2, day)) {
    return CellFault::kMalformed;
  }
  const std::int64_t signed_year = negative ? -static_cast<std::int64_t>(year) : year;
  if (month < 1 || month > 12 || day < 1 || day > days_in_month(signed_year, month)) {
    return CellFault::kOutOfRange;
  }
  days = days_from_civil(signed_year, month, day);
  return CellFault::kNone;
}

CellFault parse_time_of_day(Cursor& in, std::int64_t& micros) {
  unsigned hour = 0;
  unsigned minute = 0;
  unsigned second = 0;
  std::int64_t fraction = 0;
  if (!in.digits(2, hour) || !in.eat(':') || !in.digits(2, minute)) return CellFault::kMalformed;
  if (in.eat(':')) {
    if (!in.digits(2, second)) return CellFault::kMalformed;
    if (in.eat('.') || in.eat(',')) {
      if (!in.at_digit()) return CellFault::kMalformed;
      unsigned digit = 0;
      for (std::int64_t scale = 100'000; in.at_digit(); scale /= 10) {
        if (!in.digits(1, digit)) return CellFault::kMalformed;
        fraction += digit * scale;
      }
    }
  }
  if (hour > 23 || minute > 59 || second > 59) return CellFault::kOutOfRange;
  micros = (hour * 3600LL + minute * 60LL + second) * kMicrosPerSecond + fraction;
  return CellFault::kNone;
}

// `Z`, `+hh:mm`, `+hhmm`, `+hh`, or nothing (then `found` stays false).
CellFault parse_offset(Cursor& in, bool& found, std::int32_t& minutes) {
  if (in.at_end()) return CellFault::kNone;
  found = true;
  minutes = 0;
  if (in.eat('Z') || in.eat('z')) return in.at_end() ? CellFault::kNone : CellFault::kMalformed;
  const bool negative = in.next_is('-');
  unsigned hour = 0;
  unsigned minute = 0;
  if ((!in.eat('-') && !in.eat('+')) || !in.digits(2, hour)) return CellFault::kMalformed;
  if (in.eat(':') ? !in.digits(2, minute) : !in.at_end() && !in.digits(2, minute)) {
    return CellFault::kMalformed;
  }
  if (!in.at_end()) return CellFault::kMalformed;
  minutes = static_cast<std::int32_t>(hour * 60 + minute);
  if (minute > 59 || minutes > kMaxZoneMinutes) return CellFault::kOutOfRange;
  if (negative) minutes = -minutes;
  return CellFault::kNone;
}

void append_zone(std::string& out, std::int32_t minutes) {
  if (minutes == 0) {
    out += 'Z';
    return;
  }
  const int size = minutes < 0 ? -minutes : minutes;
  char buffer[16];
  std::snprintf(buffer, sizeof(buffer), "%c%02d:%02d", minutes < 0 ? '-' : '+', size / 60,
                size % 60);
  out += buffer;
}

}  // namespace

std::string TimeFormat::problem() const {
  if (kind_ == Kind::kIso8601 && (zone_ < -kMaxZoneMinutes || zone_ > kMaxZoneMinutes)) {
    return "the zone of TimeFormat::iso8601 is " + std::to_string(zone_) +
           " minutes from UTC; it must lie between -18h and 18h";
  }
  return {};
}

std::string TimeFormat::describe() const {
  if (kind_ == Kind::kIso8601) {
    return has_zone_ ? "a time in ISO 8601, such as 2001-01-19T06:30:00"
                     : "a time in ISO 8601 with its offset, such as 2001-01-19T06:30:00Z";
  }
  const char* unit = micros_per_unit_ == kMicrosPerSecond ? "seconds"
                     : micros_per_unit_ == 1'000          ? "milliseconds"
                                                          : "microseconds";
  return std::string("a whole number of ") + unit + " since 1970-01-01T00:00:00Z";
}

CellFault TimeFormat::parse_iso8601(std::string_view text, EventTime& time) const {
  if (text.empty()) return CellFault::kEmpty;
  Cursor in(text);
  std::int64_t days = 0;
  std::int64_t micros = 0;
  bool offset_found = false;
  std::int32_t offset = zone_;
  CellFault fault = parse_date(in, days);
  if (fault == CellFault::kNone && (in.eat('T') || in.eat('t') || in.eat(' '))) {
    fault = parse_time_of_day(in, micros);
    if (fault == CellFault::kNone) fault = parse_offset(in, offset_found, offset);
  }
  if (fault != CellFault::kNone) return fault;
  if (!in.at_end()) return CellFault::kMalformed;
  if (!offset_found && !has_zone_) return CellFault::kNoZone;
  std::int64_t total = 0;
  micros -= offset * 60 * kMicrosPerSecond;
  if (__builtin_mul_overflow(days, kMicrosPerDay, &total) ||
      __builtin_add_overflow(total, micros, &total)) {
    return CellFault::kOutOfRange;
  }
  return from_count(total, time);
}

void TimeFormat::append(std::string& out, EventTime time) const {
  char buffer[64];
  if (kind_ == Kind::kInteger) {
    const auto end = std::to_chars(buffer, buffer + sizeof(buffer), to_count(time)).ptr;
    out.append(buffer, static_cast<std::size_t>(end - buffer));
    return;
  }
  if (time == EventTime::min() || time == EventTime::max()) {
    out += time == EventTime::min() ? "-infinity" : "infinity";
    return;
  }
  const std::int64_t local = (time + std::chrono::minutes(zone_)).micros();
  const std::int64_t before = local % kMicrosPerDay < 0 ? 1 : 0;
  const Civil date = civil_from_days(local / kMicrosPerDay - before);
  const std::int64_t rest = local % kMicrosPerDay + before * kMicrosPerDay;
  const auto seconds = static_cast<int>(rest / kMicrosPerSecond);
  const auto fraction = static_cast<int>(rest % kMicrosPerSecond);
  const bool wide = date.year < 0 || date.year > 9999;
  std::snprintf(buffer, sizeof(buffer), wide ? "%+07lld-%02u-%02uT" : "%04lld-%02u-%02uT",
                static_cast<long long>(date.year), date.month, date.day);
  out += buffer;
  std::snprintf(buffer, sizeof(buffer), "%02d:%02d:%02d", seconds / 3600, seconds / 60 % 60,
                seconds % 60);
  out += buffer;
  if (fraction != 0) {
    const bool millis = fraction % 1000 == 0;
    std::snprintf(buffer, sizeof(buffer), millis ? ".%03d" : ".%06d",
                  millis ? fraction / 1000 : fraction);
    out += buffer;
  }
  append_zone(out, zone_);
}

}  // namespace weir::operators
