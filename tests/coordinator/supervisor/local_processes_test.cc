// Real processes: /bin/sh as the program, which here is only the user's program, never a shell of
// Weir's.
#include "supervisor/local_processes.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <condition_variable>
#include <deque>
#include <filesystem>
#include <fstream>

#include "sha256.h"
#include "support/temp_dir.h"

namespace weir::coordinator {
namespace {

// Exits, as they are heard of.
class Exits {
 public:
  void put(WorkerExit exit) {
    runtime::MutexLock lock(mutex_);
    exits_.push_back(std::move(exit));
    changed_.notify_all();
  }
  WorkerExit take() {
    std::unique_lock<std::mutex> lock(mutex_.native());
    changed_.wait(lock, [this] { return !exits_.empty(); });
    WorkerExit exit = std::move(exits_.front());
    exits_.pop_front();
    return exit;
  }

 private:
  runtime::Mutex mutex_;
  std::condition_variable changed_;
  std::deque<WorkerExit> exits_;
};

class LocalProcessesTest : public ::testing::Test {
 protected:
  LocalProcessesTest() {
    for (const char* folder : {"workers", "work", "logs"}) {
      std::filesystem::create_directories(dir_ / folder);
    }
  }
  std::unique_ptr<LocalProcesses> make() {
    auto processes = std::make_unique<LocalProcesses>(dir_.path(), logs_);
    adopted_ = processes->adopt([this](WorkerExit exit) { exits_.put(std::move(exit)); });
    return processes;
  }
  WorkerStart shell(const std::string& worker, const std::string& script) {
    WorkerStart start;
    start.name = {worker, "job-1", 1, 2};
    start.program_path = std::filesystem::canonical("/bin/sh");
    start.program_sha256 = *sha256_of_file(start.program_path);
    start.arguments = {"shell", "-c", script};
    start.environment = {{"WEIR_WORKER", worker}};
    return start;
  }
  std::string log(const std::string& worker) {
    const auto part = logs_.read(worker, 0, 1 << 20);
    return part.ok() ? part->bytes : "";
  }

