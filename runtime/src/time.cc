#include "weir/runtime/time.h"

#include <cstdio>

namespace weir::runtime {

std::string iso_time(EventTime t) {
  using std::chrono::days;
  const std::chrono::sys_time<Duration> point{Duration(t.micros())};
  const auto day = std::chrono::floor<days>(point);
  const auto first = std::chrono::sys_days(std::chrono::year(0) / 1 / 1);
  const auto last = std::chrono::sys_days(std::chrono::year(9999) / 12 / 31);
  if (day < first || day > last) return std::to_string(t.micros()) + " us";
  const std::chrono::year_month_day date(day);
  const std::chrono::hh_mm_ss<Duration> clock(point - day);
  char text[64];
  std::snprintf(text, sizeof(text), "%04d-%02u-%02uT%02d:%02d:%02d", static_cast<int>(date.year()),
                static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()),
                static_cast<int>(clock.hours().count()), static_cast<int>(clock.minutes().count()),
                static_cast<int>(clock.seconds().count()));
  std::string out = text;
  if (clock.subseconds().count() != 0) {
    std::snprintf(text, sizeof(text), ".%06d", static_cast<int>(clock.subseconds().count()));
    out += text;
  }
  return out + "Z";
}

}  // namespace weir::runtime
