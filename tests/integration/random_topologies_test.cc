// Random topologies: whatever is built from the words of the DSL gives one output, in every order
// of execution, at every parallelism, and however often it crashes.
#include <gtest/gtest.h>

#include <random>

#include "support/committed_rows.h"
#include "support/executors.h"
#include "support/random_topology.h"
#include "support/sanitizers.h"
#include "support/temp_dir.h"
#include "weir/coordinator/embedded_job.h"
#include "weir/operators/dsl.h"
#include "weir/runtime/simulated_storage.h"

namespace weir::tests {
namespace {

std::string text_of(const Item& item) {
  return std::to_string(item.origin) + " " + std::to_string(item.key) + " " +
         std::to_string(item.value) + " " + std::to_string(item.time.micros());
}
SinkMaker committing(std::shared_ptr<CommittedRows> rows) {
  return [rows = std::move(rows)](Items stream, const std::string& name) {
    stream.sink(name, commit_rows<Item>(rows, text_of));
  };
}

struct Ran {
  JobResult result;
  std::vector<std::string> rows;
};
Ran run_topology(std::uint64_t seed, const JobOptions& o) {
  auto rows = std::make_shared<CommittedRows>();
  JobResult result =
      run_embedded([&](Topology& t) { RandomTopology(seed, committing(rows)).build(t); }, o);
  return {std::move(result), rows->sorted()};
}

JobOptions random_options(std::mt19937_64& random, ExecutorKind executor) {
  JobOptions o;
  constexpr std::uint32_t kParallelisms[] = {1, 2, 3, 4, 7};
  constexpr std::uint32_t kBatchSizes[] = {1, 3, 16, 256};
  o.executor = executor;
  o.threads = 2;
  o.seed = random();
  o.parallelism = kParallelisms[random() % 5];
  o.batch_size = kBatchSizes[random() % 4];
  o.combine = random() % 2 == 0;
  o.channel_bytes = random() % 2 == 0 ? 256 : 64 << 10;
  if (random() % 2 == 0) o.checkpoint_interval = std::chrono::microseconds(500);
  return o;
}
std::string describe(std::uint64_t seed, const JobOptions& o) {
  return "seed " + std::to_string(seed) + ": executor " +
         std::to_string(static_cast<int>(o.executor)) + ", parallelism " +
         std::to_string(o.parallelism) + ", batch size " + std::to_string(o.batch_size) +
         (o.combine ? ", combined" : "") + ", order " + std::to_string(o.seed);
}

constexpr std::uint64_t kSeeds = kSanitizer ? 60 : 200;

TEST(RandomTopologies, GiveTheSameOutputInEveryOrderOfExecution) {
  std::size_t rows = 0;
  for (std::uint64_t seed = 1; seed <= kSeeds; ++seed) {
    std::mt19937_64 random(seed);
    JobOptions plain;
    plain.executor = ExecutorKind::kSingle;
    const Ran expected = run_topology(seed, plain);
    ASSERT_TRUE(expected.result.ok()) << "seed " << seed << ": " << expected.result.status;
    rows += expected.rows.size();
    for (const ExecutorKind kind : {ExecutorKind::kSingle, ExecutorKind::kSingle,
                                    ExecutorKind::kThreads, kParallelExecutor}) {
      const JobOptions o = random_options(random, kind);
      const Ran got = run_topology(seed, o);
      ASSERT_TRUE(got.result.ok()) << describe(seed, o) << got.result.status;
      ASSERT_EQ(difference(got.rows, expected.rows), "") << describe(seed, o);
    }
  }
  EXPECT_GT(rows, kSeeds * 30);
}

// What the job with `seed` commits when it crashes some times and is started again each time; each
// attempt's options pass through `change`. Counts the attempts that went on from a checkpoint.
std::vector<std::string> rows_through_crashes(
    std::uint64_t seed, const std::function<void(JobOptions&, std::mt19937_64&)>& change,
    const std::function<void()>& after_crash, std::uint64_t* restores) {
  std::mt19937_64 random(seed);
  auto rows = std::make_shared<CommittedRows>();
  const std::uint32_t parallelism = 1 + static_cast<std::uint32_t>(random() % 4);
  const bool combine = random() % 2 == 0;
  for (int attempt = 0; attempt < 20; ++attempt) {
    runtime::ManualClock clock;
    JobOptions o = random_options(random, ExecutorKind::kSingle);
    o.manual_clock = &clock;
    o.state_dir = "/state";
    o.parallelism = parallelism;
    o.combine = combine;
    o.batch_size = 1 + static_cast<std::uint32_t>(random() % 2);
    o.channel_bytes = 256;
    o.checkpoint_interval = std::chrono::microseconds(10 + random() % 60);
    change(o, random);
    std::uint64_t polls_left = attempt < 6 ? 40 + random() % 160 : ~std::uint64_t{0};
    const auto at_poll = [&] {
      clock.advance(std::chrono::microseconds(10));
      if (--polls_left == 0) throw std::runtime_error("the test wants it");
    };
    const JobResult result = run_embedded(
        [&](Topology& t) { RandomTopology(seed, committing(rows), at_poll).build(t); }, o);
    if (result.restored_from.value != 0) ++*restores;
    if (result.ok()) break;
    const bool is_wanted =
        std::string(result.status.message()).find("the test wants it") != std::string::npos;
    EXPECT_TRUE(is_wanted) << describe(seed, o) << result.status;
    if (!is_wanted) break;
    after_crash();
  }
  return rows->sorted();
}

std::vector<std::string> rows_of_calm(std::uint64_t seed) {
  JobOptions plain;
  plain.executor = ExecutorKind::kSingle;
  return run_topology(seed, plain).rows;
}

TEST(RandomTopologies, GiveTheSameOutputThroughCrashes) {
  std::uint64_t restores = 0;
  for (std::uint64_t seed = 1; seed <= kSeeds; ++seed) {
    runtime::SimulatedStorage storage(seed);
    const std::vector<std::string> rows = rows_through_crashes(
        seed, [&](JobOptions& o, std::mt19937_64&) { o.storage = &storage; },
        [&] { storage.crash(); }, &restores);
    ASSERT_EQ(difference(rows, rows_of_calm(seed)), "") << "seed " << seed;
  }
  EXPECT_GT(restores, kSeeds / 2);
}

// Key groups, timers, slices and what waits for a generation move between tasks; from and to one
// task, chains join and part.
TEST(RandomTopologies, GiveTheSameOutputWithAnotherParallelismAfterEachCrash) {
  std::uint64_t restores = 0;
  for (std::uint64_t seed = 1; seed <= kSeeds; ++seed) {
    runtime::SimulatedStorage storage(seed);
    const std::vector<std::string> rows = rows_through_crashes(
        seed,
        [&](JobOptions& o, std::mt19937_64& random) {
          o.storage = &storage;
          o.parallelism = 1 + static_cast<std::uint32_t>(random() % 6);
        },
        [&] { storage.crash(); }, &restores);
    ASSERT_EQ(difference(rows, rows_of_calm(seed)), "") << "seed " << seed;
  }
  EXPECT_GT(restores, kSeeds / 2);
}

TEST(RandomTopologies, GiveTheSameOutputFromRocksDbWithoutRoomInMemory) {
  std::uint64_t restores = 0;
  const std::uint64_t seeds = kSanitizer ? 12 : 24;
  for (std::uint64_t seed = 1; seed <= seeds; ++seed) {
    const TempDir dir(TempDir::On::kMemory);
    const std::vector<std::string> rows = rows_through_crashes(
        seed,
        [&](JobOptions& o, std::mt19937_64&) {
          o.state_dir = dir / "state";
          o.state_backend = StateBackend::kRocksDb;
          o.memory_budget = 1;
          if (seed % 2 == 0) o.parallelism = 1 + static_cast<std::uint32_t>(o.seed % 4);
        },
        [] {}, &restores);
    ASSERT_EQ(difference(rows, rows_of_calm(seed)), "") << "seed " << seed;
  }
  EXPECT_GT(restores, seeds / 2);
}

}  // namespace
}  // namespace weir::tests
