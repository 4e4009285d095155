#include "program_plan.h"

#include <fcntl.h>
#include <linux/close_range.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "control/plan_spec.h"

namespace weir::coordinator {
namespace {

constexpr std::size_t kMostOutput = std::size_t{16} << 20;
constexpr int kNotExecutable = 126;  // as shells say it

struct Ran {
  int exit_code = -1;
  bool was_too_slow = false;
  bool was_too_long = false;
  std::string out;
  std::string said;  // on stderr
};

struct Pipes {
  std::array<int, 2> out{-1, -1};
  std::array<int, 2> said{-1, -1};
  bool open() {
    return ::pipe2(out.data(), O_CLOEXEC) == 0 && ::pipe2(said.data(), O_CLOEXEC) == 0;
  }
  ~Pipes() {
    for (const int fd : {out[0], out[1], said[0], said[1]}) {
      if (fd >= 0) ::close(fd);
    }
  }
  void close_writing() {
    ::close(std::exchange(out[1], -1));
    ::close(std::exchange(said[1], -1));
  }
};

// Reads both pipes to their ends, or until time or room is used up.
void collect(Pipes& pipes, runtime::MonotonicTime patience, Ran& ran) {
  runtime::Clock& clock = runtime::system_clock();
  const auto until = clock.now() + patience;
  std::array<pollfd, 2> fds = {{{pipes.out[0], POLLIN, 0}, {pipes.said[0], POLLIN, 0}}};
  std::array<std::string*, 2> texts = {&ran.out, &ran.said};
  while (fds[0].fd >= 0 || fds[1].fd >= 0) {
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(until - clock.now());
    ran.was_too_slow = left.count() <= 0;
    ran.was_too_long = ran.out.size() + ran.said.size() > kMostOutput;
    if (ran.was_too_slow || ran.was_too_long) return;
    ::poll(fds.data(), fds.size(), static_cast<int>(left.count()));
    for (std::size_t i = 0; i < fds.size(); ++i) {
      if (fds[i].fd < 0 || fds[i].revents == 0) continue;
      std::array<char, 65536> buffer{};
      const ssize_t n = ::read(fds[i].fd, buffer.data(), buffer.size());
      if (n > 0) texts[i]->append(buffer.data(), static_cast<std::size_t>(n));
      if (n == 0 || (n < 0 && errno != EINTR)) fds[i].fd = -1;
    }
  }
}

absl::StatusOr<Ran> run(const std::string& path, std::vector<std::string> words,
                        runtime::MonotonicTime patience) {
  std::vector<char*> argv;
  for (std::string& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);
  Pipes pipes;
  const int null = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
  if (!pipes.open() || null < 0) return absl::ErrnoToStatus(errno, "cannot start a process");
  const pid_t pid = ::fork();
  if (pid == 0) {
    ::dup2(null, STDIN_FILENO);
    ::dup2(pipes.out[1], STDOUT_FILENO);
    ::dup2(pipes.said[1], STDERR_FILENO);
    ::close_range(3, ~0U, CLOSE_RANGE_CLOEXEC);
    ::execv(path.c_str(), argv.data());
    const char* reason = ::strerror(errno);
    [[maybe_unused]] const ssize_t n = ::write(STDERR_FILENO, reason, std::strlen(reason));
    ::_exit(kNotExecutable);
  }
  const int failed = errno;
  ::close(null);
  if (pid < 0) return absl::ErrnoToStatus(failed, "cannot start a process");
  pipes.close_writing();
  Ran ran;
  collect(pipes, patience, ran);
  if (ran.was_too_slow || ran.was_too_long) ::kill(pid, SIGKILL);
  int status = 0;
  ::waitpid(pid, &status, 0);
  ran.exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  return ran;
}

absl::Status no_weir_program(const std::string& path, const std::string& why) {
  return absl::InvalidArgumentError(
      absl::StrCat(path, " is no Weir program: asked for its plan (--print=wire-plan), it ", why,
                   "\n  a Weir program's main() is: return weir::main(argc, argv, build);"));
}

// The first lines of what a program says.
std::string excerpt(const std::string& text) {
  std::string out = text.substr(0, 2000);
  while (!out.empty() && out.back() == '\n') out.pop_back();
  return out;
}

}  // namespace

absl::StatusOr<std::string> find_program(const std::string& program) {
  std::vector<std::string> candidates = {program};
  const char* path = std::getenv("PATH");
  if (program.find('/') == std::string::npos && path != nullptr) {
    for (const auto& folder : absl::StrSplit(path, ':')) {
      candidates.push_back(absl::StrCat(folder, "/", program));
    }
  }
  std::error_code error;
  for (const std::string& candidate : candidates) {
    if (!std::filesystem::is_regular_file(candidate, error)) continue;
    if (::access(candidate.c_str(), X_OK) != 0) {
      return absl::PermissionDeniedError(
          absl::StrCat(candidate, " is not executable\n  chmod +x ", candidate));
    }
    return std::filesystem::canonical(candidate, error).string();
  }
  return absl::NotFoundError(absl::StrCat("there is no program ", program));
}

absl::StatusOr<wire::PlanSpecT> ask_for_plan(const std::string& path, const std::string& name,
                                             const std::vector<std::string>& arguments, Asked what,
                                             runtime::MonotonicTime patience) {
  std::vector<std::string> words = {
      name, what == Asked::kPlan ? "--print=wire-plan" : "--print=wire-states"};
  words.insert(words.end(), arguments.begin(), arguments.end());
  const absl::StatusOr<Ran> ran = run(path, std::move(words), patience);
  if (!ran.ok()) return ran.status();
  if (ran->was_too_slow) {
    const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(patience).count();
    return no_weir_program(path, absl::StrCat("said nothing for ", seconds, " s"));
  }
  if (ran->was_too_long) return no_weir_program(path, "went on writing");
  absl::StatusOr<wire::PlanSpecT> spec = decode_plan_spec(ran->out);
  if (ran->exit_code == 0 && spec.ok()) return spec;
  if (ran->exit_code == 0 && spec.status().code() == absl::StatusCode::kFailedPrecondition) {
    return spec.status();
  }
  if (ran->exit_code == kNotExecutable) {
    return absl::InvalidArgumentError(
        absl::StrCat(path, " cannot be run on this machine: ", excerpt(ran->said),
                     "; build it for ", machine_name(), ", or repair the file"));
  }
  // Weir's own exit code for a command line that it refuses.
  if (ran->exit_code == 2 && ran->said.starts_with(name + ": ")) {
    return absl::InvalidArgumentError(excerpt(ran->said));
  }
  const std::string how = ran->exit_code == 0 ? "wrote something else"
                                              : absl::StrCat("exited with code ", ran->exit_code);
  const std::string said = excerpt(ran->said);
  return no_weir_program(path, how + (said.empty() ? "" : ", saying\n    " + said));
}

}  // namespace weir::coordinator
