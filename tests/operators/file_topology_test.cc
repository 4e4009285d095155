// Whole topologies from files to files, embedded.
#include <gtest/gtest.h>

#include <atomic>
#include <filesystem>
#include <fstream>
#include <set>

#include "support/temp_dir.h"
#include "text_files.h"
#include "weir/weir.h"

namespace flights {

struct Flight {
  weir::EventTime departed;
  std::string origin;
  std::int32_t delay_min = 0;
};
WEIR_RECORD(Flight, departed, origin, delay_min);

}  // namespace flights

namespace weir::operators {
namespace {

using flights::Flight;
using namespace std::chrono_literals;
using tests::TempDir;

const std::string kSample = std::string(WEIR_SOURCE_DIR) + "/tests/data/flights-200.csv";

std::multiset<std::string> lines_of(const std::string& folder) {
  std::multiset<std::string> lines;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    if (!entry.is_regular_file()) continue;
    std::ifstream in(entry.path());
    for (std::string line; std::getline(in, line);) lines.insert(line);
  }
  return lines;
}

TEST(FileTopology, CountsFlightsFromAFileToFiles) {
  TempDir dir;
  const auto rows = collect<Flight>();
  JobOptions options;
  options.executor = ExecutorKind::kThreads;
  options.parallelism = 2;
  const JobResult result = run_embedded(
      [&](Topology& t) {
        auto in = t.spout("flights", csv_file<Flight>(kSample, {.time = TimeFormat::seconds()}));
        in.sink("all", rows);
        in.event_time(&Flight::departed, bounded_disorder(2000min))
            .key_by(&Flight::origin)
            .window(tumbling(1h), late_drop())
            .aggregate("delays", count(), sum(&Flight::delay_min), max(&Flight::delay_min))
            .sink("report",
                  csv_files(dir / "out", {.time = TimeFormat::seconds(), .window_end = false}));
      },
      options);
  ASSERT_TRUE(result.ok()) << result.status;
  EXPECT_EQ(rows.size(), 200u);
  std::map<std::pair<std::int64_t, std::string>, std::vector<std::int64_t>> expected;
  for (const Flight& f : rows.records()) {
    const std::int64_t start = f.departed.seconds() / 3600 * 3600;
    auto& e = expected[{start, f.origin}];
    if (e.empty()) e = {0, 0, INT32_MIN};
    e[0] += 1;
    e[1] += f.delay_min;
    e[2] = std::max<std::int64_t>(e[2], f.delay_min);
  }
  std::multiset<std::string> lines;
  for (const auto& [k, e] : expected) {
    lines.insert(std::to_string(k.first) + "," + k.second + "," + std::to_string(e[0]) + "," +
                 std::to_string(e[1]) + "," + std::to_string(e[2]));
  }
  EXPECT_EQ(lines_of(dir / "out"), lines);
}

TEST(FileTopology, SendsBadRowsToAStreamOfTheirOwn) {
  TempDir dir;
  tests::write_file(dir / "in.csv", "departed,origin,delay_min\n1,A,2\nx,B,3\n4,C\n5,D,6\n");
  const auto good = collect<Flight>();
  const auto bad = collect<BadRecord>();
  JobOptions options;
  options.executor = ExecutorKind::kThreads;
  options.parallelism = 2;
  const JobResult result = run_embedded(
      [&](Topology& t) {
        t.spout("in", csv_file<Flight>(dir / "in.csv", {.time = TimeFormat::seconds(),
                                                        .on_bad = OnBadRecord::kSideOutput,
                                                        .bad_stream = "broken"}))
            .sink("good", good);
        t.side<BadRecord>("broken").shuffle().sink("bad", bad);
      },
      options);
  ASSERT_TRUE(result.ok()) << result.status;
  EXPECT_EQ(good.size(), 2u);
  ASSERT_EQ(bad.size(), 2u);
  EXPECT_EQ(bad.records()[0].line + bad.records()[1].line, 3u + 4u);
}

TEST(FileTopology, FailsAtABadRowNamingSpoutFileAndLine) {
  TempDir dir;
  tests::write_file(dir / "in.csv", "departed,origin,delay_min\n1,A,2\nx,B,3\n");
  JobOptions options;
  options.executor = ExecutorKind::kThreads;
  const JobResult result = run_embedded(
      [&](Topology& t) {
        t.spout("in", csv_file<Flight>(dir / "in.csv", {.time = TimeFormat::seconds()}))
            .sink("out", csv_files(dir / "out"));
      },
      options);
  EXPECT_FALSE(result.ok());
  const std::string message(result.status.message());
  EXPECT_NE(message.find("in.csv:3: "), std::string::npos) << message;
  EXPECT_NE(message.find("in"), std::string::npos) << message;
  EXPECT_TRUE(lines_of(dir / "out").empty());
}

// A folder of files to files, stopped several times on the way, each time with other tasks.
TEST(FileTopology, GoesOnAfterStopsWithOtherTasksAsIfItHadNotStopped) {
  TempDir dir;
  std::filesystem::create_directory(dir / "in");
  std::multiset<std::string> expected;
  for (int f = 0; f < 3; ++f) {
    std::string text = "departed,origin,delay_min\n";
    for (int i = 0; i < 5000; ++i) {
      const std::string row = std::to_string(i) + "," + std::string(1, static_cast<char>('A' + f)) +
                              "," + std::to_string(i);
      text += row + "\n";
      expected.insert(row);
    }
    tests::write_file(dir / ("in/" + std::to_string(f) + ".csv"), text);
  }
  JobResult result;
  for (std::uint32_t run = 0; run < 10; ++run) {
    JobControl control;
    JobOptions options;
    options.executor = ExecutorKind::kSingle;
    options.seed = run;
    options.parallelism = run % 3 + 1;
    options.batch_size = 16;
    options.state_dir = dir / "state";
    options.control = &control;
    std::atomic<int> seen{0};
    result = run_embedded(
        [&](Topology& t) {
          t.spout("in", csv_file<Flight>(dir / "in", {.time = TimeFormat::seconds()}))
              .filter("watch",
                      [&](const Flight&) {
                        if (++seen == 3000) control.stop();
                        return true;
                      })
              .shuffle()
              .sink("copy",
                    csv_files(dir / "out", {.time = TimeFormat::seconds(), .roll_bytes = 20'000}));
        },
        options);
    ASSERT_TRUE(result.ok()) << result.status;
    if (result.outcome != JobResult::Outcome::kStopped) break;
  }
  EXPECT_EQ(result.outcome, JobResult::Outcome::kFinished);
  EXPECT_EQ(lines_of(dir / "out"), expected);
}

}  // namespace
}  // namespace weir::operators
