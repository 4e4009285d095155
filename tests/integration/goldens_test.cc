// Real data against results that were computed by other means: byte for byte, at every parallelism,
// batch size, backend and executor.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "support/flights.h"
#include "support/sanitizers.h"
#include "support/temp_dir.h"
#include "weir/operators/text/byte_source.h"
#include "weir/weir.h"

namespace goldens {

struct Quake {
  weir::EventTime time_ms;
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

}  // namespace goldens

namespace weir {
namespace {

using goldens::Mean;
using goldens::Quake;
using tests::Flight;
using namespace std::chrono_literals;

const std::string kData = std::string(WEIR_SOURCE_DIR) + "/tests/data/";
constexpr Duration kAllData = 2000min;  // above the largest lateness of any record

// The sorted lines of a text file, plain or .gz.
std::vector<std::string> lines_of(const std::string& path) {
  auto source = operators::open_file(path, {});
  EXPECT_TRUE(source.ok()) << source.status();
  std::vector<std::string> lines;
  for (auto reader = operators::LineReader(*std::move(source));;) {
    std::string line;
    std::size_t count = 0;
    const auto step = reader.read({&line, 1}, count);
    if (count == 0 || step == operators::ReadStep::kEnd) break;
    lines.push_back(line);
  }
  return lines;
}

struct Setting {
  std::uint32_t parallelism;
  std::uint32_t batch_size;
  StateBackend backend;
  ExecutorKind executor;
};

const char* name_of(ExecutorKind executor) {
  const char* const names[] = {"tbb", "threads", "single"};
  return names[static_cast<int>(executor)];
}
std::string name_of(const Setting& s) {
  return "parallelism " + std::to_string(s.parallelism) + ", batch " +
         std::to_string(s.batch_size) + ", " +
         (s.backend == StateBackend::kMemory ? "memory" : "rocksdb") + ", " + name_of(s.executor);
}

class Goldens : public testing::TestWithParam<ExecutorKind> {};

std::vector<ExecutorKind> executors() {
  // ThreadSanitizer cannot see into TBB.
  if (tests::kThreadSanitizer) return {ExecutorKind::kThreads, ExecutorKind::kSingle};
  return {ExecutorKind::kTbb, ExecutorKind::kThreads, ExecutorKind::kSingle};
}

// Every combination with one executor; where that is too slow, each value of each setting at least
// once.
std::vector<Setting> settings(ExecutorKind executor) {
  std::vector<Setting> list;
  std::size_t n = 0;
  for (const std::uint32_t parallelism : {1u, 2u, 4u, 7u}) {
    for (const std::uint32_t batch_size : {1u, 7u, 1024u}) {
      for (const StateBackend backend : {StateBackend::kMemory, StateBackend::kRocksDb}) {
        if (tests::kSanitizer && n++ % 5 != 0) continue;
        list.push_back({parallelism, batch_size, backend, executor});
      }
    }
  }
  return list;
}

using Build = std::function<void(Topology&, operators::Collector<std::string>,
                                 operators::Collector<std::string>)>;

// Runs the job in each setting; its main and its side output must equal the files.
void expect_golden(ExecutorKind executor, const Build& build, const std::string& golden,
                   const std::string& side_golden) {
  const std::vector<std::string> expected = lines_of(kData + "golden/" + golden);
  ASSERT_FALSE(expected.empty());
  std::vector<std::string> expected_side;
  if (!side_golden.empty()) expected_side = lines_of(kData + "golden/" + side_golden);
  for (const Setting& setting : settings(executor)) {
    SCOPED_TRACE(name_of(setting));
    const tests::TempDir dir(tests::TempDir::On::kMemory);
    const auto main = collect<std::string>();
    const auto side = collect<std::string>();
    JobOptions options;
    options.parallelism = setting.parallelism;
    options.batch_size = setting.batch_size;
    options.state_backend = setting.backend;
    options.executor = setting.executor;
    options.state_dir = dir / "state";
    options.checkpoint_interval = 100ms;
    const JobResult result = run_embedded([&](Topology& t) { build(t, main, side); }, options);
    ASSERT_TRUE(result.ok()) << result.status;
    std::vector<std::string> found = main.records();
    std::sort(found.begin(), found.end());
    ASSERT_EQ(found.size(), expected.size());
    ASSERT_TRUE(found == expected);
    std::vector<std::string> found_side = side.records();
    std::sort(found_side.begin(), found_side.end());
    ASSERT_TRUE(found_side == expected_side);
  }
}

std::string line(std::initializer_list<std::string> parts) {
  std::string text;
  for (const std::string& part : parts) text += (text.empty() ? "" : ",") + part;
  return text;
}

auto flights(Topology& t, Duration bound) {
  return t
      .spout("flights", csv_file<Flight>(kData + "flights.csv.gz", {.time = TimeFormat::seconds()}))
      .event_time(&Flight::departed, bounded_disorder(bound));
}

void flights_per_hour(Topology& t, Duration bound, const operators::Collector<std::string>& out,
                      const operators::Collector<std::string>& late) {
  flights(t, bound)
      .key_by(&Flight::origin)
      .window(tumbling(1h), late_to("late"))
      .aggregate("delays", count(), sum(&Flight::delay_min), max(&Flight::delay_min))
      .map("line",
           [](const auto& w) {
             const auto& [n, total, largest] = w.value;
             return line({std::to_string(w.start.seconds()), w.key, std::to_string(n),
                          std::to_string(total), std::to_string(largest)});
           })
      .sink("lines", out);
  t.side<Flight>("late")
      .event_time(&Flight::departed, bounded_disorder(kAllData))
      .key_by(&Flight::origin)
      .window(tumbling(1h), late_drop())
      .aggregate("late counts", count())
      .map("late line",
           [](const auto& w) {
             return line({std::to_string(w.start.seconds()), w.key, std::to_string(w.value)});
           })
      .sink("late lines", late);
}

TEST_P(Goldens, FlightsPerHourOfAllData) {
  expect_golden(
      GetParam(),
      [](Topology& t, auto out, auto late) { flights_per_hour(t, kAllData, out, late); },
      "flights-a-tumbling-1h.csv.gz", "");
}

TEST_P(Goldens, FlightsPerHourWithWatermarkAndLateRecords) {
  expect_golden(
      GetParam(), [](Topology& t, auto out, auto late) { flights_per_hour(t, 30min, out, late); },
      "flights-b-tumbling-1h-wm30m.csv.gz", "flights-b-late-1h-wm30m.csv");
}

TEST_P(Goldens, FlightsInSlidingWindowsOfADay) {
  expect_golden(
      GetParam(),
      [](Topology& t, auto out, auto) {
        flights(t, kAllData)
            .filter([](const Flight& f) {
              return (f.origin == "ATL" || f.origin == "SEA" || f.origin == "ADQ") &&
                     f.departed >= EventTime::from_seconds(979084800) &&
                     f.departed < EventTime::from_seconds(979257600);
            })
            .key_by(&Flight::origin)
            .window(sliding(24h, 1min), late_drop())
            .aggregate("flights per day", count())
            .map("line",
                 [](const auto& w) {
                   return line({std::to_string(w.start.seconds()), w.key, std::to_string(w.value)});
                 })
            .sink("lines", out);
      },
      "flights-c-sliding-24h-1min.csv.gz", "");
}

bool has_larger_mean(const Mean& a, const Mean& b) {
  const std::int64_t left = a.sum * static_cast<std::int64_t>(b.count);
  const std::int64_t right = b.sum * static_cast<std::int64_t>(a.count);
  if (left != right) return left > right;
  return a.count != b.count ? a.count > b.count : a.origin < b.origin;
}

TEST_P(Goldens, OriginsWithTheLargestMeanDelay) {
  expect_golden(
      GetParam(),
      [](Topology& t, auto out, auto) {
        flights(t, kAllData)
            .key_by(&Flight::origin)
            .window(tumbling(6h), late_drop())
            .aggregate("per origin", count(), sum(&Flight::delay_min))
            .map("mean",
                 [](const auto& w) {
                   return Mean{w.key, std::get<0>(w.value), std::get<1>(w.value)};
                 })
            .window_all(tumbling(6h), late_drop())
            .aggregate("top", top_k(5, has_larger_mean))
            .template flat_map<std::string>(
                "lines",
                [](const auto& w, Emitter<std::string>& lines) {
                  int rank = 0;
                  for (const Mean& m : w.value) {
                    lines.emit(line({std::to_string(w.start.seconds()), std::to_string(++rank),
                                     m.origin, std::to_string(m.count), std::to_string(m.sum)}));
                  }
                })
            .sink("top lines", out);
      },
      "flights-e-top5-6h.csv", "");
}

void quakes_per_type(Topology& t, Duration bound, const operators::Collector<std::string>& out) {
  t.spout("quakes", csv_file<Quake>(kData + "earthquakes.csv", {.time = TimeFormat::millis()}))
      .event_time(&Quake::time_ms, bounded_disorder(bound))
      .key_by(&Quake::type)
      .window(tumbling(6h), late_drop())
      .aggregate("strongest", count(),
                 max([](const Quake& q) { return std::llround(q.mag * 1000); }))
      .map("line",
           [](const auto& w) {
             return line({std::to_string(w.start.micros() / 1000), w.key,
                          std::to_string(std::get<0>(w.value)),
                          std::to_string(std::get<1>(w.value))});
           })
      .sink("lines", out);
}

TEST_P(Goldens, EarthquakesOfAllData) {
  expect_golden(
      GetParam(), [](Topology& t, auto out, auto) { quakes_per_type(t, 24h * 30, out); },
      "earthquakes-a-tumbling-6h.csv", "");
}

TEST_P(Goldens, EarthquakesWithAWatermarkOfADay) {
  expect_golden(
      GetParam(), [](Topology& t, auto out, auto) { quakes_per_type(t, 24h, out); },
      "earthquakes-b-tumbling-6h-wm24h.csv", "");
}

INSTANTIATE_TEST_SUITE_P(Executors, Goldens, testing::ValuesIn(executors()),
                         [](const auto& p) { return std::string(name_of(p.param)); });

}  // namespace
}  // namespace weir
