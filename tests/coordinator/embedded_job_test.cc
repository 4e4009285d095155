#include "weir/coordinator/embedded_job.h"

#include <gtest/gtest.h>

#include "support/sanitizers.h"
#include "tiny_operators.h"

namespace weir::coordinator {
namespace {

using testing::TinyJob;
using Outcome = JobResult::Outcome;

JobResult run_tiny(const TinyJob& job, const JobOptions& options) {
  return run_embedded([&](runtime::Topology& t) { job.build(t); }, options);
}

class EmbeddedJobOnEachExecutor : public ::testing::TestWithParam<ExecutorKind> {
 protected:
  void SetUp() override {
    if (GetParam() == ExecutorKind::kTbb && weir::tests::kThreadSanitizer) {
      GTEST_SKIP() << "TBB is not instrumented";
    }
  }
  JobOptions options() const {
    JobOptions options;
    options.executor = GetParam();
    options.threads = 2;
    return options;
  }
};

TEST_P(EmbeddedJobOnEachExecutor, CommitsAllOutputOfABoundedInput) {
  for (const std::uint32_t parallelism : {1u, 2u, 3u}) {
    for (const bool keep_state : {false, true}) {
      TinyJob job;
      job.numbers.count = 5000;
      job.keep_state = keep_state;
      JobOptions o = options();
      o.parallelism = parallelism;
      o.batch_size = 16;
      const JobResult result = run_tiny(job, o);
      ASSERT_TRUE(result.ok()) << result.status;
      EXPECT_EQ(result.outcome, Outcome::kFinished);
      EXPECT_EQ(job.outside->committed(), job.expected()) << "parallelism " << parallelism;
      EXPECT_EQ(result.progress.records_read, 5000);
      EXPECT_EQ(result.progress.checkpoints, 1u);
    }
  }
}

TEST_P(EmbeddedJobOnEachExecutor, GivesTheSameOutputWithManyCheckpoints) {
  TinyJob job;
  job.numbers.count = 20000;
  JobOptions o = options();
  o.parallelism = 2;
  o.batch_size = 8;
  o.channel_bytes = 4096;
  o.checkpoint_interval = std::chrono::microseconds(200);
  const JobResult result = run_tiny(job, o);
  ASSERT_TRUE(result.ok()) << result.status;
  EXPECT_EQ(job.outside->committed(), job.expected());
  EXPECT_GE(result.progress.checkpoints, 1u);
}

TEST_P(EmbeddedJobOnEachExecutor, EndsAllTasksWhenOneFails) {
  TinyJob job;
  job.numbers.fail_at = 300;
  JobOptions o = options();
  o.parallelism = 2;
  o.batch_size = 8;
  const JobResult result = run_tiny(job, o);
  EXPECT_EQ(result.outcome, Outcome::kFailed);
  EXPECT_NE(std::string(result.status.message()).find("the test wants it"), std::string::npos);
  EXPECT_NE(std::string(result.status.message()).find("task numbers"), std::string::npos);
}

TEST_P(EmbeddedJobOnEachExecutor, StopsAfterALastCheckpoint) {
  JobControl control;
  TinyJob job;
  job.keep_state = false;
  job.numbers.count = 100;
  job.numbers.endless = true;
  job.numbers.at_end = [&] { control.stop(); };
  JobOptions o = options();
  o.control = &control;
  const JobResult result = run_tiny(job, o);
  ASSERT_TRUE(result.ok()) << result.status;
  EXPECT_EQ(result.outcome, Outcome::kStopped);
  EXPECT_EQ(job.outside->committed(), job.expected());
}

INSTANTIATE_TEST_SUITE_P(Executors, EmbeddedJobOnEachExecutor,
                         ::testing::Values(ExecutorKind::kSingle, ExecutorKind::kThreads,
                                           ExecutorKind::kTbb));

TEST(EmbeddedJob, GivesTheSameOutputForEverySeedOfTheSingleThread) {
  for (std::uint64_t seed = 1; seed <= 50; ++seed) {
    SCOPED_TRACE(seed);
    TinyJob job;
    job.numbers.count = 600;
    runtime::ManualClock clock;
    JobOptions o;
    o.executor = ExecutorKind::kSingle;
    o.manual_clock = &clock;
    o.seed = seed;
    o.parallelism = 3;
    o.batch_size = 4;
    o.channel_bytes = 512;
    const JobResult result = run_tiny(job, o);
    ASSERT_TRUE(result.ok()) << result.status;
    EXPECT_EQ(job.outside->committed(), job.expected());
  }
}

TEST(EmbeddedJob, SaysWhatBlocksWhenNothingCanGoOn) {
  TinyJob job;
  job.numbers.endless = true;
  runtime::ManualClock clock;
  JobOptions o;
  o.executor = ExecutorKind::kSingle;
  o.manual_clock = &clock;
  const JobResult result = run_tiny(job, o);
  EXPECT_EQ(result.outcome, Outcome::kFailed);
  EXPECT_NE(std::string(result.status.message()).find("numbers 0/1: no_input"), std::string::npos)
      << result.status;
}

TEST(EmbeddedJob, RefusesATopologyWithFaults) {
  const JobResult result = run_embedded([](runtime::Topology&) {}, JobOptions{});
  EXPECT_EQ(result.status.code(), absl::StatusCode::kInvalidArgument);
}

}  // namespace
}  // namespace weir::coordinator
