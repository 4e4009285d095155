// Running aggregates go on from a checkpoint where they were.
#include <gtest/gtest.h>

#include <cstdint>
#include <vector>

#include "support/temp_dir.h"
#include "weir/coordinator/embedded_job.h"
#include "weir/operators/dsl.h"

namespace weir {
namespace {

using runtime::Topology;

constexpr std::uint64_t kKeys = 10;
struct Step {
  std::uint64_t key = 0;
  std::uint64_t one = 1;
};
using Sums = std::vector<operators::Keyed<std::uint64_t, std::uint64_t>>;

// Counts keys 0 .. 9 in turn, without end, until `outputs` have come out of it; then stops.
Sums count_until(std::size_t outputs, JobOptions options) {
  JobControl control;
  options.control = &control;
  options.batch_size = 16;
  options.executor = ExecutorKind::kSingle;
  Sums sums;
  const JobResult result = run_embedded(
      [&](Topology& t) {
        t.spout("steps", generate<Step>(UINT64_MAX,
                                        [](std::uint64_t i, Step& s) {
                                          s = {i % kKeys, 1};
                                        }))
            .key_by(&Step::key)
            .aggregate("sums", sum(&Step::one))
            .sink("out", at_least_once(call([&](const Sums::value_type& s) {
                    sums.push_back(s);
                    if (sums.size() == outputs) control.stop();
                  })));
      },
      options);
  EXPECT_EQ(result.outcome, JobResult::Outcome::kStopped) << result.status;
  return sums;
}

class RunningRestore : public ::testing::TestWithParam<StateBackend> {};

TEST_P(RunningRestore, GoesOnWithTheSumsOfTheCheckpoint) {
  const tests::TempDir folder;
  JobOptions options;
  options.state_dir = folder.path();
  options.state_backend = GetParam();
  ASSERT_GE(count_until(100, options).size(), 100u);
  const Sums after = count_until(40, options);
  ASSERT_GE(after.size(), 40u);
  const std::uint64_t position = (after[0].value - 1) * kKeys + after[0].key;
  EXPECT_GE(position, 100u);
  for (std::uint64_t i = 0; i < after.size(); ++i) {
    EXPECT_EQ(after[i].key, (position + i) % kKeys);
    EXPECT_EQ(after[i].value, (position + i) / kKeys + 1);
  }
}

INSTANTIATE_TEST_SUITE_P(BothBackends, RunningRestore,
                         ::testing::Values(StateBackend::kMemory, StateBackend::kRocksDb),
                         [](const auto& p) {
                           return p.param == StateBackend::kMemory ? "memory" : "rocksdb";
                         });

}  // namespace
}  // namespace weir
