// Whole clusters under faults, many seeds; scripts/sim runs more of them.
#include <gtest/gtest.h>

#include <map>
#include <string>

#include "simulator/simulated_cluster.h"
#include "support/sanitizers.h"

namespace weir::simulation {
namespace {

// A tenth of what a thousand seeds are, per case, so that the cases spread over shards.
constexpr std::uint64_t kSeedsPerCase = tests::kSanitizer ? 4 : 100;

class SimulatedClusters : public testing::TestWithParam<int> {};

TEST_P(SimulatedClusters, LoseAndRepeatNothing) {
  const std::uint64_t first = 1 + static_cast<std::uint64_t>(GetParam()) * 100;
  std::map<std::string, std::uint64_t> faults;
  for (std::uint64_t seed = first; seed < first + kSeedsPerCase; ++seed) {
    const SimResult result = run_seed(seed);
    ASSERT_EQ(result.failure, "") << "seed " << seed << ": scripts/sim --replay " << seed;
    for (const auto& [kind, count] : result.faults) faults[kind] += count;
  }
  EXPECT_GE(faults.size(), tests::kSanitizer ? 2u : 7u);
}

INSTANTIATE_TEST_SUITE_P(Hundreds, SimulatedClusters, testing::Range(0, 10));

TEST(SimulatedCluster, DrainsEndJobsEarly) {
  std::size_t early = 0;
  for (std::uint64_t seed = 12; seed < 12 + 32 * 8; seed += 32) {
    const SimResult result = run_seed(seed);
    ASSERT_EQ(result.failure, "") << "seed " << seed << ": scripts/sim --replay " << seed;
    if (result.faults.count("drain") == 0) continue;  // it had ended before
    early += result.records_read < SimLoad{}.records ? 1u : 0u;
  }
  EXPECT_GE(early, 3u);
}

TEST(SimulatedCluster, RunsTheSameWayFromTheSameSeed) {
  for (const std::uint64_t seed : {3u, 17u, 40u}) {
    const SimResult first = run_seed(seed);
    const SimResult second = run_seed(seed);
    EXPECT_EQ(first.digest, second.digest) << "seed " << seed;
    EXPECT_EQ(first.steps, second.steps) << "seed " << seed;
  }
}

}  // namespace
}  // namespace weir::simulation
