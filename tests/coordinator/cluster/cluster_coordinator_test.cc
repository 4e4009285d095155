#include "coordinator/src/cluster/cluster_coordinator.h"

#include "scripted_cluster.h"

namespace weir::coordinator {
namespace {

using namespace std::chrono_literals;
using wire::JobState;

class ClusterCoordinatorTest : public ScriptedCluster {
 protected:
  // A job on one worker at each of two supervisors, running.
  std::string running_job(std::chrono::microseconds interval = {}) {
    supervisor("a", 1);
    supervisor("b", 1);
    const std::string job = submit(submission(2, interval));
    run_for(1s);
    EXPECT_EQ(info(job).state, JobState::Running);
    EXPECT_EQ(workers().size(), 2u);
    return job;
  }
  template <class Body>
  Body about(const std::string& job) {
    Body body;
    body.job = job;
    return body;
  }
};

TEST_F(ClusterCoordinatorTest, RunsAJobFromSubmitToFinished) {
  const std::string job = running_job();
  EXPECT_EQ(job, "flights-1");
  for (ScriptedWorker* worker : workers()) worker->end_tasks();
  run_for(2s);
  const wire::JobInfoT ended = info("flights");
  EXPECT_EQ(ended.state, JobState::Finished);
  EXPECT_EQ(ended.checkpoints, 1u);
  EXPECT_EQ(ended.restarts, 0u);
  EXPECT_GT(ended.ended_us, 0);
  EXPECT_TRUE(workers().empty()) << "workers exit in good order";
  EXPECT_TRUE(disk.exists("/cluster/jobs/flights-1/state/checkpoints"));
}

TEST_F(ClusterCoordinatorTest, AWorkerThatDiesRestartsTheJobFromTheLatestCheckpoint) {
  const std::string job = running_job(1s);
  run_for(3s);
  const std::uint64_t checkpoint = info(job).last_checkpoint;
  ASSERT_GT(checkpoint, 0u);
  const std::string victim = supervisors["a"]->workers.begin()->first;
  supervisors["a"]->kill(victim);
  run_for(3s);
  const wire::JobInfoT after = info(job);
  EXPECT_EQ(after.state, JobState::Running);
  EXPECT_EQ(after.restarts, 1u);
  EXPECT_EQ(after.epoch, 2u);
  EXPECT_EQ(after.last_failure, "worker " + victim + " on a: killed by signal 9");
  ASSERT_EQ(workers().size(), 2u);
  for (ScriptedWorker* worker : workers()) {
    EXPECT_GE(worker->restored, checkpoint);
    EXPECT_EQ(worker->start().epoch, 2u);
    for (const auto& [task, state] : worker->tasks) EXPECT_GE(state.committed, worker->restored);
  }
}

TEST_F(ClusterCoordinatorTest, AFailedTaskIsNamedAndTheJobTriedAgain) {
  const std::string job = running_job();
  workers()[0]->event(0, wire::TaskEventKind::Failed, 0, "task read 0/2: no such file");
  run_for(3s);
  EXPECT_EQ(info(job).last_failure, "task read 0/2: no such file");
  EXPECT_EQ(info(job).state, JobState::Running);
}

TEST_F(ClusterCoordinatorTest, ASilentHostLosesItsWorkOnlyWhenItsLeasesAreOver) {
  const std::string job = running_job();
  supervisor("c", 2);
  run_for(1s);
  supervisors["a"]->is_silent = true;
  workers()[0]->is_silent = true;
  run_for(9s);
  EXPECT_EQ(info(job).state, JobState::Running);
  run_for(5s);
  const wire::JobInfoT after = info(job);
  EXPECT_EQ(after.state, JobState::Running);
  EXPECT_EQ(after.restarts, 1u);
  for (const auto& worker : after.workers) EXPECT_NE(worker->supervisor, "a");
  // It wakes up: its worker is fenced, and it may serve again.
  const auto old = supervisors["a"]->workers.begin()->first;
  supervisors["a"]->is_silent = false;
  supervisors["a"]->workers.begin()->second->is_silent = false;
  run_for(1s);
  EXPECT_EQ(supervisors["a"]->workers.count(old), 0u);
  EXPECT_EQ(info(job).restarts, 1u);
}

TEST_F(ClusterCoordinatorTest, AWorkerThatOutlivesItsSupervisorsSilenceGoesOn) {
  const std::string job = running_job();
  supervisors["a"]->is_silent = true;
  run_for(20s);
  EXPECT_EQ(info(job).state, JobState::Running);
  EXPECT_EQ(info(job).restarts, 0u);
  supervisors["a"]->is_silent = false;
  run_for(2s);
  EXPECT_EQ(info(job).restarts, 0u);
}

TEST_F(ClusterCoordinatorTest, WaitsForSlotsAndSaysHowManyAreMissing) {
  supervisor("a", 1);
  run_for(1s);
  wire::SubmitT impatient = submission(4);
  impatient.wait_for_slots = false;
  EXPECT_EQ(refusal(std::move(impatient)),
            "job flights needs 4 slots, and 1 are free: 3 are missing; start another supervisor, "
            "or submit it to wait for slots");
  const std::string job = submit(submission(4));
  EXPECT_EQ(info(job).state, JobState::Waiting);
  EXPECT_EQ(info(job).slots_missing, 3u);
  supervisor("b", 3);
  run_for(2s);
  EXPECT_EQ(info(job).state, JobState::Running);
}

TEST_F(ClusterCoordinatorTest, TwoJobsNeverShareASlot) {
  supervisor("a", 2);
  supervisor("b", 1);
  submit(submission(2));
  wire::SubmitT other = submission(2);
  other.name = "ships";
  submit(std::move(other));
  run_for(2s);
  EXPECT_EQ(info("flights").state, JobState::Running);
  EXPECT_EQ(info("ships").state, JobState::Waiting);
  ask(about<wire::CancelJobT>("flights"));
  run_for(2s);
  EXPECT_EQ(info("flights").state, JobState::Cancelled);
  EXPECT_EQ(info("ships").state, JobState::Running);
}

TEST_F(ClusterCoordinatorTest, StopsPausesAndResumes) {
  const std::string job = running_job();
  EXPECT_NE(ask(about<wire::PauseJobT>("flights")).body.AsDone(), nullptr);
  run_for(2s);
  EXPECT_EQ(info(job).state, JobState::Paused);
  EXPECT_EQ(info(job).checkpoints, 1u);
  EXPECT_NE(ask(about<wire::ResumeJobT>("flights")).body.AsDone(), nullptr);
  run_for(2s);
  EXPECT_EQ(info(job).state, JobState::Running);
  EXPECT_NE(ask(about<wire::StopJobT>("flights")).body.AsDone(), nullptr);
  run_for(2s);
  EXPECT_EQ(info(job).state, JobState::Stopped);
  EXPECT_EQ(refusal(about<wire::StopJobT>("flights")),
            "job flights-1 is stopped: it cannot be stopped");
}

TEST_F(ClusterCoordinatorTest, RescalesFromItsCheckpoint) {
  const std::string job = running_job();
  supervisor("c", 2);
  auto rescale = about<wire::RescaleJobT>(job);
  rescale.parallelism = 4;
  rescale.plan = std::make_unique<wire::PlanSpecT>(make_spec(4)->plan);
  rescale.arguments = {"--fast"};
  EXPECT_NE(ask(std::move(rescale)).body.AsDone(), nullptr);
  run_for(3s);
  const wire::JobInfoT after = info(job);
  EXPECT_EQ(after.state, JobState::Running);
  EXPECT_EQ(after.parallelism, 4u);
  EXPECT_EQ(after.restarts, 0u);
  ASSERT_FALSE(workers().empty());
  EXPECT_EQ(workers()[0]->start().arguments, (std::vector<std::string>{"--fast"}));
  EXPECT_GT(workers()[0]->restored, 0u);
}

TEST_F(ClusterCoordinatorTest, ARestartedCoordinatorAdoptsWhatRuns) {
  const std::string job = running_job(1s);
  run_for(3s);
  const std::uint64_t before = info(job).last_checkpoint;
  stop();
  clock.advance(2s);
  start();
  run_for(5s);
  const wire::JobInfoT after = info(job);
  EXPECT_EQ(after.state, JobState::Running);
  EXPECT_EQ(after.epoch, 1u) << "the attempt goes on";
  EXPECT_EQ(after.restarts, 0u);
  EXPECT_GT(after.last_checkpoint, before) << "and takes checkpoints";
  for (ScriptedWorker* worker : workers()) worker->end_tasks();
  run_for(3s);
  EXPECT_EQ(info(job).state, JobState::Finished);
}

TEST_F(ClusterCoordinatorTest, WhatDiedWhileTheCoordinatorWasAwayIsNoticed) {
  const std::string job = running_job(1s);
  run_for(2s);
  stop();
  supervisors["b"]->workers.clear();
  start();
  run_for(5s);
  const wire::JobInfoT after = info(job);
  EXPECT_EQ(after.state, JobState::Running);
  EXPECT_EQ(after.epoch, 2u);
  EXPECT_EQ(workers().size(), 2u);
}

TEST_F(ClusterCoordinatorTest, AHostThatNeverComesBackIsGivenUpAfterItsLease) {
  const std::string job = running_job(1s);
  run_for(2s);
  stop();
  supervisors.erase("b");
  supervisor("c", 1);
  start();
  run_for(9s);
  EXPECT_EQ(info(job).epoch, 1u);
  run_for(5s);
  EXPECT_EQ(info(job).epoch, 2u);
  EXPECT_EQ(info(job).state, JobState::Running);
}

TEST_F(ClusterCoordinatorTest, RemembersJobsAndTheirHistory) {
  const std::string job = running_job();
  wire::WorkerMetricsT metrics;
  metrics.job = job;
  metrics.epoch = 1;
  metrics.operators.push_back(std::make_unique<wire::OperatorInfoT>());
  metrics.operators[0]->uid = "read";
  metrics.operators[0]->is_spout = true;
  metrics.operators[0]->records_out = 5;
  for (ScriptedWorker* worker : workers()) worker->tell(metrics);
  ask(about<wire::CancelJobT>(job));
  run_for(2s);
  EXPECT_EQ(info(job).records_read, 10);
  stop();
  disk.crash();
  start();
  EXPECT_EQ(info(job).state, JobState::Cancelled);
  EXPECT_EQ(info(job).records_read, 10);
  const wire::MessageT answer = ask(about<wire::GetEventsT>(job));
  ASSERT_NE(answer.body.AsEvents(), nullptr);
  const auto& events = answer.body.AsEvents()->events;
  ASSERT_GE(events.size(), 4u);
  EXPECT_EQ(events.front()->text, "submitted");
  EXPECT_EQ(events.back()->text, "cancelled");
  EXPECT_EQ(submit(submission()), "flights-2") << "ids are never used twice";
}

TEST_F(ClusterCoordinatorTest, ASubmissionIsOneJobHoweverOftenAndLateItArrives) {
  const auto same = [&] {
    wire::SubmitT out = submission();
    out.submission_id = "5f1c";
    return out;
  };
  supervisor("a", 2);
  run_for(1s);
  client.tell(same(), 70);
  client.tell(same(), 71);
  run_for(2s);
  ASSERT_FALSE(client.heard.empty());
  ASSERT_NE(client.heard.back().body.AsSubmitted(), nullptr);
  EXPECT_EQ(client.heard.back().request, 71u);
  EXPECT_EQ(client.heard.back().body.AsSubmitted()->job, "flights-1");
  EXPECT_EQ(submit(same()), "flights-1");
  ask(about<wire::CancelJobT>("flights"));
  run_for(2s);
  EXPECT_EQ(submit(same()), "flights-1") << "which has ended";
  EXPECT_EQ(info("flights-1").state, JobState::Cancelled);
  stop();
  disk.crash();
  start();
  EXPECT_EQ(submit(same()), "flights-1") << "which another coordinator knew";
  wire::SubmitT other = submission();
  other.submission_id = "5f1d";
  EXPECT_EQ(submit(std::move(other)), "flights-2");
  other = submission();
  other.submission_id = std::string(81, 'x');
  EXPECT_EQ(refusal(std::move(other)), "a submission id has at most 80 characters");
}

TEST_F(ClusterCoordinatorTest, RefusesWhatItCannotDoWithAReason) {
  running_job();
  EXPECT_EQ(
      refusal(submission()),
      "a job named flights is running already, as flights-1: stop it, or choose another name");
  EXPECT_EQ(refusal(about<wire::StopJobT>("fligths")),
            "there is no job fligths; did you mean flights?");
  wire::SubmitT bad = submission();
  bad.name = "../x";
  EXPECT_NE(refusal(std::move(bad)).find("a job's name is"), std::string::npos);
  bad = submission();
  bad.name = "x";
  bad.program_sha256 = std::string(64, 'b');
  EXPECT_EQ(refusal(std::move(bad)), "there is no program " + std::string(64, 'b'));
  bad = submission();
  bad.name = "x";
  bad.plan = nullptr;
  EXPECT_EQ(refusal(std::move(bad)), "the program has told no plan");
  bad = submission();
  bad.name = "x";
  bad.plan->max_parallelism = 100'000;
  EXPECT_EQ(refusal(std::move(bad)), "max_parallelism is 100000; it must lie between 1 and 32768");
  bad = submission();
  bad.name = "x";
  bad.from_savepoint = "/nowhere";
  EXPECT_EQ(refusal(std::move(bad)),
            "there is no savepoint in /nowhere: the folder does not exist");
  auto relative = about<wire::TakeSavepointT>("flights");
  relative.dir = "here";
  EXPECT_NE(refusal(std::move(relative)).find("named from the root, not 'here'"),
            std::string::npos);
  auto rescale = about<wire::RescaleJobT>("flights");
  rescale.parallelism = 4;
  rescale.plan = std::make_unique<wire::PlanSpecT>(make_spec(4)->plan);
  rescale.plan->fingerprint = "other";
  EXPECT_EQ(refusal(std::move(rescale)), "job flights-1 runs another topology than this program's");
}

TEST_F(ClusterCoordinatorTest, TwoCoordinatorsOnOneFolderAreRefused) {
  const auto second = make();
  ASSERT_FALSE(second.ok());
  EXPECT_EQ(second.status().code(), absl::StatusCode::kUnavailable);
  EXPECT_NE(second.status().message().find("another coordinator uses the folder /cluster"),
            absl::string_view::npos);
}

TEST_F(ClusterCoordinatorTest, TakesProgramsAndGivesThemToSupervisors) {
  wire::UploadProgramT upload;
  upload.sha256 = std::string(64, 'c');
  upload.total = 6;
  upload.bytes = {'a', 'b', 'c'};
  wire::MessageT answer = ask(upload);
  ASSERT_NE(answer.body.AsUploadProgress(), nullptr);
  EXPECT_EQ(answer.body.AsUploadProgress()->have, 3u);
  EXPECT_FALSE(answer.body.AsUploadProgress()->is_complete);
  upload.offset = 3;
  answer = ask(upload);
  EXPECT_TRUE(answer.body.AsUploadProgress()->is_complete);
  wire::FetchProgramT fetch;
  fetch.sha256 = upload.sha256;
  fetch.offset = 2;
  answer = ask(fetch);
  ASSERT_NE(answer.body.AsProgramPart(), nullptr);
  EXPECT_EQ(answer.body.AsProgramPart()->total, 6u);
  EXPECT_EQ(answer.body.AsProgramPart()->bytes.size(), 4u);
}

TEST_F(ClusterCoordinatorTest, LogsComeFromTheSupervisor) {
  running_job();
  const wire::MessageT answer = ask(about<wire::GetLogT>("flights"));
  ASSERT_NE(answer.body.AsLogPart(), nullptr);
  EXPECT_EQ(answer.body.AsLogPart()->worker, "flights-1-e1-0");
  auto other = about<wire::GetLogT>("flights");
  other.worker = "nobody";
  EXPECT_EQ(refusal(std::move(other)), "job flights-1 has no worker nobody");
}

TEST_F(ClusterCoordinatorTest, AShutdownEndsWorkersAndTheJobGoesOnNextTime) {
  const std::string job = running_job();
  EXPECT_NE(ask(wire::ShutdownT{}).body.AsDone(), nullptr);
  for (int i = 0; i < 100 && !coordinator->is_done(); ++i) run_for(100ms);
  EXPECT_TRUE(coordinator->is_done());
  EXPECT_TRUE(workers().empty());
  supervisors.clear();
  supervisor("a", 2);
  restart();
  run_for(3s);
  EXPECT_EQ(info(job).state, JobState::Running);
  EXPECT_EQ(info(job).epoch, 2u);
  EXPECT_EQ(info(job).restarts, 0u) << "nothing has failed";
}

TEST_F(ClusterCoordinatorTest, APauseOfTheCoordinatorItselfKillsNobody) {
  const std::string job = running_job();
  clock.advance(2min);
  run_for(1s);
  EXPECT_EQ(info(job).restarts, 0u);
  EXPECT_EQ(info(job).state, JobState::Running);
}

TEST_F(ClusterCoordinatorTest, AWallClockThatJumpsAnHourChangesNothing) {
  const std::string job = running_job(1s);
  for (const std::chrono::microseconds offset : {1h, -1h, 0h}) {
    clock.set_wall_offset(offset);
    run_for(15s);
    EXPECT_EQ(info(job).state, JobState::Running);
    EXPECT_EQ(info(job).restarts, 0u);
  }
  EXPECT_GT(info(job).checkpoints, 30u);
}

TEST_F(ClusterCoordinatorTest, LostMessagesAreNoticedAndToldAgain) {
  const std::string job = running_job(1s);
  // Whatever its workers say of their tasks now, nobody hears.
  net.loses = [](const std::string& from, const std::string&) { return from.starts_with("w:"); };
  for (ScriptedWorker* worker : workers()) worker->end_tasks();
  net.loses = nullptr;
  run_for(5s);
  EXPECT_EQ(info(job).state, JobState::Finished);
  EXPECT_EQ(info(job).restarts, 0u);
}

TEST_F(ClusterCoordinatorTest, ALostCommandDoesNotHoldACheckpointUpForLong) {
  const std::string job = running_job(1s);
  int to_lose = 2;
  net.loses = [&to_lose](const std::string& from, const std::string& to) {
    return from == "coordinator" && to.starts_with("w:") && to_lose-- > 0;
  };
  run_for(8s);
  EXPECT_GE(info(job).checkpoints, 4u);
  EXPECT_EQ(info(job).restarts, 0u);
}

TEST_F(ClusterCoordinatorTest, AnyLossInAnyDirectionOnlyCostsTime) {
  for (std::uint64_t round = 1; round <= 40; ++round) {
    std::mt19937_64 random(round);
    net.loses = [&random](const std::string& from, const std::string& to) {
      return from != "c:test" && to != "c:test" && random() % 12 == 0;
    };
    supervisor("a", 1);
    supervisor("b", 1);
    const std::string job = submit(submission(2, 1s));
    run_for(5s);
    for (int i = 0; i < 60 && info(job).state != JobState::Finished; ++i) {
      for (ScriptedWorker* worker : workers()) {
        for (auto& [task, state] : worker->tasks) state.has_ended = true;
        worker->end_tasks();
      }
      run_for(2s);
    }
    ASSERT_EQ(info(job).state, JobState::Finished) << "round " << round;
    net.loses = nullptr;
    run_for(20s);
    ASSERT_TRUE(workers().empty()) << "round " << round;
  }
}

TEST_F(ClusterCoordinatorTest, OnlyItsOwnWorkersSpeakOfTasks) {
  const std::string job = running_job();
  Member stranger(net, "w:stranger");
  wire::TaskEventT event;
  event.job = job;
  event.epoch = 1;
  event.kind = wire::TaskEventKind::Failed;
  event.error_code = 13;
  stranger.tell(event);
  workers()[0]->event(workers()[1]->tasks.begin()->first, wire::TaskEventKind::Failed, 0, "no");
  run_for(1s);
  EXPECT_EQ(info(job).restarts, 0u);
}

TEST_F(ClusterCoordinatorTest, PeersOfAnotherVersionAreToldSoAndChangeNothing) {
  const std::string job = running_job();
  wire::MessageT newer = control(about<wire::CancelJobT>(job), 1);
  newer.protocol = kControlProtocol + 1;
  flatbuffers::FlatBufferBuilder builder;
  wire::FinishMessageBuffer(builder, wire::Message::Pack(builder, &newer));
  const std::string bytes(reinterpret_cast<const char*>(builder.GetBufferPointer()),
                          builder.GetSize());
  for (const char* name : {"c:newer", "s:newer", "w:newer"}) {
    Member peer(net, name);
    peer.tell_bytes(bytes);
    peer.tell_bytes("garbage");
    run_for(1s);
    ASSERT_EQ(peer.heard.size(), 1u) << name;
    const auto* failure = peer.heard[0].body.AsFailure();
    ASSERT_NE(failure, nullptr) << name;
    EXPECT_EQ(failure->message,
              "the peer speaks control protocol 2, this program protocol 1; build both with the "
              "same version of Weir");
  }
  EXPECT_EQ(info(job).state, JobState::Running);
  EXPECT_EQ(info(job).restarts, 0u);
}

TEST_F(ClusterCoordinatorTest, AFullDiskIsToldAndNothingIsPromised) {
  supervisor("a", 2);
  run_for(1s);
  disk.set_capacity(disk.used_bytes());
  EXPECT_NE(refusal(submission()).find("the coordinator cannot write its folder"),
            std::string::npos);
  disk.set_capacity(1u << 30);
  run_for(10s);
  EXPECT_EQ(info("flights").state, JobState::Running);
}

}  // namespace
}  // namespace weir::coordinator