  tests::TempDir dir_;
  WorkerLogs logs_{dir_ / "logs"};
  Exits exits_;
  std::vector<Processes::Running> adopted_;
};

TEST_F(LocalProcessesTest, RunsAProgramWithArgumentsEnvironmentAndLog) {
  const auto processes = make();
  WorkerStart start = shell("w-0", "echo $0 $1 $WEIR_WORKER; pwd; echo oops >&2; exit 7");
  start.arguments.emplace_back("zero");
  start.arguments.emplace_back("one two");
  start.working_dir = "/";
  const auto pid = processes->start(start);
  ASSERT_TRUE(pid.ok()) << pid.status();
  const WorkerExit exit = exits_.take();
  EXPECT_EQ(exit.worker, "w-0");
  EXPECT_EQ(exit.pid, *pid);
  EXPECT_EQ(exit.exit_code, 7);
  EXPECT_EQ(exit.signal, 0);
  EXPECT_EQ(exit.log_tail, "zero one two w-0\n/\noops\n");
}

TEST_F(LocalProcessesTest, AMissingWorkingFolderIsReplacedByTheWorkersOwnWhichGoesAway) {
  auto processes = make();
  WorkerStart start = shell("w-0", "pwd; echo x > $WEIR_WORK_DIR/spilled; ls");
  start.working_dir = "/no/such/folder";
  ASSERT_TRUE(processes->start(start).ok());
  EXPECT_EQ(exits_.take().exit_code, 0);
  EXPECT_EQ(log("w-0"), dir_ / "work/w-0\nspilled\n");
  processes.reset();  // joins the thread that cleans
  EXPECT_FALSE(std::filesystem::exists(dir_ / "work/w-0"));
  EXPECT_TRUE(std::filesystem::is_empty(dir_ / "workers"));
}

TEST_F(LocalProcessesTest, InheritsNoDescriptorsAndNoSignalMask) {
  const int inherited = ::open("/dev/null", O_RDONLY);  // without O_CLOEXEC
  ASSERT_GE(inherited, 3);
  sigset_t blocked;
  sigset_t before;
  sigemptyset(&blocked);
  sigaddset(&blocked, SIGUSR1);
  ::pthread_sigmask(SIG_BLOCK, &blocked, &before);
  const auto processes = make();
  // The third is that of the folder which is being listed.
  const auto pid =
      processes->start(shell("w-0", "ls /proc/self/fd; grep SigBlk /proc/self/status"));
  ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
  ::close(inherited);
  ASSERT_TRUE(pid.ok()) << pid.status();
  exits_.take();
  EXPECT_EQ(log("w-0"), "0\n1\n2\n3\nSigBlk:\t0000000000000000\n");
}

TEST_F(LocalProcessesTest, KillsAndSaysSo) {
  const auto processes = make();
  ASSERT_TRUE(processes->start(shell("w-0", "exec cat /dev/zero > /dev/null")).ok());
  processes->kill("no-such-worker");
  processes->kill("w-0");
  const WorkerExit exit = exits_.take();
  EXPECT_FALSE(exit.exit_code.has_value());
  EXPECT_EQ(exit.signal, SIGKILL);
  processes->kill("w-0");  // again is no harm
}

TEST_F(LocalProcessesTest, RefusesAnAlteredProgramAndOneThatCannotRun) {
  const auto processes = make();
  WorkerStart start = shell("w-0", "true");
  start.program_sha256 = std::string(64, 'a');
  EXPECT_EQ(processes->start(start).status().code(), absl::StatusCode::kDataLoss);
  std::ofstream(dir_ / "text") << "no program";
  start.program_path = dir_ / "text";
  start.program_sha256 = *sha256_of_file(start.program_path);
  const auto pid = processes->start(start);
  EXPECT_NE(std::string(pid.status().message()).find("cannot run"), std::string::npos)
      << pid.status();
  start.name.worker = "../w";
  EXPECT_EQ(processes->start(start).status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_TRUE(std::filesystem::is_empty(dir_ / "workers"));
  EXPECT_TRUE(std::filesystem::is_empty(dir_ / "work"));
}

TEST_F(LocalProcessesTest, AWorkerOutlivesItsSupervisorAndIsAdopted) {
  ASSERT_EQ(::mkfifo((dir_ / "end").c_str(), 0600), 0);
  std::int32_t pid = 0;
  {
    const auto processes = make();
    EXPECT_TRUE(adopted_.empty());
    const auto started = processes->start(shell("w-0", "read line < " + (dir_ / "end")));
    ASSERT_TRUE(started.ok()) << started.status();
    pid = *started;
  }
  const auto second = make();
  ASSERT_EQ(adopted_.size(), 1U);
  EXPECT_EQ(adopted_[0].pid, pid);
  EXPECT_EQ(adopted_[0].name.worker, "w-0");
  EXPECT_EQ(adopted_[0].name.job, "job-1");
  EXPECT_EQ(adopted_[0].name.epoch, 1U);
  EXPECT_EQ(adopted_[0].name.slots, 2U);
  std::ofstream(dir_ / "end") << "go\n";
  EXPECT_EQ(exits_.take().pid, pid);
}

TEST_F(LocalProcessesTest, AProcessThatOnlyHasThePidIsNotAdopted) {
  // This test's own process, under a start time that is not its own.
  absl::StatusOr<ProcessId> self = process_id(::getpid());
  ASSERT_TRUE(self.ok());
  EXPECT_TRUE(is_running(*self));
  self->start_ticks -= 1;
  EXPECT_FALSE(is_running(*self));
  ASSERT_TRUE(WorkerRecords(dir_ / "workers").write({{"w-0", "job-1", 1, 1}, *self}).ok());
  std::ofstream(dir_ / "workers/w-1.json") << "{\"worker\":\"w-1\",\"pi";  // broke off
  std::filesystem::create_directories(dir_ / "work/w-0");
  std::filesystem::create_directories(dir_ / "work/w-old");
  const auto processes = make();
  EXPECT_TRUE(adopted_.empty());
  EXPECT_TRUE(std::filesystem::is_empty(dir_ / "workers"));
  EXPECT_TRUE(std::filesystem::is_empty(dir_ / "work"));
  EXPECT_EQ(signal_process(*self, SIGKILL).code(), absl::StatusCode::kNotFound);
}

}  // namespace
}  // namespace weir::coordinator
