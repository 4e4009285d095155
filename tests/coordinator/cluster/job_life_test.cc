#include "coordinator/src/cluster/job_life.h"

#include "job_life_fixture.h"

namespace weir::coordinator {
namespace {

using namespace std::chrono_literals;
using wire::JobState;
using Phase = JobLife::Phase;

TEST_F(JobLifeTest, GoesFromSubmittedToRunningStepByStep) {
  JobRecord record;
  record.spec = make_spec();
  begin(std::move(record));
  EXPECT_EQ(taken(), (Log{"persist"}));
  EXPECT_TRUE(life_->wants_slots());
  note(life_->on_slots({{"a", 1}, {"b", 1}}, now_));
  EXPECT_EQ(taken(), (Log{"open"}));
  opened(5);
  EXPECT_EQ(taken(), (Log{"persist"})) << "workers are recorded before they are started";
  ASSERT_EQ(life_->record().workers.size(), 2u);
  recorded();
  EXPECT_EQ(taken(), (Log{"start flights-1-e5-0 on a", "start flights-1-e5-1 on b"}));
  hello("flights-1-e5-1");
  EXPECT_EQ(taken(), Log{}) << "all workers must be there";
  hello("flights-1-e5-0");
  EXPECT_EQ(taken(), (Log{"deploy flights-1-e5-0", "deploy flights-1-e5-1"}));
  EXPECT_EQ(life_->worker_of_task(), (std::vector<std::uint32_t>{0, 1, 0, 1}));
  for (std::uint32_t task = 0; task < 3; ++task) event(task, Kind::Running);
  EXPECT_EQ(life_->state(), JobState::Starting);
  event(3, Kind::Running);
  EXPECT_EQ(life_->state(), JobState::Running);
  EXPECT_EQ(taken(), Log{"persist"});
}

TEST_F(JobLifeTest, ALastCheckpointEndsABoundedJob) {
  begin();
  run();
  events(Kind::Ended);
  EXPECT_EQ(taken(), (Log{"id?"}));
  id(4);
  taken();
  acks(4);
  EXPECT_EQ(taken(), (Log{"write 4 final"}));
  manifest(4);
  EXPECT_EQ(taken(), (Log{"commit 4 -> 0 at flights-1-e1-0", "commit 4 -> 1 at flights-1-e1-1",
                          "commit 4 -> 2 at flights-1-e1-0", "commit 4 -> 3 at flights-1-e1-1"}));
  event(0, Kind::Committed, 4);
  event(1, Kind::Committed, 4);
  event(2, Kind::Committed, 4);
  tick(2s);
  EXPECT_EQ(taken(), (Log{"commit 4 -> 3 at flights-1-e1-1"})) << "a lost notice is repeated";
  event(3, Kind::Committed, 4);
  EXPECT_EQ(taken(), (Log{"end flights-1-e1-0", "end flights-1-e1-1", "close", "persist"}));
  EXPECT_EQ(life_->state(), JobState::Finished);
  EXPECT_FALSE(life_->is_over());
  gone("flights-1-e1-0");
  tick(10s);
  EXPECT_EQ(taken(), (Log{"stop flights-1-e1-1 on b"})) << "it had time to exit by itself";
  gone("flights-1-e1-1");
  EXPECT_TRUE(life_->is_over());
  EXPECT_EQ(life_->record().restarts, 0u);
}

TEST_F(JobLifeTest, TheNextAttemptWaitsUntilEveryWorkerOfTheOldOneIsGone) {
  begin();
  run();
  gone("flights-1-e1-0");
  EXPECT_EQ(taken(), (Log{"close", "fence flights-1-e1-1", "stop flights-1-e1-1 on b"}));
  EXPECT_EQ(life_->state(), JobState::Restarting);
  tick(1h);
  EXPECT_EQ(taken(), (Log{"fence flights-1-e1-1", "stop flights-1-e1-1 on b"}));
  EXPECT_FALSE(life_->wants_slots());
  gone("flights-1-e1-1");
  EXPECT_TRUE(life_->wants_slots());
  EXPECT_EQ(life_->record().restarts, 1u);
  taken();
  run(2, 3);
  EXPECT_EQ(life_->state(), JobState::Running);
}

TEST_F(JobLifeTest, RestsBeforeItIsTriedAgain) {
  begin();
  run();
  note(life_->on_worker_failed(1, absl::UnavailableError("a link broke"), now_));
  all_gone();
  EXPECT_FALSE(life_->wants_slots());
  EXPECT_EQ(life_->next_tick(), now_ + 1s);
  tick(1s);
  EXPECT_TRUE(life_->wants_slots());
  EXPECT_EQ(life_->record().last_failure, "a link broke");
}

TEST_F(JobLifeTest, EventsOfAnotherEpochChangeNothing) {
  begin();
  run(7);
  note(life_->on_worker_failed(6, absl::UnavailableError("late"), now_));
  note(life_->on_task_event(6, runtime::TaskId(0), Kind::Failed, {}, absl::InternalError("late"),
                            now_));
  note(life_->on_task_event(8, runtime::TaskId(0), Kind::Ended, {}, {}, now_));
  note(life_->on_snapshot(6, runtime::TaskId(0), runtime::CheckpointId(1),
                          absl::InternalError("late"), now_));
  note(life_->on_manifest(6, runtime::CheckpointId(1), absl::InternalError("late"), true, now_));
  note(life_->on_worker_hello(6, "flights-1-e7-0", 1, "x", "other", now_));
  gone("flights-1-e6-0");
  EXPECT_EQ(taken(), Log{});
  EXPECT_EQ(life_->state(), JobState::Running);
}

TEST_F(JobLifeTest, CommitsOfTheRestoredCheckpointAreSentAgain) {
  begin();
  note(life_->on_slots({{"a", 2}}, now_));
  opened(2, 9);
  recorded();
  hello_all();
  taken();
  events(Kind::Running);
  EXPECT_EQ(taken(),
            (Log{"commit 9 -> 0 at flights-1-e2-0", "commit 9 -> 1 at flights-1-e2-0",
                 "commit 9 -> 2 at flights-1-e2-0", "commit 9 -> 3 at flights-1-e2-0", "persist"}));
}

TEST_F(JobLifeTest, AFinalCheckpointIsCommittedAgainAndTheJobIsFinished) {
  begin();
  note(life_->on_slots({{"a", 2}}, now_));
  opened(2, 9, true);
  recorded();
  taken();
  hello_all();
  const Log sent = taken();
  EXPECT_TRUE(has(sent, "commit 9 -> 3 at flights-1-e2-0"));
  EXPECT_TRUE(has(sent, "cancel 0 -> 3 at flights-1-e2-0"));
  event(0, Kind::Committed, 9);
  event(1, Kind::Committed, 9);
  event(2, Kind::Committed, 9);
  EXPECT_NE(life_->state(), JobState::Finished);
  event(3, Kind::Committed, 9);
  EXPECT_EQ(life_->state(), JobState::Finished);
}

TEST_F(JobLifeTest, StopTakesACheckpointFirst) {
  begin();
  run();
  asked(life_->on_stop({}, now_));
  EXPECT_EQ(taken(), (Log{"persist", "id?"}));
  EXPECT_EQ(life_->state(), JobState::Stopping);
  id(1);
  EXPECT_EQ(taken(),
            (Log{"checkpoint 1 -> 0 at flights-1-e1-0", "checkpoint 1 -> 1 at flights-1-e1-1"}));
  acks(1);
  manifest(1);
  events(Kind::Committed, 1);
  EXPECT_EQ(life_->state(), JobState::Stopped);
  all_gone();
  EXPECT_TRUE(life_->is_over());
}

TEST_F(JobLifeTest, AStopOutlivesAFailureAndEndsWithACheckpoint) {
  begin();
  run();
  asked(life_->on_stop({}, now_));
  all_gone();
  tick(1s);
  ASSERT_TRUE(life_->wants_slots());
  run(2);
  EXPECT_EQ(life_->state(), JobState::Stopping);
  committed(3);
  EXPECT_EQ(life_->state(), JobState::Stopped);
}

TEST_F(JobLifeTest, AJobThatNeverRanStopsAtOnce) {
  begin();
  asked(life_->on_stop({}, now_));
  EXPECT_EQ(life_->state(), JobState::Stopped);
  EXPECT_TRUE(life_->is_over());
  EXPECT_EQ(life_->on_stop({}, now_).status().message(),
            "job flights-1 is stopped: it cannot be stopped");
}

TEST_F(JobLifeTest, CancelFencesWithoutACheckpoint) {
  begin();
  run();
  asked(life_->on_cancel(now_));
  EXPECT_EQ(taken(), (Log{"persist", "close", "fence flights-1-e1-0", "stop flights-1-e1-0 on a",
                          "fence flights-1-e1-1", "stop flights-1-e1-1 on b"}));
  events(Kind::Ended);
  all_gone();
  EXPECT_EQ(life_->state(), JobState::Cancelled);
  EXPECT_EQ(life_->record().restarts, 0u);
}

TEST_F(JobLifeTest, CancelWhileTheFolderIsBeingOpenedStartsNobody) {
  begin();
  note(life_->on_slots({{"a", 2}}, now_));
  asked(life_->on_cancel(now_));
  taken();
  opened(1);
  EXPECT_EQ(taken(), (Log{"close", "persist"}));
  EXPECT_EQ(life_->state(), JobState::Cancelled);
}

TEST_F(JobLifeTest, PausedJobsGoOnFromTheirCheckpoint) {
  begin();
  run();
  asked(life_->on_pause(now_));
  committed(1);
  EXPECT_EQ(life_->state(), JobState::Paused);
  all_gone();
  EXPECT_TRUE(life_->is_over());
  asked(life_->on_resume(now_));
  EXPECT_TRUE(life_->wants_slots());
  run(2, 1);
  EXPECT_EQ(life_->state(), JobState::Running);
}

TEST_F(JobLifeTest, ARescaledJobTakesACheckpointAndComesBackWithOtherTasks) {
  begin();
  run();
  asked(life_->on_rescale(make_spec(3), now_));
  EXPECT_EQ(taken(), (Log{"persist", "id?"}));
  committed(1);
  taken();
  all_gone();
  EXPECT_TRUE(life_->wants_slots());
  EXPECT_EQ(life_->spec().slots_needed(), 3u);
  EXPECT_EQ(life_->tasks().tasks.size(), 6u);
  EXPECT_EQ(life_->record().goal, JobGoal::kRun);
  EXPECT_EQ(life_->record().restarts, 0u);
}

TEST_F(JobLifeTest, OtherFoldersErrorsEndTheJobWithAText) {
  begin();
  note(life_->on_slots({{"a", 2}}, now_));
  open_fails_or(absl::DataLossError("checkpoint 7 is damaged"));
  EXPECT_EQ(life_->state(), JobState::Failed);
  EXPECT_EQ(life_->record().last_failure,
            "the checkpoint folder: checkpoint 7 is damaged (another try would end the same way)");
  begin();
  note(life_->on_slots({{"a", 2}}, now_));
  open_fails_or(absl::ResourceExhaustedError("disk full"));
  EXPECT_EQ(life_->phase(), Phase::kResting);
}

TEST_F(JobLifeTest, WorkersThatSayNothingFailTheAttempt) {
  begin();
  note(life_->on_slots({{"a", 1}, {"b", 1}}, now_));
  opened(1);
  recorded();
  hello("flights-1-e1-0");
  tick(59s);
  EXPECT_EQ(life_->phase(), Phase::kStarting);
  tick(1s);
  EXPECT_EQ(life_->phase(), Phase::kFencing);
  EXPECT_EQ(life_->record().last_failure, "no word in time from flights-1-e1-1");
}

TEST_F(JobLifeTest, AnotherPlanAtTheWorkerIsRefused) {
  begin();
  note(life_->on_slots({{"a", 2}}, now_));
  opened(1);
  recorded();
  note(life_->on_worker_hello(1, "flights-1-e1-0", 1, "x", "other", now_));
  EXPECT_EQ(life_->phase(), Phase::kFencing);
}

TEST_F(JobLifeTest, AWorkerOutOfReachIsAskedAgainAndItsCheckpointGivenUp) {
  begin(make_spec(2, 10s));
  run();
  tick(10s);
  id(1);
  taken();
  hello("flights-1-e1-1");
  const Log sent = taken();
  EXPECT_EQ(sent.front(), "deploy flights-1-e1-1");
  EXPECT_TRUE(has(sent, "abort 1 -> 0 at flights-1-e1-0"));
  acks(1);
  EXPECT_EQ(taken(), Log{}) << "late acks do not count";
}

TEST_F(JobLifeTest, ARestartedCoordinatorAdoptsTheAttempt) {
  begin();
  run(3);
  const JobRecord record = life_->record();
  begin(record);
  EXPECT_EQ(taken(), (Log{"resume 3"}));
  EXPECT_EQ(life_->state(), JobState::Running);
  hello_all();
  EXPECT_EQ(taken(), Log{}) << "the folder is not open yet";
  opened(3, 8);
  EXPECT_EQ(taken(), (Log{"deploy flights-1-e3-0", "deploy flights-1-e3-1"}));
  EXPECT_EQ(life_->worker_of_task(), (std::vector<std::uint32_t>{0, 1, 0, 1}));
  events(Kind::Running);
  EXPECT_EQ(taken().front(), "commit 8 -> 0 at flights-1-e3-0");
  EXPECT_EQ(life_->phase(), Phase::kRunning);
  EXPECT_EQ(life_->record().restarts, 0u);
}

TEST_F(JobLifeTest, AnAttemptThatIsNotWholeIsNotAdopted) {
  begin();
  run(3);
  restart();
  taken();
  opened(3, 8);
  hello("flights-1-e3-0");
  gone("flights-1-e3-1");
  EXPECT_EQ(taken(), (Log{"close", "fence flights-1-e3-0", "stop flights-1-e3-0 on a"}));
  gone("flights-1-e3-0");
  EXPECT_TRUE(life_->wants_slots() || life_->phase() == Phase::kResting);
}

TEST_F(JobLifeTest, TheAnswerToAnEarlierQuestionIsPassedOver) {
  begin();
  run(3);
  restart();
  const std::uint64_t earlier = ticket_;
  all_gone();
  tick(1s);
  ASSERT_TRUE(life_->wants_slots());
  note(life_->on_slots({{"a", 2}}, now_));
  taken();
  note(life_->on_opened(earlier, {{3, runtime::CheckpointId(8), false}}, now_));
  EXPECT_EQ(taken(), Log{}) << "the folder was opened for an attempt that is over";
  opened(4, 9);
  EXPECT_EQ(life_->epoch(), 4u);
  EXPECT_EQ(life_->restored().value, 9u);
}

TEST_F(JobLifeTest, SlotsAreHeldUntilTheirWorkersAreGone) {
  begin();
  run();
  EXPECT_EQ(life_->held_slots().size(), 2u);
  gone("flights-1-e1-0");
  ASSERT_EQ(life_->phase(), Phase::kFencing);
  ASSERT_EQ(life_->held_slots().size(), 1u) << "one still ends";
  EXPECT_EQ(life_->held_slots()[0].supervisor, "b");
  gone("flights-1-e1-1");
  EXPECT_TRUE(life_->held_slots().empty());
}

TEST_F(JobLifeTest, ARestartedCoordinatorFinishesWhatWasAsked) {
  begin();
  run(3);
  asked(life_->on_cancel(now_));
  restart();
  EXPECT_EQ(life_->phase(), Phase::kFencing);
  all_gone();
  EXPECT_EQ(life_->state(), JobState::Cancelled);

  begin();
  run(3);
  asked(life_->on_rescale(make_spec(4), now_));
  restart_and_run(3, 1);
  EXPECT_TRUE(has(taken(), "id?")) << "the checkpoint of the rescale is asked for again";

  begin();
  run(3);
  asked(life_->on_stop({}, now_));
  restart_and_run(3, 1);
  EXPECT_TRUE(has(taken(), "id?")) << "and that of a stop";
  committed(2);
  EXPECT_EQ(life_->state(), JobState::Stopped);
}

TEST_F(JobLifeTest, AnEndedJobOnlyWaitsForItsWorkers) {
  begin();
  run(3);
  JobRecord record = life_->record();
  record.state = JobState::Finished;
  begin(record);
  tick(0s);
  EXPECT_EQ(taken(), (Log{"stop flights-1-e3-0 on a", "stop flights-1-e3-1 on b"}));
  all_gone();
  EXPECT_TRUE(life_->is_over());
  EXPECT_EQ(life_->state(), JobState::Finished);
}

TEST(JobRecord, IsTheSameAfterItWasWrittenAndRead) {
  JobRecord record;
  record.spec = make_spec(3, 5s);
  record.next = make_spec(4);
  record.state = JobState::Restarting;
  record.goal = JobGoal::kRescale;
  record.attempt = 3;
  record.epoch = 9;
  record.restarts = 2;
  record.workers = {{"flights-1-e9-0", "a", 2}, {"flights-1-e9-1", "b", 1}};
  record.last_failure = "a \"quoted\"\nline";
  record.figures = std::string("\0\xff\n", 3);
  const std::string text = to_text(record);
  const absl::StatusOr<JobRecord> read = parse_job_record(text, "job.json");
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_EQ(to_text(*read), text);
  EXPECT_EQ(read->spec->plan.chains.size(), 2u);
  EXPECT_EQ(read->next->slots_needed(), 4u);
}

TEST(JobRecord, DamageIsNoticed) {
  JobRecord record;
  record.spec = make_spec();
  const std::string text = to_text(record);
  for (std::size_t at = 0; at < text.size(); at += 7) {
    std::string broken = text;
    broken[at] = static_cast<char>(broken[at] ^ 1);
    const absl::StatusOr<JobRecord> read = parse_job_record(broken, "job.json");
    EXPECT_TRUE(!read.ok() || to_text(*read) == text) << "byte " << at;
    EXPECT_FALSE(parse_job_record(text.substr(0, at), "job.json").ok());
  }
}

}  // namespace
}  // namespace weir::coordinator
