#include "support/golden_topologies.h"

#include <cmath>
#include <cstdint>
#include <initializer_list>
#include <tuple>

#include "support/flights.h"
#include "weir/operators/text/byte_source.h"
#include "weir/operators/text/line_reader.h"
#include "weir/runtime/check.h"
#include "weir/weir.h"

namespace weir::tests {
namespace {

struct Quake {
  EventTime time_ms;
  double mag = 0;
  std::string type;
};
WEIR_RECORD(Quake, time_ms, mag, type);

struct Mean {
  std::string origin;
  std::uint64_t count = 0;
  std::int64_t sum = 0;
};
WEIR_RECORD(Mean, origin, count, sum);

constexpr Duration kAllData = std::chrono::minutes(2000);  // above any lateness

std::string joined(std::initializer_list<std::string> parts) {
  std::string text;
  for (const std::string& part : parts) text += (text.empty() ? "" : ",") + part;
  return text;
}

auto golden_flights(Topology& t, const std::string& data, Duration bound) {
  return t
      .spout("flights", csv_file<Flight>(data + "flights.csv.gz", {.time = TimeFormat::seconds()}))
      .event_time(&Flight::departed, bounded_disorder(bound));
}

void flights_per_hour(Topology& t, const std::string& data, Duration bound, const LineEnd& end,
                      const LineEnd& end_side) {
  using std::chrono::hours;
  end(golden_flights(t, data, bound)
          .key_by(&Flight::origin)
          .window(tumbling(hours(1)), late_to("late"))
          .aggregate("delays", count(), sum(&Flight::delay_min), max(&Flight::delay_min))
          .map("line",
               [](const auto& w) {
                 const auto& [n, total, largest] = w.value;
                 return joined({std::to_string(w.start.seconds()), w.key, std::to_string(n),
                                std::to_string(total), std::to_string(largest)});
               }),
      "lines");
  end_side(
      t.side<Flight>("late")
          .event_time(&Flight::departed, bounded_disorder(kAllData))
          .key_by(&Flight::origin)
          .window(tumbling(hours(1)), late_drop())
          .aggregate("late counts", count())
          .map("late line",
               [](const auto& w) {
                 return joined({std::to_string(w.start.seconds()), w.key, std::to_string(w.value)});
               }),
      "late lines");
}

void flights_of_a_day(Topology& t, const std::string& data, const LineEnd& end) {
  end(golden_flights(t, data, kAllData)
          .filter([](const Flight& f) {
            return (f.origin == "ATL" || f.origin == "SEA" || f.origin == "ADQ") &&
                   f.departed >= EventTime::from_seconds(979084800) &&
                   f.departed < EventTime::from_seconds(979257600);
          })
          .key_by(&Flight::origin)
          .window(sliding(std::chrono::hours(24), std::chrono::minutes(1)), late_drop())
          .aggregate("flights per day", count())
          .map("line",
               [](const auto& w) {
                 return joined({std::to_string(w.start.seconds()), w.key, std::to_string(w.value)});
               }),
      "lines");
}

bool has_larger_mean(const Mean& a, const Mean& b) {
  const std::int64_t left = a.sum * static_cast<std::int64_t>(b.count);
  const std::int64_t right = b.sum * static_cast<std::int64_t>(a.count);
  if (left != right) return left > right;
  return a.count != b.count ? a.count > b.count : a.origin < b.origin;
}

void worst_origins(Topology& t, const std::string& data, const LineEnd& end) {
  using std::chrono::hours;
  end(golden_flights(t, data, kAllData)
          .key_by(&Flight::origin)
          .window(tumbling(hours(6)), late_drop())
          .aggregate("per origin", count(), sum(&Flight::delay_min))
          .map("mean",
               [](const auto& w) {
                 return Mean{w.key, std::get<0>(w.value), std::get<1>(w.value)};
               })
          .window_all(tumbling(hours(6)), late_drop())
          .aggregate("top", top_k(5, has_larger_mean))
          .flat_map<std::string>(
              "lines",
              [](const auto& w, Emitter<std::string>& lines) {
                int rank = 0;
                for (const Mean& m : w.value) {
                  lines.emit(joined({std::to_string(w.start.seconds()), std::to_string(++rank),
                                     m.origin, std::to_string(m.count), std::to_string(m.sum)}));
                }
              }),
      "top lines");
}

void quakes_per_type(Topology& t, const std::string& data, Duration bound, const LineEnd& end) {
  end(t.spout("quakes", csv_file<Quake>(data + "earthquakes.csv", {.time = TimeFormat::millis()}))
          .event_time(&Quake::time_ms, bounded_disorder(bound))
          .key_by(&Quake::type)
          .window(tumbling(std::chrono::hours(6)), late_drop())
          .aggregate("strongest", count(),
                     max([](const Quake& q) { return std::llround(q.mag * 1000); }))
          .map("line",
               [](const auto& w) {
                 return joined({std::to_string(w.start.micros() / 1000), w.key,
                                std::to_string(std::get<0>(w.value)),
                                std::to_string(std::get<1>(w.value))});
               }),
      "lines");
}

}  // namespace

std::vector<std::string> golden_lines(const std::string& data, std::string_view name) {
  std::vector<std::string> lines;
  if (name.empty()) return lines;
  auto source = operators::open_file(data + "golden/" + std::string(name), {});
  WEIR_CHECK(source.ok(), "a golden file can be read");
  for (auto reader = operators::LineReader(*std::move(source));;) {
    std::string line;
    std::size_t count = 0;
    const auto step = reader.read({&line, 1}, count);
    if (count == 0 || step == operators::ReadStep::kEnd) return lines;
    lines.push_back(line);
  }
}

void build_golden(Topology& t, std::string_view name, const std::string& data, const LineEnd& end,
                  const LineEnd& end_side) {
  using std::chrono::hours;
  if (name == "flights-a") return flights_per_hour(t, data, kAllData, end, end_side);
  if (name == "flights-b") {
    return flights_per_hour(t, data, std::chrono::minutes(30), end, end_side);
  }
  if (name == "flights-c") return flights_of_a_day(t, data, end);
  if (name == "flights-e") return worst_origins(t, data, end);
  if (name == "quakes-a") return quakes_per_type(t, data, hours(24 * 30), end);
  if (name == "quakes-b") return quakes_per_type(t, data, hours(24), end);
  t.fault(Place::here(), "there is no golden topology '" + std::string(name) + "'");
}

}  // namespace weir::tests
