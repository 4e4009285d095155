// Whole topologies from files to files, embedded.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <set>

#include "support/temp_dir.h"
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

}  // namespace
}  // namespace weir::operators
