// Jobs that die and are started again over one state folder.
#include <gtest/gtest.h>

#include <random>

#include "tiny_operators.h"
#include "weir/coordinator/embedded_job.h"
#include "weir/runtime/simulated_storage.h"

namespace weir::coordinator {
namespace {

using runtime::SimulatedStorage;
using testing::TinyJob;
using Outcome = JobResult::Outcome;

JobOptions simulated(SimulatedStorage& storage, runtime::ManualClock& clock, std::uint64_t seed) {
  JobOptions o;
  o.executor = ExecutorKind::kSingle;
  o.manual_clock = &clock;
  o.seed = seed;
  o.storage = &storage;
  o.state_dir = "/state";
  o.batch_size = 4;
  o.channel_bytes = 512;
  return o;
}

JobResult run_tiny(const TinyJob& job, const JobOptions& options) {
  return run_embedded([&](runtime::Topology& t) { job.build(t); }, options);
}

std::string message(const JobResult& result) { return std::string(result.status.message()); }

// Time moves with the work: otherwise a busy job on a manual clock would never see a checkpoint.
std::function<void()> tick(runtime::ManualClock& clock) {
  return [&clock] { clock.advance(std::chrono::microseconds(10)); };
}

TEST(Restore, GoesOnWhereTheLastCheckpointStood) {
  std::uint64_t restores = 0;
  for (std::uint64_t seed = 1; seed <= 100; ++seed) {
    SCOPED_TRACE(seed);
    std::mt19937_64 random(seed);
    SimulatedStorage storage(seed);
    TinyJob job;
    job.numbers.count = 2000;
    job.keep_state = seed % 3 != 0;
    int attempts = 0;
    for (;; ++attempts) {
      ASSERT_LT(attempts, 100);
      runtime::ManualClock clock;
      JobOptions o = simulated(storage, clock, seed * 1000 + static_cast<std::uint64_t>(attempts));
      o.parallelism = 1 + static_cast<std::uint32_t>(seed % 3);
      o.checkpoint_interval = std::chrono::microseconds(50 + random() % 500);
      o.batch_size = 1 + static_cast<std::uint32_t>(random() % 4);
      job.numbers.fail_at = attempts < 8 ? 50 + static_cast<std::int64_t>(random() % 400) : -1;
      job.numbers.at_poll = tick(clock);
      const JobResult result = run_tiny(job, o);
      if (result.restored_from.value != 0) ++restores;
      if (result.outcome == Outcome::kFinished) break;
      ASSERT_NE(message(result).find("the test wants it"), std::string::npos) << result.status;
      storage.crash();
    }
    EXPECT_EQ(job.outside->committed(), job.expected());
  }
  EXPECT_GT(restores, 200u);
}

TEST(Restore, SurvivesAPowerCutAtEveryStep) {
  std::uint64_t steps = 1;
  for (std::uint64_t step = 1; step <= steps; ++step) {
    SCOPED_TRACE(step);
    SimulatedStorage storage(step);
    TinyJob job;
    job.numbers.count = 300;
    const auto attempt = [&] {
      runtime::ManualClock clock;
      JobOptions o = simulated(storage, clock, step);
      o.parallelism = 2;
      o.checkpoint_interval = std::chrono::microseconds(200);
      job.numbers.at_poll = tick(clock);
      return run_tiny(job, o);
    };
    storage.die_at_step(step);
    const JobResult first = attempt();
    if (storage.dead()) {
      ASSERT_NE(first.outcome, Outcome::kFinished);
      ++steps;  // there may be a step behind this one
      storage.crash();
      const JobResult second = attempt();
      ASSERT_TRUE(second.ok()) << second.status;
    }
    EXPECT_EQ(job.outside->committed(), job.expected());
  }
  std::printf("%llu steps\n", static_cast<unsigned long long>(steps));
  EXPECT_GT(steps, 20u);
}

TEST(Restore, SaysThatAFinishedJobIsComplete) {
  SimulatedStorage storage(1);
  TinyJob job;
  runtime::ManualClock clock;
  const JobOptions o = simulated(storage, clock, 1);
  ASSERT_EQ(run_tiny(job, o).outcome, Outcome::kFinished);
  const JobResult again = run_tiny(job, o);
  EXPECT_EQ(again.outcome, Outcome::kAlreadyComplete) << again.status;
  EXPECT_EQ(again.progress.records_read, 0);
  EXPECT_EQ(job.outside->committed(), job.expected());
}

TEST(Restore, CommitsAgainWhatAFinishedJobMayNotHaveCommitted) {
  SimulatedStorage storage(1);
  TinyJob job;
  runtime::ManualClock clock;
  const JobOptions o = simulated(storage, clock, 1);
  job.outside->fail_commits(true);
  ASSERT_EQ(run_tiny(job, o).outcome, Outcome::kFailed);
  EXPECT_TRUE(job.outside->committed().empty());
  job.outside->fail_commits(false);
  EXPECT_EQ(run_tiny(job, o).outcome, Outcome::kAlreadyComplete);
  EXPECT_EQ(job.outside->committed(), job.expected());
}

TEST(Restore, StartsFromNothingWhenAskedTo) {
  SimulatedStorage storage(1);
  TinyJob job;
  runtime::ManualClock clock;
  JobOptions o = simulated(storage, clock, 1);
  const JobResult first = run_tiny(job, o);
  o.fresh = true;
  job.outside = std::make_shared<testing::Outside>();
  const JobResult second = run_tiny(job, o);
  EXPECT_EQ(second.outcome, Outcome::kFinished) << second.status;
  EXPECT_EQ(second.restored_from.value, 0u);
  EXPECT_EQ(job.outside->committed(), job.expected());
  EXPECT_GT(second.progress.last_checkpoint, first.progress.last_checkpoint) << "ids never repeat";
}

TEST(Restore, RefusesTheFolderOfAnotherTopology) {
  SimulatedStorage storage(1);
  TinyJob job;
  runtime::ManualClock clock;
  const JobOptions o = simulated(storage, clock, 1);
  ASSERT_TRUE(run_tiny(job, o).ok());
  job.keep_state = false;
  const JobResult result = run_tiny(job, o);
  EXPECT_EQ(result.outcome, Outcome::kFailed);
  EXPECT_NE(message(result).find("another topology"), std::string::npos) << result.status;
}

TEST(Restore, RefusesAFolderInUse) {
  SimulatedStorage storage(1);
  TinyJob job;
  runtime::ManualClock clock;
  const JobOptions o = simulated(storage, clock, 1);
  ASSERT_TRUE(storage.make_dirs("/state").ok());
  const auto lock = storage.lock("/state/LOCK");
  ASSERT_TRUE(lock.ok());
  EXPECT_EQ(run_tiny(job, o).status.code(), absl::StatusCode::kUnavailable);
}

TEST(Restore, ContinuesWithAnotherParallelism) {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    SCOPED_TRACE(seed);
    std::mt19937_64 random(seed);
    SimulatedStorage storage(seed);
    TinyJob job;
    job.numbers.count = 3000;
    job.numbers.partitions = 4;
    const auto attempt = [&](std::uint32_t parallelism, std::int64_t fail_at) {
      runtime::ManualClock clock;
      JobOptions o = simulated(storage, clock, seed);
      o.parallelism = parallelism;
      o.batch_size = 1;
      o.checkpoint_interval = std::chrono::microseconds(100);
      job.numbers.at_poll = tick(clock);
      job.numbers.fail_at = fail_at;
      return run_tiny(job, o);
    };
    const auto any = [&] { return 1 + static_cast<std::uint32_t>(random() % 4); };
    ASSERT_FALSE(attempt(any(), 400).ok());
    ASSERT_FALSE(attempt(any(), 300).ok());
    const JobResult last = attempt(any(), -1);
    ASSERT_TRUE(last.ok()) << last.status;
    EXPECT_GT(last.restored_from.value, 0u);
    EXPECT_EQ(job.outside->committed(), job.expected());
  }
}

TEST(Restore, RecoversWhenADiskIsNoLongerFull) {
  SimulatedStorage storage(1);
  TinyJob job;
  job.numbers.count = 4000;
  runtime::ManualClock clock;
  JobOptions o = simulated(storage, clock, 1);
  o.batch_size = 1;
  o.checkpoint_interval = std::chrono::microseconds(200);
  int polls = 0;
  job.numbers.at_poll = [&] {
    clock.advance(std::chrono::microseconds(10));
    if (++polls == 500) storage.set_capacity(0);
    if (polls == 3000) storage.set_capacity(runtime::SimulatedStorage::kUnlimited);
  };
  const JobResult result = run_tiny(job, o);
  ASSERT_TRUE(result.ok()) << result.status;
  EXPECT_GT(result.progress.failed_checkpoints, 0u);
  EXPECT_GT(result.progress.checkpoints, 1u);
  EXPECT_EQ(job.outside->committed(), job.expected());
}

TEST(Restore, GivesUpWithAClearMessageWhenTheDiskStaysFull) {
  SimulatedStorage storage(1);
  TinyJob job;
  runtime::ManualClock clock;
  JobOptions o = simulated(storage, clock, 1);
  job.numbers.at_end = [&] { storage.set_capacity(storage.used_bytes()); };
  const JobResult result = run_tiny(job, o);
  EXPECT_EQ(result.outcome, Outcome::kFailed);
  EXPECT_EQ(result.progress.failed_checkpoints, 10u);
  storage.set_capacity(runtime::SimulatedStorage::kUnlimited);
  job.numbers.at_end = nullptr;
  ASSERT_TRUE(run_tiny(job, o).ok());
  EXPECT_EQ(job.outside->committed(), job.expected());
}

}  // namespace
}  // namespace weir::coordinator
