#include "weir/coordinator/checkpoint_coordinator.h"

#include <gtest/gtest.h>

#include <random>

namespace weir::coordinator {
namespace {

using runtime::CheckpointId;
using runtime::MonotonicTime;
using runtime::TaskCommand;
using runtime::TaskId;
using runtime::TaskSnapshot;
using Kind = TaskCommand::Kind;
using namespace std::chrono_literals;

const TaskId kSpout(0);
const TaskId kBolt(1);
const TaskId kSink(2);

// Collects effects as short texts: "checkpoint 1 -> 0", "write 1", "write 1 final", "ended 1 OK".
class CheckpointCoordinatorTest : public ::testing::Test {
 protected:
  void start(CheckpointCoordinator::Options options = {.interval = 10s}) {
    coordinator_.emplace(
        std::vector<CheckpointCoordinator::Task>{{kSpout, true}, {kBolt, false}, {kSink, false}},
        options);
  }
  void run_all() {
    for (const TaskId task : {kSpout, kBolt, kSink}) note(c().on_task_running(task, now_));
  }
  CheckpointCoordinator& c() { return *coordinator_; }

  void note(Effects effects) {
    for (const Effect& effect : effects) log_.push_back(text_of(effect));
  }
  static std::string text_of(const Effect& effect) {
    if (std::holds_alternative<RequestId>(effect)) return "id?";
    if (const auto* send = std::get_if<SendCommand>(&effect)) {
      const char* names[] = {"checkpoint ", "commit ", "abort ", "cancel "};
      return names[static_cast<int>(send->command.kind)] + std::to_string(send->command.id.value) +
             " -> " + std::to_string(send->task.value);
    }
    if (const auto* write = std::get_if<WriteManifest>(&effect)) {
      return "write " + std::to_string(write->id.value) + (write->is_final ? " final" : "") +
             " of " + std::to_string(write->snapshots.size());
    }
    if (const auto* ended = std::get_if<CheckpointEnded>(&effect)) {
      return "ended " + std::to_string(ended->id.value) + (ended->status.ok() ? " well" : " badly");
    }
    const auto& over = std::get<JobOver>(effect);
    const char* names[] = {"finished", "stopped", "failed"};
    return names[static_cast<int>(over.how)] + std::string(over.status.ok() ? "" : " badly");
  }
  using Log = std::vector<std::string>;
  Log taken() { return std::exchange(log_, {}); }

  void tick(MonotonicTime by) {
    now_ += by;
    note(c().on_tick(now_));
  }
  void id(std::uint64_t n) { note(c().on_id(CheckpointId(n), now_)); }
  void ack(TaskId task, std::uint64_t n) {
    note(c().on_snapshot(task, CheckpointId(n), TaskSnapshot{}, now_));
  }
  void ack_all(std::uint64_t n) {
    for (const TaskId task : {kSpout, kBolt, kSink}) ack(task, n);
  }
  void manifest(std::uint64_t n, absl::Status status = absl::OkStatus()) {
    note(c().on_manifest(CheckpointId(n), status, now_));
  }
  void ended(TaskId task) { note(c().on_task_ended(task, now_)); }
  void committed(TaskId task, std::uint64_t n) { note(c().on_committed(task, CheckpointId(n))); }
  void commit_all(std::uint64_t n) {
    for (const TaskId task : {kSpout, kBolt, kSink}) committed(task, n);
  }
  static Log all(const std::string& what) {
    return {what + " -> 0", what + " -> 1", what + " -> 2"};
  }
  static Log joined(Log a, const Log& b) {
    a.insert(a.end(), b.begin(), b.end());
    return a;
  }

