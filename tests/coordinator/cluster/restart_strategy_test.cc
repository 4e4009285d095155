#include "coordinator/src/cluster/restart_strategy.h"

#include <gtest/gtest.h>

namespace weir::coordinator {
namespace {

using namespace std::chrono_literals;
using runtime::MonotonicTime;
using Kind = RestartOptions::Kind;

TEST(RestartStrategy, PausesGrowUpToTheLongestAndNeverEnd) {
  RestartStrategy strategy({.delay = 1s, .longest = 10s, .factor = 2, .jitter = 0}, 1);
  std::vector<MonotonicTime> pauses;
  for (int i = 0; i < 6; ++i) pauses.push_back(*strategy.on_failure(1s).pause);
  EXPECT_EQ(pauses, (std::vector<MonotonicTime>{1s, 2s, 4s, 8s, 10s, 10s}));
  for (int i = 0; i < 10'000; ++i) ASSERT_EQ(strategy.on_failure(1s).pause, MonotonicTime(10s));
}

TEST(RestartStrategy, JitterComesFromTheSeedAndStaysWithinItsPart) {
  const RestartOptions options = {.delay = 1s, .longest = 1s, .jitter = 0.2};
  RestartStrategy one(options, 5);
  RestartStrategy same(options, 5);
  RestartStrategy other(options, 6);
  bool differs = false;
  for (int i = 0; i < 1000; ++i) {
    const MonotonicTime pause = *one.on_failure(1s).pause;
    ASSERT_GE(pause, 800ms);
    ASSERT_LE(pause, 1200ms);
    ASSERT_EQ(pause, same.on_failure(1s).pause);
    differs = differs || pause != *other.on_failure(1s).pause;
  }
  EXPECT_TRUE(differs);
}

TEST(RestartStrategy, AQuietRunIsForgiven) {
  RestartStrategy strategy({.delay = 1s, .jitter = 0, .quiet = 60s}, 1);
  EXPECT_EQ(strategy.on_failure(0s).pause, MonotonicTime(1s));
  EXPECT_EQ(strategy.on_failure(5s).pause, MonotonicTime(2s));
  strategy.on_running(10s);
  EXPECT_EQ(strategy.on_failure(69s).pause, MonotonicTime(4s)) << "59 s are not quiet";
  strategy.on_running(100s);
  EXPECT_EQ(strategy.on_failure(160s).pause, MonotonicTime(1s));
  // Time that was not spent running does not count.
  EXPECT_EQ(strategy.on_failure(900s).pause, MonotonicTime(2s));
}

TEST(RestartStrategy, FixedDelayGivesUpWithAText) {
  RestartStrategy strategy({.kind = Kind::kFixedDelay, .delay = 3s, .attempts = 2}, 1);
  EXPECT_EQ(strategy.on_failure(0s).pause, MonotonicTime(3s));
  EXPECT_EQ(strategy.on_failure(9s).pause, MonotonicTime(3s));
  const RestartStrategy::Verdict verdict = strategy.on_failure(20s);
  EXPECT_FALSE(verdict.pause.has_value());
  EXPECT_EQ(verdict.why, "given up after 2 restarts in a row");
  RestartStrategy endless({.kind = Kind::kFixedDelay, .delay = 3s}, 1);
  for (int i = 0; i < 1000; ++i) ASSERT_TRUE(endless.on_failure(0s).pause.has_value());
}

TEST(RestartStrategy, FailureRateCountsWithinTheWindowOnly) {
  RestartStrategy strategy({.kind = Kind::kFailureRate, .delay = 1s, .failures = 2, .window = 60s},
                           1);
  EXPECT_TRUE(strategy.on_failure(0s).pause.has_value());
  EXPECT_TRUE(strategy.on_failure(50s).pause.has_value());
  EXPECT_TRUE(strategy.on_failure(61s).pause.has_value()) << "the first has left the window";
  const RestartStrategy::Verdict verdict = strategy.on_failure(80s);
  EXPECT_FALSE(verdict.pause.has_value());
  EXPECT_EQ(verdict.why, "given up after 3 failures within 60 s");
}

}  // namespace
}  // namespace weir::coordinator
