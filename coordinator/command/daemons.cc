#include "daemons.h"

#include <fcntl.h>
#include <linux/close_range.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <deque>
#include <filesystem>
#include <fstream>

#include "absl/strings/str_cat.h"
#include "weir/runtime/clock.h"

namespace weir::coordinator {
namespace {

[[noreturn]] void become(const char* path, char* const* argv, int log, int null) {
  ::setsid();
  if (::dup2(null, STDIN_FILENO) < 0 || ::dup2(log, STDOUT_FILENO) < 0 ||
      ::dup2(log, STDERR_FILENO) < 0 || ::chdir("/") != 0) {
    ::_exit(127);
  }
  ::close_range(3, ~0U, CLOSE_RANGE_CLOEXEC);
  ::execv(path, argv);
  ::_exit(127);
}

// Those that have not ended when `patience` is over.
std::vector<ProcessId> wait_for_all(std::vector<ProcessId> processes,
                                    runtime::MonotonicTime patience) {
  const auto until = runtime::system_clock().now() + patience;
  for (;;) {
    std::erase_if(processes, [](const ProcessId& process) { return !is_running(process); });
    const auto left = until - runtime::system_clock().now();
    if (processes.empty() || left <= runtime::MonotonicTime(0)) return processes;
    wait_for_end(processes, left);
  }
}

}  // namespace

absl::StatusOr<Daemon> start_daemon(const std::string& name,
                                    const std::vector<std::string>& arguments,
                                    const std::string& log) {
  std::error_code error;
  const std::string self = std::filesystem::read_symlink("/proc/self/exe", error).string();
  std::vector<std::string> words = {"weir"};
  words.insert(words.end(), arguments.begin(), arguments.end());
  std::vector<char*> argv;
  for (std::string& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);
  const int out = ::open(log.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
  if (out < 0) return absl::ErrnoToStatus(errno, absl::StrCat("cannot write ", log));
  const int null = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
  const pid_t pid = ::fork();
  if (pid == 0) become(self.c_str(), argv.data(), out, null);
  const int failed = errno;
  ::close(out);
  ::close(null);
  if (pid < 0) return absl::ErrnoToStatus(failed, "cannot start a process");
  absl::StatusOr<ProcessId> process = process_id(pid);
  if (!process.ok()) {
    return absl::AbortedError(absl::StrCat("the ", name, " ended at once\n", last_lines(log, 5)));
  }
  return Daemon{name, *process, log};
}

bool wait_for_end(const std::vector<ProcessId>& processes, runtime::MonotonicTime patience) {
  std::vector<pollfd> fds;
  for (const ProcessId& process : processes) {
    const absl::StatusOr<int> fd = open_process(process);
    if (fd.ok()) fds.push_back({*fd, POLLIN, 0});
  }
  const auto ms = std::chrono::duration_cast<std::chrono::milliseconds>(patience).count();
  if (!fds.empty()) ::poll(fds.data(), fds.size(), static_cast<int>(ms) + 1);
  for (const pollfd& fd : fds) ::close(fd.fd);
  bool all_over = true;
  for (const ProcessId& process : processes) {
    ::waitpid(process.pid, nullptr, WNOHANG);  // reaps it if it is a child
    all_over = all_over && !is_running(process);
  }
  return all_over;
}

int end_all(const std::vector<ProcessId>& processes, runtime::MonotonicTime patience) {
  std::vector<ProcessId> left = wait_for_all(processes, patience);
  for (const ProcessId& process : left) signal_process(process, SIGKILL).IgnoreError();
  wait_for_all(left, std::chrono::seconds(5));
  return static_cast<int>(left.size());
}

std::string last_lines(const std::string& log, std::size_t lines) {
  std::ifstream in(log);
  std::deque<std::string> last;
  for (std::string line; std::getline(in, line);) {
    last.push_back(line);
    if (last.size() > lines) last.pop_front();
  }
  std::string text;
  for (const std::string& line : last) text += "  " + line + "\n";
  return text;
}

}  // namespace weir::coordinator