  std::optional<CheckpointCoordinator> coordinator_;
  MonotonicTime now_ = 100s;
  Log log_;
};

TEST_F(CheckpointCoordinatorTest, TriggersOnlyWhenAllTasksRun) {
  start();
  note(c().on_task_running(kSpout, now_));
  note(c().on_task_running(kBolt, now_));
  tick(60s);
  EXPECT_EQ(taken(), Log{});
  note(c().on_task_running(kSink, now_));
  tick(9s);
  EXPECT_EQ(taken(), Log{});
  tick(1s);
  EXPECT_EQ(taken(), Log{"id?"});
}

TEST_F(CheckpointCoordinatorTest, CompletesWhenAllHaveAckedAndTheManifestIsDurable) {
  start();
  run_all();
  tick(10s);
  id(7);
  EXPECT_EQ(taken(), (Log{"id?", "checkpoint 7 -> 0"})) << "the spout only: others see the barrier";
  ack(kSink, 7);
  ack(kSpout, 7);
  EXPECT_EQ(taken(), Log{});
  ack(kBolt, 7);
  EXPECT_EQ(taken(), Log{"write 7 of 3"}) << "no sink is told before the manifest is durable";
  manifest(7);
  EXPECT_EQ(taken(), joined({"ended 7 well"}, all("commit 7")));
  EXPECT_EQ(c().last_complete(), CheckpointId(7));
}

TEST_F(CheckpointCoordinatorTest, HasOnePendingCheckpointAtMost) {
  start();
  run_all();
  tick(10s);
  tick(10s);
  id(1);
  tick(10s);
  ack_all(1);
  tick(10s);
  EXPECT_EQ(taken(), (Log{"id?", "checkpoint 1 -> 0", "write 1 of 3"}));
  manifest(1);
  tick(10s);
  EXPECT_EQ(taken().back(), "id?");
}

TEST_F(CheckpointCoordinatorTest, CountsAnAckOncePerTaskAndOnlyOfThePendingId) {
  start();
  run_all();
  tick(10s);
  id(5);
  taken();
  ack(kSpout, 5);
  ack(kSpout, 5);
  ack(kSpout, 5);
  ack_all(4);
  ack(TaskId(99), 5);
  EXPECT_EQ(taken(), Log{});
}

TEST_F(CheckpointCoordinatorTest, AbortsWhenATaskDeclinesAndGoesOnWithANewId) {
  start();
  run_all();
  tick(10s);
  id(1);
  ack(kSpout, 1);
  taken();
  note(c().on_snapshot(kBolt, CheckpointId(1), absl::ResourceExhaustedError("disk"), now_));
  EXPECT_EQ(taken(), joined({"ended 1 badly"}, all("abort 1")));
  ack(kSink, 1);  // late: counts for nothing
  EXPECT_EQ(taken(), Log{});
  tick(10s);
  id(2);
  ack(kSpout, 1);  // even later
  ack(kBolt, 2);
  ack(kSink, 2);
  EXPECT_EQ(taken(), (Log{"id?", "checkpoint 2 -> 0"}));
  ack(kSpout, 2);
  EXPECT_EQ(taken(), Log{"write 2 of 3"});
}

TEST_F(CheckpointCoordinatorTest, AbortsWhenTheManifestCannotBeWritten) {
  start();
  run_all();
  tick(10s);
  id(1);
  ack_all(1);
  taken();
  manifest(1, absl::ResourceExhaustedError("disk"));
  EXPECT_EQ(taken(), joined({"ended 1 badly"}, all("abort 1"))) << "and no commit";
  EXPECT_EQ(c().last_complete(), CheckpointId(0));
}

TEST_F(CheckpointCoordinatorTest, TriesAgainWhenNoIdIsToBeHad) {
  start();
  run_all();
  tick(10s);
  note(c().on_id(absl::ResourceExhaustedError("disk"), now_));
  EXPECT_EQ(taken(), (Log{"id?", "ended 0 badly"}));
  tick(10s);
  EXPECT_EQ(taken(), Log{"id?"});
}

TEST_F(CheckpointCoordinatorTest, AbortsAfterTheTimeout) {
  start({.interval = 10s, .timeout = 60s});
  run_all();
  tick(10s);
  id(1);
  taken();
  EXPECT_EQ(c().next_tick(), now_ + 60s);
  tick(59s);
  EXPECT_EQ(taken(), Log{});
  tick(1s);
  EXPECT_EQ(taken(), joined({"ended 1 badly"}, all("abort 1")));
}

TEST_F(CheckpointCoordinatorTest, CommandsTasksThatHaveEnded) {
  start();
  run_all();
  ended(kSpout);
  ended(kBolt);
  tick(10s);
  id(1);
  EXPECT_EQ(taken(), (Log{"id?", "checkpoint 1 -> 0", "checkpoint 1 -> 1"}));
}

TEST_F(CheckpointCoordinatorTest, CommandsATaskThatEndsWhileACheckpointIsPending) {
  start();
  run_all();
  tick(10s);
  id(1);
  taken();
  ended(kBolt);  // END has overtaken the trigger: no barrier will reach it
  EXPECT_EQ(taken(), Log{"checkpoint 1 -> 1"});
  ack(kSink, 1);
  ended(kSink);  // has acked already
  EXPECT_EQ(taken(), Log{});
}

TEST_F(CheckpointCoordinatorTest, TakesAFinalCheckpointAndFinishesWhenItIsCommitted) {
  start({.interval = 0s});
  run_all();
  ended(kSpout);
  ended(kBolt);
  EXPECT_EQ(taken(), Log{});
  ended(kSink);
  id(1);
  EXPECT_EQ(taken(), joined({"id?"}, all("checkpoint 1")));
  ack_all(1);
  manifest(1);
  EXPECT_EQ(taken(), joined({"write 1 final of 3", "ended 1 well"}, all("commit 1")));
  committed(kSpout, 1);
  committed(kBolt, 1);
  committed(kBolt, 1);
  EXPECT_EQ(taken(), Log{});
  committed(kSink, 1);
  EXPECT_EQ(taken(), Log{"finished"});
  tick(100s);
  ended(kSink);
  EXPECT_EQ(taken(), Log{}) << "nothing follows";
}

TEST_F(CheckpointCoordinatorTest, TakesAnotherCheckpointWhenAPendingOneBeganBeforeTheEnd) {
  start();
  run_all();
  tick(10s);
  id(1);
  ended(kSpout);
  ended(kBolt);
  ended(kSink);
  taken();
  ack_all(1);
  manifest(1);
  const Log log = taken();
  EXPECT_EQ(log.front(), "write 1 of 3") << "what came behind the barriers is not covered";
  EXPECT_EQ(log.back(), "id?");
  commit_all(1);
  id(2);
  ack_all(2);
  EXPECT_EQ(taken().back(), "write 2 final of 3");
  manifest(2);
  commit_all(1);
  taken();
  commit_all(2);
  EXPECT_EQ(taken(), Log{"finished"});
}

TEST_F(CheckpointCoordinatorTest, LetsALaterCommitCoverALostOne) {
  start();
  run_all();
  tick(10s);
  id(1);
  ack_all(1);
  manifest(1);  // nobody confirms
  for (const TaskId task : {kSpout, kBolt, kSink}) ended(task);
  id(2);
  ack_all(2);
  manifest(2);
  taken();
  commit_all(2);
  EXPECT_EQ(taken(), Log{"finished"});
}

TEST_F(CheckpointCoordinatorTest, TriesTheFinalCheckpointSeveralTimes) {
  start({.interval = 0s, .retry_pause = 1s, .final_attempts = 3});
  run_all();
  for (const TaskId task : {kSpout, kBolt, kSink}) ended(task);
  for (std::uint64_t n = 1; n <= 2; ++n) {
    id(n);
    ack_all(n);
    taken();
    manifest(n, absl::ResourceExhaustedError("disk"));
    EXPECT_EQ(taken(),
              joined({"ended " + std::to_string(n) + " badly"}, all("abort " + std::to_string(n))));
    EXPECT_EQ(c().next_tick(), now_ + 1s);
    tick(1s);
    EXPECT_EQ(taken(), Log{"id?"});
  }
  id(3);
  ack_all(3);
  manifest(3, absl::ResourceExhaustedError("disk"));
  EXPECT_EQ(taken().back(), "failed badly");
}

TEST_F(CheckpointCoordinatorTest, StopsAfterALastCheckpoint) {
  start();
  run_all();
  note(c().on_stop(now_));
  note(c().on_stop(now_));
  id(1);
  EXPECT_EQ(taken(), (Log{"id?", "checkpoint 1 -> 0"}));
  ack_all(1);
  manifest(1);
  EXPECT_EQ(taken().front(), "write 1 of 3") << "not final: the job goes on some day";
  commit_all(1);
  EXPECT_EQ(taken(), Log{"stopped"});
}

TEST_F(CheckpointCoordinatorTest, StopsBehindACheckpointThatIsPending) {
  start();
  run_all();
  tick(10s);
  id(1);
  note(c().on_stop(now_));
  ack_all(1);
  taken();
  manifest(1);
  EXPECT_EQ(taken().back(), "id?");
  commit_all(1);
  EXPECT_EQ(taken(), Log{});
  id(2);
  ack_all(2);
  manifest(2);
  taken();
  commit_all(2);
  EXPECT_EQ(taken(), Log{"stopped"});
}

TEST_F(CheckpointCoordinatorTest, StopsEvenIfTheLastCheckpointFails) {
  start();
  run_all();
  note(c().on_stop(now_));
  id(1);
  note(c().on_snapshot(kBolt, CheckpointId(1), absl::ResourceExhaustedError("disk"), now_));
  EXPECT_EQ(taken().back(), "stopped badly");
}

TEST_F(CheckpointCoordinatorTest, StopsAtOnceWhenNothingHasBegun) {
  start();
  note(c().on_task_running(kSpout, now_));
  note(c().on_stop(now_));
  EXPECT_EQ(taken(), Log{"stopped"});
}

TEST_F(CheckpointCoordinatorTest, RepeatsTheCommitOfTheRestoredCheckpoint) {
  start({.interval = 10s, .restored = CheckpointId(41)});
  run_all();
  EXPECT_EQ(taken(), all("commit 41"));
  EXPECT_EQ(c().last_complete(), CheckpointId(41));
}

TEST_F(CheckpointCoordinatorTest, LeavesTimeForWorkWhenCheckpointsAreSlow) {
  start();
  run_all();
  tick(10s);
  id(1);
  ack_all(1);
  now_ += 30s;
  manifest(1);
  EXPECT_EQ(c().next_tick(), now_ + 5s);
}

}  // namespace
}  // namespace weir::coordinator
