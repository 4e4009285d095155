// A real day of flights in sliding windows, with far less patience than its disorder asks for:
// lateness is judged window by window, as a reference does it that looks at one line after the
// other.
#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "support/executors.h"
#include "support/flights.h"
#include "weir/operators/text/byte_source.h"
#include "weir/weir.h"

namespace weir {
namespace {

using tests::Flight;
using namespace std::chrono_literals;

const std::string kFlights = std::string(WEIR_SOURCE_DIR) + "/tests/data/flights.csv.gz";

struct Line {
  std::int64_t departed = 0;  // seconds
  std::int64_t delay = 0;     // minutes
  std::string origin;
};

// The three columns by the names in the first line, without Weir's own CSV.
std::vector<Line> read_lines() {
  auto source = operators::open_file(kFlights, {});
  EXPECT_TRUE(source.ok()) << source.status();
  std::vector<Line> lines;
  std::map<std::string, std::size_t> column;
  for (auto reader = operators::LineReader(*std::move(source));;) {
    std::string text;
    std::size_t count = 0;
    const auto step = reader.read({&text, 1}, count);
    if (count == 0 || step == operators::ReadStep::kEnd) break;
    std::vector<std::string> cells(1);
    for (const char c : text) c == ',' ? (void)cells.emplace_back() : cells.back().push_back(c);
    if (column.empty()) {
      for (std::size_t i = 0; i < cells.size(); ++i) column[cells[i]] = i;
      continue;
    }
    lines.push_back({std::stoll(cells.at(column.at("departed"))),
                     std::stoll(cells.at(column.at("delay_min"))), cells.at(column.at("origin"))});
  }
  return lines;
}

struct Case {
  std::chrono::seconds size;
  std::chrono::seconds slide;
  std::chrono::seconds max_delay;
};
// Disorder up to hours, so each of these has late flights, and flights that are late for some of
// their windows only.
constexpr Case kCases[] = {{1h, 10min, 5min},  {3h, 1h, 30min}, {2h, 7min, 12min},
                           {50min, 20min, 0s}, {24h, 3h, 1h},   {1h, 1h, 1min}};

struct Output {
  std::vector<std::string> windows;
  std::vector<std::string> late;
  std::size_t partly = 0;  // flights that are late for some windows, and not for all
};

std::string row_of(const std::string& origin, std::int64_t start, std::uint64_t count,
                   std::int64_t sum, std::int64_t largest) {
  return origin + "," + std::to_string(start) + "," + std::to_string(count) + "," +
         std::to_string(sum) + "," + std::to_string(largest);
}
std::string row_of(const std::string& origin, std::int64_t departed, std::int64_t delay) {
  return origin + "," + std::to_string(departed) + "," + std::to_string(delay);
}

Output reference(const std::vector<Line>& lines, const Case& c) {
  Output out;
  struct Total {
    std::uint64_t count = 0;
    std::int64_t sum = 0;
    std::int64_t largest = INT64_MIN;
  };
  absl::flat_hash_map<std::pair<std::string, std::int64_t>, Total> windows;
  std::int64_t watermark = INT64_MIN;
  const std::int64_t size = c.size.count();
  const std::int64_t slide = c.slide.count();
  for (const Line& line : lines) {
    std::size_t all = 0;
    std::size_t counted = 0;
    for (std::int64_t start = line.departed / slide * slide; start + size > line.departed;
         start -= slide) {
      ++all;
      if (start + size <= watermark) continue;
      ++counted;
      Total& total = windows[{line.origin, start}];
      ++total.count;
      total.sum += line.delay;
      total.largest = std::max(total.largest, line.delay);
    }
    if (counted == 0 && all != 0) {
      out.late.push_back(row_of(line.origin, line.departed, line.delay));
    }
    if (counted != 0 && counted != all) ++out.partly;
    watermark = std::max(watermark, line.departed - c.max_delay.count());
  }
  for (const auto& [at, t] : windows) {
    out.windows.push_back(row_of(at.first, at.second, t.count, t.sum, t.largest));
  }
  std::sort(out.windows.begin(), out.windows.end());
  std::sort(out.late.begin(), out.late.end());
  return out;
}

Output run_case(const Case& c, const JobOptions& options) {
  const auto windows = collect<std::string>();
  const auto late = collect<std::string>();
  const JobResult result = run_embedded(
      [&](Topology& t) {
        t.spout("flights", csv_file<Flight>(kFlights, {.time = TimeFormat::seconds()}))
            .event_time(&Flight::departed, bounded_disorder(c.max_delay))
            .key_by(&Flight::origin)
            .window(sliding(c.size, c.slide), late_to("late"))
            .aggregate("delays", count(), sum(&Flight::delay_min), max(&Flight::delay_min))
            .map("row",
                 [](const auto& w) {
                   const auto& [n, total, largest] = w.value;
                   return row_of(w.key, w.start.seconds(), n, total, largest);
                 })
            .sink("rows", windows);
        t.side<Flight>("late")
            .map(
                "late row",
                [](const Flight& f) { return row_of(f.origin, f.departed.seconds(), f.delay_min); })
            .sink("late rows", late);
      },
      options);
  EXPECT_TRUE(result.ok()) << result.status;
  Output out{windows.records(), late.records()};
  std::sort(out.windows.begin(), out.windows.end());
  std::sort(out.late.begin(), out.late.end());
  return out;
}

TEST(FlightsSliding, AgreeWithTheReferenceWindowByWindow) {
  const std::vector<Line> lines = read_lines();
  ASSERT_GT(lines.size(), 10'000u);
  for (const Case& c : kCases) {
    SCOPED_TRACE("size " + std::to_string(c.size.count()) + " s, slide " +
                 std::to_string(c.slide.count()) + " s, max delay " +
                 std::to_string(c.max_delay.count()) + " s");
    const Output expected = reference(lines, c);
    EXPECT_FALSE(expected.late.empty());
    if (c.slide < c.size) {
      EXPECT_GT(expected.partly, 100u);
    }
    for (const std::uint32_t parallelism : {1u, 3u}) {
      // Under a sanitizer each case runs in one of the two ways: all twelve took four minutes.
      if (tests::kSanitizer && (parallelism == 1) != ((&c - kCases) % 2 == 0)) continue;
      JobOptions options;
      options.executor = tests::kParallelExecutor;
      options.parallelism = parallelism;
      options.batch_size = parallelism == 1 ? 1024 : 7;
      options.combine = parallelism == 1;
      const Output found = run_case(c, options);
      ASSERT_EQ(found.late.size(), expected.late.size());
      ASSERT_TRUE(found.late == expected.late);
      ASSERT_EQ(found.windows.size(), expected.windows.size());
      ASSERT_TRUE(found.windows == expected.windows);
    }
  }
}

}  // namespace
}  // namespace weir
