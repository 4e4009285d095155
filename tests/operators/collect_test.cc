#include "weir/operators/collect.h"

#include <gtest/gtest.h>

namespace weir::operators {
namespace {

// One task of a collecting sink.
struct Task {
  Collector<int> sink;
  std::string state;
  runtime::IoWork io;

  absl::Status open(std::uint32_t index, std::uint32_t parallelism, std::uint64_t restored) {
    SinkContext context;
    context.task_index = index;
    context.parallelism = parallelism;
    context.restored = CheckpointId(restored);
    const absl::Status status = sink.open(context);
    return status.ok() && restored != 0 ? sink.restore({}) : status;
  }
  void write(std::vector<int> numbers) {
    runtime::Batch<int> batch(static_cast<std::uint32_t>(numbers.size()));
    for (const int number : numbers) {
      batch[batch.size()] = number;
      batch.resize(batch.size() + 1);
    }
    sink.write(batch);
  }
  void seal(std::uint64_t id) { sink.seal(CheckpointId(id), state, io); }
  void commit(std::uint64_t id) { sink.commit(CheckpointId(id), io); }
};

TEST(Collector, ShowsCommittedRecordsOnly) {
  const auto rows = collect<int>();
  Task task{rows, {}, {}};
  ASSERT_TRUE(task.open(0, 1, 0).ok());
  task.write({1, 2});
  task.seal(1);
  task.write({3});
  EXPECT_EQ(rows.size(), 0u);
  task.commit(1);
  task.commit(1);
  EXPECT_EQ(rows.records(), (std::vector<int>{1, 2}));
  task.seal(2);
  task.write({4});
  task.seal(3);  // 2 was not committed
  task.commit(3);
  EXPECT_EQ(rows.records(), (std::vector<int>{1, 2, 3, 4}));
}

TEST(Collector, ARestartCommitsTheRestoredCheckpointAndForgetsTheRest) {
  const auto rows = collect<int>();
  {
    Task a{rows, {}, {}};
    Task b{rows, {}, {}};
    ASSERT_TRUE(a.open(0, 2, 0).ok());
    ASSERT_TRUE(b.open(1, 2, 0).ok());
    a.write({1});
    b.write({2});
    a.seal(1);
    b.seal(1);
    a.write({3});
    a.seal(2);  // never complete
  }
  Task task{rows, {}, {}};
  ASSERT_TRUE(task.open(0, 1, 1).ok());
  EXPECT_EQ(rows.records(), (std::vector<int>{1, 2}));
  task.write({3});
  task.seal(3);
  task.commit(3);
  EXPECT_EQ(rows.records(), (std::vector<int>{1, 3, 2}));
}

TEST(Collector, ServesOneRun) {
  const auto rows = collect<int>();
  Task first{rows, {}, {}};
  ASSERT_TRUE(first.open(0, 1, 0).ok());
  first.write({1});
  first.seal(1);
  first.commit(1);
  Task second{rows, {}, {}};
  EXPECT_FALSE(second.open(0, 1, 0).ok());
}

}  // namespace
}  // namespace weir::operators
