// Savepoints and drain as the automaton of a job sees them.
#include "job_life_fixture.h"

namespace weir::coordinator {
namespace {

using namespace std::chrono_literals;
using wire::JobState;

class JobLifeSavepoints : public JobLifeTest {
 protected:
  void kept(std::uint64_t ticket, std::uint64_t checkpoint) {
    note(life_->on_savepoint_kept(ticket, life::KeptSavepoint{runtime::CheckpointId(checkpoint), 9},
                                  now_));
  }
  void kept_not(std::uint64_t ticket, const std::string& why) {
    note(life_->on_savepoint_kept(ticket, absl::ResourceExhaustedError(why), now_));
  }
  static JobLife::Stop drained() {
    JobLife::Stop how;
    how.drain = true;
    return how;
  }
};

TEST_F(JobLifeSavepoints, ACheckpointIsTakenAndKeptAndTheJobGoesOn) {
  begin();
  run();
  asked(life_->on_savepoint(5, "/sp", now_));
  EXPECT_EQ(taken(), Log{"id?"});
  id(1);
  acks(1);
  taken();
  manifest(1);
  EXPECT_EQ(taken().front(), "keep 1 in /sp for 5");
  kept(5, 1);
  EXPECT_EQ(taken(), (Log{"persist", "savepoint of 5: kept"}));
  EXPECT_EQ(life_->state(), JobState::Running);
  EXPECT_EQ(life_->record().savepoint, "/sp");
}

// The barrier of the checkpoint under way may lie before the request.
TEST_F(JobLifeSavepoints, ACheckpointThatHasBegunIsNotTheOneThatIsKept) {
  begin(make_spec(2, 1s));
  run();
  tick(1s);
  id(1);
  taken();
  asked(life_->on_savepoint(5, "/sp", now_));
  acks(1);
  manifest(1);
  EXPECT_FALSE(has(taken(), "keep 1 in /sp for 5"));
  id(2);
  acks(2);
  manifest(2);
  EXPECT_TRUE(has(taken(), "keep 2 in /sp for 5"));
}

TEST_F(JobLifeSavepoints, AreGivenUpWithTheCheckpointOrTheAttempt) {
  begin();
  run();
  asked(life_->on_savepoint(5, "/sp", now_));
  id(1);
  note(life_->on_snapshot(1, runtime::TaskId(0), runtime::CheckpointId(1),
                          absl::ResourceExhaustedError("the disk is full"), now_));
  EXPECT_TRUE(has(taken(), "savepoint of 5: the disk is full"));
  asked(life_->on_savepoint(6, "/sp", now_));
  gone("flights-1-e1-0");
  const Log log = taken();
  EXPECT_TRUE(std::any_of(log.begin(), log.end(), [](const std::string& line) {
    return line.starts_with("savepoint of 6: the attempt ended");
  }));
}

TEST_F(JobLifeSavepoints, OfAJobThatDoesNotRunTheNewestCheckpointIsKept) {
  begin();
  asked(life_->on_savepoint(5, "/sp", now_));
  EXPECT_EQ(taken(), Log{"keep 0 in /sp for 5"});
  EXPECT_TRUE(absl::IsAlreadyExists(life_->on_savepoint(6, "/sp", now_).status()));
  kept_not(5, "there is none");
  EXPECT_EQ(taken(), Log{"savepoint of 5: there is none"});
}

TEST_F(JobLifeSavepoints, AreRefusedWhileTheJobIsOnItsWayOut) {
  begin();
  run();
  asked(life_->on_stop({}, now_));
  EXPECT_TRUE(absl::IsFailedPrecondition(life_->on_savepoint(5, "/sp", now_).status()));
}

TEST_F(JobLifeSavepoints, AStopEndsWhenItsLastCheckpointIsCommittedAndKept) {
  begin();
  run();
  asked(life_->on_stop({.savepoint = "/sp"}, now_));
  id(1);
  acks(1);
  taken();
  manifest(1);
  EXPECT_FALSE(has(taken(), "keep 1 in /sp for 0")) << "its output is not committed yet";
  events(Kind::Committed, 1);
  EXPECT_TRUE(has(taken(), "keep 1 in /sp for 0"));
  EXPECT_EQ(life_->state(), JobState::Stopping);
  all_gone();
  EXPECT_EQ(life_->state(), JobState::Stopping);
  kept(0, 1);
  EXPECT_EQ(life_->state(), JobState::Stopped);
  EXPECT_TRUE(life_->is_over());
  EXPECT_EQ(life_->record().savepoint, "/sp");
}

TEST_F(JobLifeSavepoints, TheOneThatAJobWasStoppedWithIsTheNewest) {
  begin();
  run();
  asked(life_->on_savepoint(5, "/asked-before", now_));
  asked(life_->on_stop({.savepoint = "/sp"}, now_));
  committed(1);
  kept(0, 1);
  EXPECT_EQ(life_->state(), JobState::Stopped);
  kept(5, 1);
  EXPECT_EQ(life_->record().savepoint, "/sp");
}

TEST_F(JobLifeSavepoints, TheWishOutlivesTheAttempt) {
  begin();
  run();
  asked(life_->on_stop({.savepoint = "/sp"}, now_));
  id(1);
  acks(1);
  manifest(1);
  all_gone();  // nobody knows who has committed 1
  EXPECT_FALSE(has(taken(), "keep 1 in /sp for 0"));
  tick(1s);
  run(2, 1);
  committed(2);
  EXPECT_TRUE(has(taken(), "keep 2 in /sp for 0"));
}

TEST_F(JobLifeSavepoints, ACoordinatorThatComesBackKeepsItOnceMore) {
  begin();
  run();
  asked(life_->on_stop({.savepoint = "/sp"}, now_));
  committed(1);
  const Log before = taken();
  restart();
  EXPECT_TRUE(has(before, "keep 1 in /sp for 0"));
  EXPECT_EQ(life_->state(), JobState::Stopping);
  all_gone();
  EXPECT_FALSE(life_->is_over());
  kept(0, 1);
  EXPECT_EQ(life_->state(), JobState::Stopped);
  EXPECT_TRUE(life_->is_over());
}

TEST_F(JobLifeSavepoints, AJobIsNotLostOverOneThatCannotBeWritten) {
  begin();
  run();
  asked(life_->on_stop({.savepoint = "/sp"}, now_));
  committed(1);
  kept_not(0, "the disk is full");
  EXPECT_EQ(life_->state(), JobState::Restarting);
  EXPECT_EQ(life_->record().savepoint_failure, "the disk is full");
  all_gone();
  ASSERT_TRUE(life_->wants_slots());
  run(2, 1);
  EXPECT_EQ(life_->state(), JobState::Running);
}

TEST_F(JobLifeSavepoints, ACancelDoesNotWaitForOne) {
  begin();
  run();
  asked(life_->on_stop({.savepoint = "/sp"}, now_));
  committed(1);
  all_gone();
  asked(life_->on_cancel(now_));
  EXPECT_EQ(life_->state(), JobState::Cancelled);
  EXPECT_TRUE(life_->is_over());
  kept(0, 1);
  EXPECT_EQ(life_->state(), JobState::Cancelled);
}

TEST_F(JobLifeSavepoints, APausedJobIsStoppedWithItsNewestCheckpoint) {
  begin();
  run();
  asked(life_->on_pause(now_));
  committed(1);
  all_gone();
  ASSERT_EQ(life_->state(), JobState::Paused);
  taken();
  asked(life_->on_stop({.savepoint = "/sp"}, now_));
  EXPECT_EQ(taken(), (Log{"keep 0 in /sp for 0", "persist"}));
  kept_not(0, "the disk is full");
  EXPECT_EQ(life_->state(), JobState::Paused);
  asked(life_->on_stop({.savepoint = "/sp"}, now_));
  kept(0, 1);
  EXPECT_EQ(life_->state(), JobState::Stopped);
}

TEST_F(JobLifeSavepoints, AStopThatIsUnderWayIsNotTurnedIntoAnother) {
  begin();
  EXPECT_TRUE(absl::IsFailedPrecondition(life_->on_stop({.savepoint = "/sp"}, now_).status()))
      << "it has never run";
  run();
  asked(life_->on_stop({}, now_));
  EXPECT_TRUE(life_->on_stop({}, now_).ok());
  EXPECT_FALSE(life_->on_stop({.savepoint = "/sp"}, now_).ok());
  EXPECT_FALSE(life_->on_stop(drained(), now_).ok());
}

// --- Drain ---------------------------------------------------------------------------------------

TEST_F(JobLifeSavepoints, SpoutsAreDrainedWhenTheWishIsDurable) {
  begin();
  run();
  asked(life_->on_stop(drained(), now_));
  EXPECT_EQ(taken(), Log{"persist"});
  EXPECT_FALSE(life_->must_drain());
  recorded();
  EXPECT_EQ(taken(), (Log{"drain 0 -> 0 at flights-1-e1-0", "drain 0 -> 1 at flights-1-e1-1"}));
  events(Kind::Ended);
  EXPECT_EQ(taken(), Log{"id?"});
  committed(1);
  EXPECT_EQ(life_->state(), JobState::Finished);
}

TEST_F(JobLifeSavepoints, AnAttemptThatBeginsWhileADrainIsWantedIsDeployedDrained) {
  begin();
  run();
  asked(life_->on_stop(drained(), now_));
  recorded();
  all_gone();
  tick(1s);
  EXPECT_TRUE(life_->must_drain());
  restart();
  EXPECT_TRUE(life_->must_drain());
  run(2, 0);
  EXPECT_EQ(life_->state(), JobState::Stopping);
  EXPECT_FALSE(life_->on_rescale(make_spec(3), now_).ok());
  EXPECT_FALSE(life_->on_pause(now_).ok());
  events(Kind::Ended);
  committed(4);
  EXPECT_EQ(life_->state(), JobState::Finished);
}

TEST_F(JobLifeSavepoints, ADrainedJobCanBeKeptToo) {
  begin();
  run();
  asked(life_->on_stop({.savepoint = "/sp", .drain = true}, now_));
  recorded();
  events(Kind::Ended);
  committed(1);
  EXPECT_TRUE(has(taken(), "keep 1 in /sp for 0"));
  kept_not(0, "the disk is full");
  EXPECT_EQ(life_->state(), JobState::Finished) << "there is nothing left to go on with";
}

}  // namespace
}  // namespace weir::coordinator
