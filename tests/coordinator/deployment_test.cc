#include "weir/coordinator/deployment.h"

#include <gtest/gtest.h>

#include "restored_share.h"
#include "tiny_operators.h"

namespace weir::coordinator {
namespace {

using runtime::ChannelSnapshot;
using runtime::EventTime;
using runtime::KeyGroup;
using runtime::TaskSnapshot;

runtime::Plan tiny_plan(std::uint32_t parallelism) {
  runtime::Params params;
  runtime::Topology topology(params);
  testing::TinyJob{}.build(topology);
  return *runtime::make_plan(topology, {.parallelism = parallelism});
}

TEST(Deployment, GivesEveryKeyGroupToTheTaskThatRoutersChoose) {
  for (const std::uint32_t groups : {1u, 7u, 128u, 32768u}) {
    for (std::uint32_t parallelism = 1; parallelism <= std::min(groups, 130u); ++parallelism) {
      std::uint32_t next = 0;
      for (std::uint32_t i = 0; i < parallelism; ++i) {
        const auto range = groups_of_task(i, parallelism, groups);
        ASSERT_EQ(range.first.value, next);
        for (std::uint32_t g = range.first.value; g <= range.last.value; ++g) {
          ASSERT_EQ(task_of_group(KeyGroup(static_cast<std::uint16_t>(g)), parallelism, groups), i);
        }
        next = range.last.value + 1u;
      }
      ASSERT_EQ(next, groups);
    }
  }
}

TEST(Deployment, PrintsTasksAndChannels) {
  const runtime::Plan plan = tiny_plan(2);
  EXPECT_EQ(print_deployment(plan, make_deployment(plan)),
            "task 0: numbers 0/2\n"
            "task 1: numbers 1/2\n"
            "task 2: sums 0/2, key groups 0-63\n"
            "  <- task 0 by key\n"
            "  <- task 1 by key\n"
            "task 3: sums 1/2, key groups 64-127\n"
            "  <- task 0 by key\n"
            "  <- task 1 by key\n");
}

TEST(Deployment, PutsAWholeTopologyIntoOneTaskWhereItCan) {
  const runtime::Plan plan = tiny_plan(1);
  EXPECT_EQ(print_deployment(plan, make_deployment(plan)),
            "task 0: numbers 0/1, key groups 0-127\n");
}

TEST(Deployment, ScattersSmallRecordsInLargerBatches) {
  const runtime::Plan plan = tiny_plan(2);
  ASSERT_EQ(plan.edges.size(), 1u);
  runtime::PlanEdge edge = plan.edges[0];
  ASSERT_EQ(edge.grouping, runtime::Grouping::kKey);
  ASSERT_LE(edge.type->bytes_in_batch(), 32u);
  const std::size_t bytes = edge.type->bytes_in_batch();
  const Reach within = Reach::kWithinWorker;
  EXPECT_EQ(batch_size_of(plan, edge, 256, within), 1024u);
  EXPECT_EQ(batch_size_of(plan, edge, 1024, within), 1024u * 32768 / (1024 * bytes));
  EXPECT_EQ(batch_size_of(plan, edge, 256, Reach::kBetweenWorkers), 4096u);
  EXPECT_EQ(batch_size_of(plan, edge, 1024, Reach::kBetweenWorkers),
            1024u * 131072 / (1024 * bytes));
  EXPECT_EQ(batch_size_of(plan, edge, 2048, Reach::kBetweenWorkers),
            2048u * 131072 / (2048 * bytes));
  EXPECT_EQ(batch_size_of(plan, edge, 1 << 20, within), 1u << 20);
  EXPECT_EQ(batch_size_of(plan, edge, 7, within), 7u);  // who asks for small ones gets them
  EXPECT_EQ(batch_size_of(plan, edge, 7, Reach::kBetweenWorkers), 7u);
  edge.grouping = runtime::Grouping::kForward;
  EXPECT_EQ(batch_size_of(plan, edge, 256, within), 256u);
  edge = plan.edges[0];
  runtime::Plan to_one = tiny_plan(2);
  to_one.chains[edge.to].parallelism = 1;
  EXPECT_EQ(batch_size_of(to_one, edge, 256, within), 256u);
}

TEST(Deployment, ChannelsBetweenWorkersShareTheirRoom) {
  constexpr std::size_t kMiB = std::size_t{1} << 20;
  EXPECT_EQ(window_between_workers(kMiB / 2, 0, 1), kMiB / 2);
  EXPECT_EQ(window_between_workers(kMiB / 2, 2, 2), 4 * kMiB);
  EXPECT_EQ(window_between_workers(kMiB / 2, 64, 2), kMiB);          // 64 ends at each worker
  EXPECT_EQ(window_between_workers(kMiB / 2, 10'000, 4), kMiB / 2);  // never less than others hold
  EXPECT_EQ(window_between_workers(4096, 2, 2), 8u * 4096);          // small where that was asked
  EXPECT_EQ(window_between_workers(SIZE_MAX / 2, 2, 2), SIZE_MAX / 2);
}

TEST(Deployment, JoinsOnlyPeersAlongForwardEdges) {
  runtime::Plan plan = tiny_plan(3);
  plan.edges.front().grouping = runtime::Grouping::kForward;
  const Deployment deployment = make_deployment(plan);
  ASSERT_EQ(deployment.channels.size(), 3u);
  for (const DeployedChannel& channel : deployment.channels) {
    EXPECT_EQ(channel.from.value + 3, channel.to.value);
  }
}

TEST(Print, ShowsTopologyAndPlan) {
  runtime::Params params;
  runtime::Topology topology(params);
  testing::TinyJob{}.build(topology);
  EXPECT_EQ(print_topology(topology),
            "spout numbers: numbers\n"
            "bolt sums: sum\n"
            "  <- numbers by key\n"
            "sink out: outside\n"
            "  <- sums by forward\n");
  const runtime::Plan plan = tiny_plan(2);
  EXPECT_EQ(print_plan(plan), "plan " + plan.fingerprint() +
                                  ", key groups 128\n"
                                  "chain 0 x2\n"
                                  "  numbers: numbers\n"
                                  "chain 1 x2\n"
                                  "  <- chain 0 numbers by key\n"
                                  "  sums: sum\n"
                                  "  out: outside\n");
  EXPECT_EQ(plan.fingerprint(), tiny_plan(1).fingerprint()) << "not a matter of parallelism";
  EXPECT_EQ(
      print_plan_dot(plan),
      "digraph plan {\n  rankdir=LR;\n  node [shape=box];\n"
      "  subgraph cluster_0 {\n    label=\"chain 0 x2\";\n    c0_0 [label=\"numbers\"];\n  }\n"
      "  subgraph cluster_1 {\n    label=\"chain 1 x2\";\n    c1_0 [label=\"sums\"];\n"
      "    c1_1 [label=\"out\"];\n  }\n  c1_0 -> c1_1;\n  c0_0 -> c1_0 [label=\"key\"];\n}\n");
}

// --- what a new task gets of an old attempt
// --------------------------------------------------------

TaskSnapshot old_task(std::uint32_t index, std::uint32_t parallelism, std::vector<std::string> uids,
                      std::vector<ChannelSnapshot> channels) {
  TaskSnapshot snapshot;
  snapshot.uid = "sums";
  snapshot.index = index;
  snapshot.parallelism = parallelism;
  snapshot.channels = std::move(channels);
  for (const std::string& uid : uids) {
    runtime::OperatorSnapshot& part = snapshot.operators.emplace_back();
    part.uid = uid;
    part.task_state = uid + std::to_string(index);
    if (uid == "sums") part.states.push_back({"sums/sums", "value", "", 1});
  }
  snapshot.rows.format = "memory/1";
  snapshot.rows.groups = groups_of_task(index, parallelism, 128);
  return snapshot;
}

TEST(RestoredShare, GivesAnOperatorThePartsOfAllItsOldTasksInOrder) {
  const std::vector<TaskSnapshot> olds = {old_task(1, 2, {"sums", "out"}, {}),
                                          old_task(0, 2, {"sums", "out"}, {})};
  const auto parts = restored_parts(olds, "out");
  ASSERT_EQ(parts.size(), 2u);
  EXPECT_EQ(parts[0]->task_state, "out0");
  EXPECT_EQ(parts[1]->task_state, "out1");
  EXPECT_TRUE(restored_parts(olds, "ou").empty());
}

TEST(RestoredShare, GivesATaskTheRowsThatOverlapItsKeyGroups) {
  const std::vector<TaskSnapshot> olds = {old_task(0, 2, {"sums"}, {}),
                                          old_task(1, 2, {"sums"}, {})};
  for (const std::uint32_t parallelism : {1u, 2u, 3u, 4u}) {
    const runtime::Plan plan = tiny_plan(parallelism);
    for (const DeployedTask& task : make_deployment(plan).tasks) {
      if (!task.is_keyed) continue;
      const auto rows = restored_rows(olds, plan.chains[task.chain], task);
      const bool spans_both = task.groups.first.value < 64 && task.groups.last.value >= 64;
      EXPECT_EQ(rows.size(), spans_both ? 2u : 1u) << parallelism;
    }
  }
}

TEST(RestoredShare, GivesRowsOfATaskThatWasChainedWithOtherOperators) {
  std::vector<TaskSnapshot> olds = {old_task(0, 1, {"sums", "other"}, {})};
  olds[0].operators[1].states.push_back({"other/x", "value", "", 2});
  const runtime::Plan plan = tiny_plan(2);
  const DeployedTask task = make_deployment(plan).tasks[2];
  const auto rows = restored_rows(olds, plan.chains[task.chain], task);
  ASSERT_EQ(rows.size(), 1u);
  ASSERT_EQ(rows[0].states.size(), 1u);
  EXPECT_EQ(rows[0].states[0].name, "sums/sums");
  EXPECT_EQ(rows[0].left_out, (std::vector<std::uint16_t>{2}));
}

TEST(RestoredShare, TakesChannelsAsTheyWereOrTheLowestOfAll) {
  const auto at = [](std::int64_t t) { return ChannelSnapshot{EventTime(t), false, false}; };
  const std::vector<TaskSnapshot> olds = {old_task(0, 2, {"sums"}, {at(5), at(8)}),
                                          old_task(1, 2, {"sums"}, {at(6), at(7)})};
  DeployedTask task;
  task.index = 1;
  task.parallelism = 2;
  const auto same = restored_channels(olds, "sums", task, 2);
  ASSERT_EQ(same.size(), 2u);
  EXPECT_EQ(same[0].watermark, EventTime(6));
  EXPECT_EQ(same[1].watermark, EventTime(7));
  task.parallelism = 4;
  const auto rescaled = restored_channels(olds, "sums", task, 2);
  EXPECT_EQ(rescaled[0].watermark, EventTime(5));
  EXPECT_EQ(rescaled[1].watermark, EventTime(7));
  const auto more_inputs = restored_channels(olds, "sums", task, 3);
  ASSERT_EQ(more_inputs.size(), 3u);
  for (const ChannelSnapshot& channel : more_inputs) EXPECT_EQ(channel.watermark, EventTime(5));
  EXPECT_TRUE(restored_channels(olds, "others", task, 2).empty());
}

}  // namespace
}  // namespace weir::coordinator
