// Real data against results that were computed by other means: byte for byte, at every parallelism,
// batch size, backend and executor.
#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "support/golden_topologies.h"
#include "support/sanitizers.h"
#include "support/temp_dir.h"
#include "weir/weir.h"

namespace weir {
namespace {

using namespace std::chrono_literals;

const std::string kData = std::string(WEIR_SOURCE_DIR) + "/tests/data/";

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

// Runs the topology in each setting; its main and its side output must equal the files.
void expect_golden(ExecutorKind executor, const tests::Golden& golden) {
  const std::vector<std::string> expected = tests::golden_lines(kData, golden.lines);
  ASSERT_FALSE(expected.empty());
  const std::vector<std::string> expected_side = tests::golden_lines(kData, golden.side_lines);
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
    const auto into = [](const auto& sink) {
      return [&sink](const auto& lines, const std::string& name) { lines.sink(name, sink); };
    };
    const JobResult result = run_embedded(
        [&](Topology& t) { tests::build_golden(t, golden.name, kData, into(main), into(side)); },
        options);
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

TEST_P(Goldens, FlightsPerHourOfAllData) { expect_golden(GetParam(), tests::kGoldens[0]); }
TEST_P(Goldens, FlightsPerHourWithWatermarkAndLateRecords) {
  expect_golden(GetParam(), tests::kGoldens[1]);
}
TEST_P(Goldens, FlightsInSlidingWindowsOfADay) { expect_golden(GetParam(), tests::kGoldens[2]); }
TEST_P(Goldens, OriginsWithTheLargestMeanDelay) { expect_golden(GetParam(), tests::kGoldens[3]); }
TEST_P(Goldens, EarthquakesOfAllData) { expect_golden(GetParam(), tests::kGoldens[4]); }
TEST_P(Goldens, EarthquakesWithAWatermarkOfADay) { expect_golden(GetParam(), tests::kGoldens[5]); }

INSTANTIATE_TEST_SUITE_P(Executors, Goldens, testing::ValuesIn(executors()),
                         [](const auto& p) { return std::string(name_of(p.param)); });

}  // namespace
}  // namespace weir
