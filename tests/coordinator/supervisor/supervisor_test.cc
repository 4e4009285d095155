#include "supervisor/supervisor.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>

#include "fake_transport.h"
#include "programs_on_a_disk.h"
#include "sha256.h"
#include "support/temp_dir.h"

namespace weir::coordinator {
namespace {

using namespace std::chrono_literals;

std::string hash_of(std::string_view text) {
  Sha256 hash;
  hash.update(text);
  return hash.hex();
}

// Processes that do what the test says.
class FakeProcesses final : public Processes {
 public:
  std::vector<Running> adopt(std::function<void(WorkerExit)> on_exit) override {
    on_exit_ = std::move(on_exit);
    return from_before;
  }
  absl::StatusOr<std::int32_t> start(const WorkerStart& start) override {
    starts.push_back(start);
    if (!may_start.ok()) return may_start;
    return next_pid++;
  }
  void kill(const std::string& worker) override {
    killed.push_back(worker);
    WorkerExit exit;
    exit.worker = worker;
    exit.signal = 9;
    on_exit_(exit);
  }
  void exit(const std::string& worker, int code, const std::string& tail) {
    WorkerExit exit;
    exit.worker = worker;
    exit.pid = 100;
    exit.exit_code = code;
    exit.log_tail = tail;
    on_exit_(exit);
  }

  std::vector<Running> from_before;
  absl::Status may_start;
  std::vector<WorkerStart> starts;
  std::vector<std::string> killed;
  std::int32_t next_pid = 100;

 private:
  std::function<void(WorkerExit)> on_exit_;
};

class SupervisorTest : public ::testing::Test {
 protected:
  SupervisorTest() : executor_(runtime::make_single_executor(1, clock_, &clock_)) {
    std::filesystem::create_directories(dir_ / "programs");
    std::filesystem::create_directories(dir_ / "logs");
  }
  ~SupervisorTest() override {
    if (executor_ != nullptr) executor_->stop();
  }

  void open() {
    SupervisorOptions options;
    options.name = "s1";
    options.host = "here";
    options.slots = 4;
    options.pid = 77;
    options.coordinator = "tcp://127.0.0.1:1";
    options.on_over = [this] { is_over_ = true; };
    supervisor_ = std::make_unique<Supervisor>(
        options, Supervisor::Parts{clock_, *executor_, processes_, programs_, logs_});
    ASSERT_TRUE(supervisor_->open(transport_).ok());
    settle();
  }
  void settle() { run_for(1us); }
  void run_for(runtime::MonotonicTime time) { executor_->drive(clock_.now() + time); }

  // The next message that has this body, others passed over; fails if there is none.
  template <class Body>
  Body expect(std::uint64_t* request = nullptr) {
    for (;;) {
      wire::MessageT message = transport_.next();
      if (message.body.type == wire::Body::NONE) {
        ADD_FAILURE() << "no such message has been sent";
        return {};
      }
      if (message.body.type != wire::BodyUnionTraits<Body>::enum_value) continue;
      if (request != nullptr) *request = message.request;
      return std::move(*static_cast<Body*>(message.body.value));
    }
  }
  template <class Body>
  int count() {
    int n = 0;
    for (;;) {
      const wire::MessageT message = transport_.next();
      if (message.body.type == wire::Body::NONE) return n;
      n += message.body.type == wire::BodyUnionTraits<Body>::enum_value ? 1 : 0;
    }
  }
  void welcome() {
    expect<wire::SupervisorHelloT>();
    wire::SupervisorWelcomeT welcome;
    welcome.heartbeat_us = 500'000;
    transport_.deliver(welcome);
    settle();
  }
  // Coordinator that answers heartbeats, for a while.
  void run_answered(runtime::MonotonicTime time) {
    for (const auto end = clock_.now() + time; clock_.now() < end;) {
      run_for(100ms);
      transport_.deliver(wire::HeartbeatT{});
    }
  }

