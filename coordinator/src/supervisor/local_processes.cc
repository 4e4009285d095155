#include "supervisor/local_processes.h"

#include <fcntl.h>
#include <linux/close_range.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <set>
#include <string_view>
#include <utility>

#include "absl/strings/str_cat.h"
#include "safe_name.h"
#include "sha256.h"

extern char** environ;

namespace weir::coordinator {

using runtime::MutexLock;

namespace {

constexpr std::size_t kTailLines = 20;
constexpr std::size_t kTailBytes = 8192;

// Closed with the object, close-on-exec.
class Descriptor {
 public:
  explicit Descriptor(int fd = -1) : fd_(fd) {}
  ~Descriptor() { reset(); }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  int get() const { return fd_; }
  int release() { return std::exchange(fd_, -1); }
  void reset(int fd = -1) {
    if (fd_ >= 0) ::close(fd_);
    fd_ = fd;
  }

 private:
  int fd_;
};

struct Pipe {
  Descriptor in;   // to read from
  Descriptor out;  // to write to

  bool open() {
    std::array<int, 2> ends{};
    if (::pipe2(ends.data(), O_CLOEXEC) != 0) return false;
    in.reset(ends[0]);
    out.reset(ends[1]);
    return true;
  }
};

// What the new process needs, all of it made before fork(): behind it only calls that are safe in a
// copy of a process with threads.
struct Launch {
  std::string path;
  std::string working_dir;
  std::string other_dir;  // if that is not there
  std::vector<std::string> arguments;
  std::vector<std::string> environment;
  std::vector<char*> argv;
  std::vector<char*> envp;
  Descriptor log;
  Descriptor null;
  Pipe go;      // a byte lets the process exec; the end of it lets it go away
  Pipe failed;  // errno, if it could not
};

std::vector<char*> pointers(std::vector<std::string>& words) {
  std::vector<char*> out;
  for (std::string& word : words) out.push_back(word.data());
  out.push_back(nullptr);
  return out;
}

std::vector<std::string> environment_of(const WorkerStart& start, const std::string& work_dir) {
  std::vector<std::pair<std::string, std::string>> own = start.environment;
  own.emplace_back("WEIR_WORK_DIR", work_dir);
  std::vector<std::string> all;
  for (char** variable = environ; *variable != nullptr; ++variable) {
    const std::string_view text = *variable;
    const std::string_view name = text.substr(0, text.find('='));
    bool is_own = false;
    for (const auto& [key, value] : own) is_own = is_own || key == name;
    if (!is_own) all.emplace_back(text);
  }
  for (const auto& [key, value] : own) all.push_back(key + "=" + value);
  return all;
}

[[noreturn]] void fail(const Launch& launch) {
  const int error = errno;
  [[maybe_unused]] const ssize_t n = ::write(launch.failed.out.get(), &error, sizeof(error));
  ::_exit(127);
}

// In the new process.
[[noreturn]] void run(const Launch& launch) {
  ::close(launch.go.out.get());
  char byte = 0;
  if (::read(launch.go.in.get(), &byte, 1) != 1) ::_exit(127);
  ::setsid();
  if (::dup2(launch.null.get(), STDIN_FILENO) < 0 || ::dup2(launch.log.get(), STDOUT_FILENO) < 0 ||
      ::dup2(launch.log.get(), STDERR_FILENO) < 0) {
    fail(launch);
  }
  if (::chdir(launch.working_dir.c_str()) != 0 && ::chdir(launch.other_dir.c_str()) != 0) {
    fail(launch);
  }
  for (int number = 1; number < NSIG; ++number) ::signal(number, SIG_DFL);
  sigset_t none;
  sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  ::close_range(3, ~0U, CLOSE_RANGE_CLOEXEC);
  ::execve(launch.path.c_str(), launch.argv.data(), launch.envp.data());
  fail(launch);
}

absl::Status verify(const WorkerStart& start) {
  const absl::StatusOr<std::string> actual = sha256_of_file(start.program_path);
  if (!actual.ok()) return actual.status();
  if (*actual == start.program_sha256) return absl::OkStatus();
  return absl::DataLossError(absl::StrCat(start.program_path, " has been altered: its SHA-256 is ",
                                          *actual, "; remove it, and it is fetched again"));
}

absl::Status prepare(const WorkerStart& start, const std::string& work_dir,
                     const std::string& log_path, Launch& launch) {
  std::error_code error;
  std::filesystem::create_directories(work_dir, error);
  std::filesystem::permissions(work_dir, std::filesystem::perms::owner_all, error);
  launch.path = start.program_path;
  launch.working_dir = start.working_dir.empty() ? work_dir : start.working_dir;
  launch.other_dir = work_dir;
  launch.arguments = start.arguments;
  if (launch.arguments.empty()) launch.arguments.push_back(start.name.worker);
  launch.environment = environment_of(start, work_dir);
  launch.argv = pointers(launch.arguments);
  launch.envp = pointers(launch.environment);
  launch.log.reset(::open(log_path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600));
  launch.null.reset(::open("/dev/null", O_RDONLY | O_CLOEXEC));
  if (launch.log.get() < 0 || launch.null.get() < 0) {
    return absl::ErrnoToStatus(errno, absl::StrCat("cannot open ", log_path));
  }
  if (!launch.go.open() || !launch.failed.open()) {
    return absl::ErrnoToStatus(errno, "cannot start a process");
  }
  return absl::OkStatus();
}

// Lets the process run its program; an error if it could not, and then it is gone.
absl::Status let_go(Launch& launch) {
  if (::write(launch.go.out.get(), "g", 1) != 1) {
    return absl::ErrnoToStatus(errno, "cannot let a worker go");
  }
  launch.failed.out.reset();
  int error = 0;
  ssize_t n = 0;
  do {
    n = ::read(launch.failed.in.get(), &error, sizeof(error));
  } while (n < 0 && errno == EINTR);
  if (n == 0) return absl::OkStatus();  // closed by exec
  return absl::ErrnoToStatus(error, absl::StrCat("cannot run ", launch.path));
}

}  // namespace

LocalProcesses::LocalProcesses(std::string dir, WorkerLogs& logs)
    : dir_(std::move(dir)), logs_(logs), records_(dir_ + "/workers") {}

std::vector<Processes::Running> LocalProcesses::adopt(std::function<void(WorkerExit)> on_exit) {
  on_exit_ = std::move(on_exit);
  std::vector<Running> running;
  std::set<std::string> known;
  for (const RunningWorker& record : records_.read_all()) {
    const absl::StatusOr<int> pidfd = open_process(record.process);
    if (!pidfd.ok()) {
      remove_traces(record.name.worker);
      continue;
    }
    known.insert(record.name.worker);
    running.push_back({record.name, record.process.pid});
    watch(record, *pidfd);
  }
  std::error_code ignored;
  for (const auto& entry : std::filesystem::directory_iterator(work_dirs(), ignored)) {
    if (known.count(entry.path().filename().string()) == 0) {
      std::filesystem::remove_all(entry.path(), ignored);
    }
  }
  return running;
}

absl::StatusOr<std::int32_t> LocalProcesses::start(const WorkerStart& start) {
  const std::string& worker = start.name.worker;
  if (!is_safe_name(worker)) {
    return absl::InvalidArgumentError("a worker's name may not be a path");
  }
  absl::Status status = verify(start);
  Launch launch;
  if (status.ok()) status = prepare(start, work_dir(worker), logs_.path(worker), launch);
  if (!status.ok()) return status;
  const pid_t pid = ::fork();
  if (pid == 0) run(launch);
  if (pid < 0) return absl::ErrnoToStatus(errno, "cannot start a process");

  RunningWorker record{start.name, {}};
  Descriptor pidfd;
  const absl::StatusOr<ProcessId> process = process_id(pid);
  status = process.status();
  if (status.ok()) {
    record.process = *process;
    const absl::StatusOr<int> opened = open_process(*process);
    status = opened.status();
    if (status.ok()) pidfd.reset(*opened);
  }
  if (status.ok()) status = records_.write(record);
  if (status.ok()) status = let_go(launch);
  if (!status.ok()) {
    ::kill(pid, SIGKILL);  // not reaped yet, so the pid is still its own
    ::waitpid(pid, nullptr, 0);
    remove_traces(worker);
    return status;
  }
  watch(record, pidfd.release());
  return pid;
}

void LocalProcesses::watch(const RunningWorker& record, int pidfd) {
  {
    MutexLock lock(mutex_);
    running_[record.name.worker] = record.process;
  }
  watcher_.watch(pidfd, [this, record](ProcessWatcher::Ended how) { ended(record, how); });
}

void LocalProcesses::ended(const RunningWorker& record, ProcessWatcher::Ended how) {
  {
    MutexLock lock(mutex_);
    running_.erase(record.name.worker);
  }
  WorkerExit exit;
  exit.worker = record.name.worker;
  exit.pid = record.process.pid;
  if (how.is_known && !how.by_signal) exit.exit_code = how.status;
  if (how.is_known && how.by_signal) exit.signal = how.status;
  exit.log_tail = logs_.tail(record.name.worker, kTailLines, kTailBytes);
  on_exit_(std::move(exit));
  remove_traces(record.name.worker);
}

void LocalProcesses::remove_traces(const std::string& worker) {
  std::error_code ignored;
  std::filesystem::remove_all(work_dir(worker), ignored);
  records_.remove(worker);
}

void LocalProcesses::kill(const std::string& worker) {
  ProcessId process;
  {
    MutexLock lock(mutex_);
    const auto it = running_.find(worker);
    if (it == running_.end()) return;
    process = it->second;
  }
  // Whoever has ended meanwhile is not found.
  signal_process(process, SIGKILL).IgnoreError();
}

}  // namespace weir::coordinator