  wire::StartWorkerT worker(const std::string& name, std::uint64_t epoch = 1,
                            std::uint32_t slots = 1) {
    wire::StartWorkerT start;
    start.job = "job-1";
    start.job_name = "job";
    start.epoch = epoch;
    start.worker = name;
    start.slots = slots;
    start.program_sha256 = hash_of(program_);
    start.program_name = "program";
    start.program_bytes = program_.size();
    start.arguments = {"--input", "x y"};
    start.working_dir = "/tmp";
    return start;
  }
  void store_program() {
    ASSERT_TRUE(programs_.append(hash_of(program_), 0, program_.size(), program_).ok());
  }
  // A worker that runs.
  void run_worker(const std::string& name, std::uint64_t epoch = 1) {
    if (!programs_.has(hash_of(program_))) store_program();
    transport_.deliver(worker(name, epoch));
    settle();
    EXPECT_EQ(expect<wire::WorkerStartedT>().worker, name);
  }
  template <class Body>
  Body of(const std::string& name, std::uint64_t epoch = 1) {
    Body body;
    body.job = "job-1";
    body.epoch = epoch;
    body.worker = name;
    return body;
  }

  tests::TempDir dir_;
  std::string program_ = "#!/bin/true\n";
  runtime::ManualClock clock_;
  std::unique_ptr<runtime::Executor> executor_;
  FakeTransport transport_;
  FakeProcesses processes_;
  ProgramsOnADisk programs_{dir_ / "programs"};
  WorkerLogs logs_{dir_ / "logs"};
  std::unique_ptr<Supervisor> supervisor_;
  bool is_over_ = false;
};

TEST_F(SupervisorTest, SaysHelloUntilItIsWelcomeThenSendsHeartbeats) {
  open();
  EXPECT_EQ(transport_.name, "s:s1");
  EXPECT_EQ(transport_.connected_to, "tcp://127.0.0.1:1");
  const auto hello = expect<wire::SupervisorHelloT>();
  EXPECT_EQ(hello.supervisor, "s1");
  EXPECT_EQ(hello.slots, 4U);
  EXPECT_EQ(hello.pid, 77);
  EXPECT_TRUE(hello.workers.empty());
  run_for(10s);  // 0.1, 0.2, 0.4, 0.8, 1.6, then every 2 s
  const int hellos = count<wire::SupervisorHelloT>();
  EXPECT_GE(hellos, 7);
  EXPECT_LE(hellos, 9);
  wire::SupervisorWelcomeT welcome;
  welcome.heartbeat_us = 500'000;
  transport_.deliver(welcome);
  run_answered(5s);
  EXPECT_NEAR(count<wire::HeartbeatT>(), 10, 1);
}

TEST_F(SupervisorTest, IntroducesItselfAgainWhenTheCoordinatorFallsSilentOrAsks) {
  open();
  welcome();
  run_worker("job-1-e1-0");
  run_answered(3s);
  EXPECT_EQ(count<wire::SupervisorHelloT>(), 0);
  run_for(4s);  // silence
  const auto hello = expect<wire::SupervisorHelloT>();
  ASSERT_EQ(hello.workers.size(), 1U);  // workers go on
  EXPECT_EQ(hello.workers[0]->worker, "job-1-e1-0");
  EXPECT_EQ(hello.workers[0]->job, "job-1");
  EXPECT_EQ(hello.workers[0]->epoch, 1U);
  EXPECT_EQ(hello.workers[0]->pid, 100);
  EXPECT_TRUE(processes_.killed.empty());
  transport_.deliver(wire::SupervisorWelcomeT{});
  settle();
  count<wire::SupervisorHelloT>();
  transport_.deliver(wire::IntroduceT{});
  settle();
  EXPECT_EQ(count<wire::SupervisorHelloT>(), 1);
}

TEST_F(SupervisorTest, SaysHelloSoonAfterTheConnectionBreaks) {
  open();
  welcome();
  transport_.break_connection();
  run_for(200ms);
  EXPECT_EQ(count<wire::SupervisorHelloT>(), 1);
}

TEST_F(SupervisorTest, StartsAWorkerWithItsArgumentsAndEnvironment) {
  open();
  welcome();
  store_program();
  wire::StartWorkerT asked = worker("job-1-e7-0", 7, 2);
  asked.parallelism = 3;
  transport_.deliver(std::move(asked));
  settle();
  const auto started = expect<wire::WorkerStartedT>();
  EXPECT_EQ(started.worker, "job-1-e7-0");
  EXPECT_EQ(started.job, "job-1");
  EXPECT_EQ(started.epoch, 7U);
  EXPECT_EQ(started.pid, 100);
  ASSERT_EQ(processes_.starts.size(), 1U);
  const WorkerStart& start = processes_.starts[0];
  EXPECT_EQ(start.arguments, (std::vector<std::string>{"program", "--input", "x y"}));
  EXPECT_EQ(start.program_sha256, hash_of(program_));
  EXPECT_EQ(start.program_path, programs_.path(hash_of(program_)));
  EXPECT_EQ(start.working_dir, "/tmp");
  const std::map<std::string, std::string> environment(start.environment.begin(),
                                                       start.environment.end());
  EXPECT_EQ(environment,
            (std::map<std::string, std::string>{{"WEIR_WORKER", "job-1-e7-0"},
                                                {"WEIR_COORDINATOR", "tcp://127.0.0.1:1"},
                                                {"WEIR_LISTEN", "127.0.0.1"},
                                                {"WEIR_KEYS", ""},
                                                {"WEIR_JOB", "job-1"},
                                                {"WEIR_JOB_NAME", "job"},
                                                {"WEIR_EPOCH", "7"},
                                                {"WEIR_SLOTS", "2"},
                                                {"WEIR_PARALLELISM", "3"}}));
}

TEST_F(SupervisorTest, ReportsHowAWorkerEnded) {
  open();
  welcome();
  run_worker("job-1-e1-0");
  processes_.exit("job-1-e1-0", 3, "the last words\n");
  settle();
  const auto exit = expect<wire::WorkerExitedT>();
  EXPECT_EQ(exit.worker, "job-1-e1-0");
  EXPECT_EQ(exit.epoch, 1U);
  EXPECT_EQ(exit.exit_code, 3);
  EXPECT_EQ(exit.signal, 0);
  EXPECT_EQ(exit.reason, "exited with code 3");
  EXPECT_EQ(exit.log_tail, "the last words\n");
  // The same worker does not start a second time, whoever asks, and the answer is repeated.
  transport_.deliver(worker("job-1-e1-0"));
  transport_.deliver(of<wire::StopWorkerT>("job-1-e1-0"));
  settle();
  EXPECT_EQ(expect<wire::WorkerExitedT>().exit_code, 3);
  EXPECT_EQ(expect<wire::WorkerExitedT>().exit_code, 3);
  EXPECT_EQ(processes_.starts.size(), 1U);
}

TEST_F(SupervisorTest, AStartThatComesTwiceStartsOnce) {
  open();
  welcome();
  store_program();
  transport_.deliver(worker("job-1-e1-0"));
  transport_.deliver(worker("job-1-e1-0"));
  settle();
  transport_.deliver(worker("job-1-e1-0"));
  settle();
  EXPECT_EQ(processes_.starts.size(), 1U);
  EXPECT_EQ(expect<wire::WorkerStartedT>().pid, 100);
  EXPECT_EQ(expect<wire::WorkerStartedT>().pid, 100);
}

TEST_F(SupervisorTest, KillsWhatItIsToldToStop) {
  open();
  welcome();
  run_worker("job-1-e1-0");
  run_worker("job-1-e1-1");
  transport_.deliver(of<wire::StopWorkerT>("job-1-e1-0"));
  settle();
  EXPECT_EQ(processes_.killed, std::vector<std::string>{"job-1-e1-0"});
  const auto exit = expect<wire::WorkerExitedT>();
  EXPECT_EQ(exit.signal, 9);
  EXPECT_EQ(exit.reason, "stopped");
}

TEST_F(SupervisorTest, AWorkerThatIsStoppedWhileItStartsIsKilled) {
  open();
  welcome();
  store_program();
  transport_.deliver(worker("job-1-e1-0"));
  transport_.deliver(of<wire::StopWorkerT>("job-1-e1-0"));
  settle();
  EXPECT_EQ(processes_.killed, std::vector<std::string>{"job-1-e1-0"});
  EXPECT_EQ(expect<wire::WorkerExitedT>().reason, "stopped");
}

TEST_F(SupervisorTest, AStopOfAnUnknownWorkerIsAnsweredAndKeepsItFromStarting) {
  open();
  welcome();
  store_program();
  transport_.deliver(of<wire::StopWorkerT>("job-1-e1-0"));
  transport_.deliver(worker("job-1-e1-0"));
  settle();
  EXPECT_EQ(expect<wire::WorkerExitedT>().reason, "is not here");
  EXPECT_EQ(expect<wire::WorkerExitedT>().reason, "is not here");
  EXPECT_TRUE(processes_.starts.empty());
}

TEST_F(SupervisorTest, FencingKillsOldEpochsAndRefusesThem) {
  open();
  welcome();
  run_worker("job-1-e1-0", 1);
  run_worker("job-1-e2-0", 2);
  wire::FencedT fenced;
  fenced.job = "job-1";
  fenced.epoch = 1;
  transport_.deliver(fenced);
  settle();
  EXPECT_EQ(processes_.killed, std::vector<std::string>{"job-1-e1-0"});
  EXPECT_EQ(expect<wire::WorkerExitedT>().worker, "job-1-e1-0");
  transport_.deliver(worker("job-1-e1-9", 1));  // late
  settle();
  EXPECT_EQ(expect<wire::WorkerExitedT>().reason, "epoch 1 of job job-1 is over");
  EXPECT_EQ(processes_.starts.size(), 2U);
}

TEST_F(SupervisorTest, RefusesMoreSlotsThanItHasAndNamesThatArePaths) {
  open();
  welcome();
  store_program();
  transport_.deliver(worker("job-1-e1-0", 1, 3));
  transport_.deliver(worker("job-1-e1-1", 1, 2));
  transport_.deliver(worker("../escape", 1, 1));
  settle();
  EXPECT_EQ(expect<wire::WorkerExitedT>().reason, "supervisor s1 has 4 slots, and 3 are taken");
  EXPECT_EQ(expect<wire::WorkerExitedT>().reason, "its name may not be used for files");
  EXPECT_EQ(processes_.starts.size(), 1U);
}

TEST_F(SupervisorTest, AProgramThatCannotRunIsReportedOnce) {
  open();
  welcome();
  store_program();
  processes_.may_start = absl::DataLossError("has been altered");
  transport_.deliver(worker("job-1-e1-0"));
  settle();
  const auto exit = expect<wire::WorkerExitedT>();
  EXPECT_EQ(exit.exit_code, -1);
  EXPECT_EQ(exit.reason, "has been altered");
  EXPECT_EQ(count<wire::WorkerExitedT>(), 0);
}

TEST_F(SupervisorTest, FetchesAProgramPartByPart) {
  program_ = std::string(2500, 'p');
  open();
  welcome();
  transport_.deliver(worker("job-1-e1-0"));
  transport_.deliver(worker("job-1-e1-1"));
  settle();
  for (std::uint64_t offset = 0; offset < program_.size(); offset += 1000) {
    const auto ask = expect<wire::FetchProgramT>();
    EXPECT_EQ(ask.sha256, hash_of(program_));
    EXPECT_EQ(ask.offset, offset);
    wire::ProgramPartT part;
    part.sha256 = ask.sha256;
    part.offset = offset;
    part.total = program_.size();
    const std::string bytes = program_.substr(offset, 1000);
    part.bytes.assign(bytes.begin(), bytes.end());
    transport_.deliver(part);
    transport_.deliver(part);  // a second one does no harm
    settle();
  }
  EXPECT_EQ(processes_.starts.size(), 2U);
  EXPECT_TRUE(programs_.has(hash_of(program_)));
}

TEST_F(SupervisorTest, AsksAgainForAPartThatWasLostAndGivesUpInTheEnd) {
  open();
  welcome();
  transport_.deliver(worker("job-1-e1-0"));
  run_answered(10s);
  EXPECT_NEAR(count<wire::FetchProgramT>(), 4, 1);
  run_answered(60s);
  EXPECT_EQ(expect<wire::WorkerExitedT>().reason, "the coordinator does not send the program");
}

TEST_F(SupervisorTest, AProgramWithAWrongHashStartsNothing) {
  open();
  welcome();
  transport_.deliver(worker("job-1-e1-0"));
  settle();
  wire::ProgramPartT part;
  part.sha256 = hash_of(program_);
  part.total = 3;
  part.bytes = {'b', 'a', 'd'};
  transport_.deliver(part);
  settle();
  EXPECT_NE(expect<wire::WorkerExitedT>().reason.find("a program came with SHA-256"),
            std::string::npos);
  EXPECT_TRUE(processes_.starts.empty());
  EXPECT_FALSE(programs_.has(hash_of(program_)));
}

TEST_F(SupervisorTest, AProgramThatFindsNoSpaceIsReportedAndFetchedWhenThereIsSome) {
  open();
  welcome();
  wire::ProgramPartT part;
  part.sha256 = hash_of(program_);
  part.total = program_.size();
  part.bytes.assign(program_.begin(), program_.end());
  programs_.is_full = true;
  transport_.deliver(worker("job-1-e1-0"));
  settle();
  transport_.deliver(part);
  settle();
  EXPECT_NE(expect<wire::WorkerExitedT>().reason.find("No space left on device"),
            std::string::npos);
  EXPECT_TRUE(processes_.starts.empty());
  programs_.is_full = false;
  transport_.deliver(worker("job-1-e2-0", 2));
  settle();
  transport_.deliver(part);
  settle();
  EXPECT_EQ(expect<wire::WorkerStartedT>().worker, "job-1-e2-0");
}

TEST_F(SupervisorTest, AdoptsTheWorkersOfAnEarlierSupervisor) {
  processes_.from_before = {{{"job-1-e1-0", "job-1", 1, 3}, 55}};
  open();
  const auto hello = expect<wire::SupervisorHelloT>();
  ASSERT_EQ(hello.workers.size(), 1U);
  EXPECT_EQ(hello.workers[0]->pid, 55);
  EXPECT_EQ(hello.workers[0]->slots, 3U);
  transport_.deliver(of<wire::StopWorkerT>("job-1-e1-0"));
  settle();
  EXPECT_EQ(processes_.killed, std::vector<std::string>{"job-1-e1-0"});
}

TEST_F(SupervisorTest, AnswersForLogs) {
  std::ofstream(dir_ / "logs/job-1-e1-0.log") << "0123456789";
  open();
  welcome();
  wire::GetLogT ask;
  ask.job = "job-1";
  ask.offset = -4;
  ask.most = 100;
  transport_.deliver(ask, 41);
  ask.worker = "../../etc/passwd";
  transport_.deliver(ask, 42);
  settle();
  std::uint64_t request = 0;
  const auto part = expect<wire::LogPartT>(&request);
  EXPECT_EQ(request, 41U);
  EXPECT_EQ(part.worker, "job-1-e1-0");
  EXPECT_EQ(std::string(part.bytes.begin(), part.bytes.end()), "6789");
  EXPECT_EQ(part.offset, 6U);
  EXPECT_EQ(part.end, 10U);
  EXPECT_EQ(expect<wire::FailureT>(&request).code, wire::FailureCode::NotFound);
  EXPECT_EQ(request, 42U);
}

TEST_F(SupervisorTest, ShutsDownWhenAllWorkersAreGone) {
  open();
  welcome();
  run_worker("job-1-e1-0");
  run_worker("job-1-e1-1");
  transport_.deliver(wire::ShutdownSupervisorT{});
  settle();
  EXPECT_EQ(processes_.killed.size(), 2U);
  EXPECT_EQ(count<wire::WorkerExitedT>(), 2);
  EXPECT_TRUE(is_over_);
}

}  // namespace
}  // namespace weir::coordinator
