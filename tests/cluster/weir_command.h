// The weir command as people call it, with a home of its own; and a cluster that it starts and that
// leaves nothing behind.
#pragma once

#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iterator>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "supervisor/process_id.h"
#include "support/temp_dir.h"
#include "weir/runtime/clock.h"

namespace weir::tests {

inline const std::string kSample =
    std::string(WEIR_SOURCE_DIR) + "/examples/flights/data/flights-sample.csv";
inline const std::string kData = std::string(WEIR_SOURCE_DIR) + "/tests/data/";

inline std::string read_file(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

// For tests that also have a long form.
inline std::uint64_t number_from_environment(const char* name, std::uint64_t otherwise) {
  const char* text = std::getenv(name);
  return text == nullptr ? otherwise : std::strtoull(text, nullptr, 10);
}

struct Ran {
  int code = 0;     // exit code; 1000 and more for the signal that ended it
  std::string out;  // on stdout
  std::string err;  // on stderr
};

// A command that runs. Killed with the object.
class Command {
 public:
  Command(std::vector<std::string> words, const std::vector<std::string>& variables,
          const std::string& log_stem, const std::string& working_dir)
      : out_(log_stem + ".out"), err_(log_stem + ".err") {
    std::vector<char*> argv;
    for (std::string& word : words) argv.push_back(word.data());
    argv.push_back(nullptr);
    pid_ = ::fork();
    if (pid_ != 0) return;
    for (const std::string& variable : variables) {
      const std::size_t equals = variable.find('=');
      ::setenv(variable.substr(0, equals).c_str(), variable.substr(equals + 1).c_str(), 1);
    }
    const int out = ::open(out_.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600);
    const int err = ::open(err_.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600);
    if (out < 0 || err < 0 || ::dup2(out, STDOUT_FILENO) < 0 || ::dup2(err, STDERR_FILENO) < 0 ||
        ::chdir(working_dir.c_str()) != 0) {
      ::_exit(126);
    }
    ::execv(argv[0], argv.data());
    ::_exit(127);
  }
  ~Command() {
    if (!is_over_) {
      send(SIGKILL);
      wait();
    }
  }
  Command(const Command&) = delete;
  Command& operator=(const Command&) = delete;

  pid_t pid() const { return pid_; }
  void send(int signal) const { ::kill(pid_, signal); }
  Ran wait() {
    int status = 0;
    EXPECT_EQ(::waitpid(pid_, &status, 0), pid_);
    is_over_ = true;
    return {WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + WTERMSIG(status), out(), err()};
  }
  std::string out() const { return read_file(out_); }
  std::string err() const { return read_file(err_); }

 private:
  const std::string out_;
  const std::string err_;
  pid_t pid_ = 0;
  bool is_over_ = false;
};

class WeirCommand : public ::testing::Test {
 protected:
  WeirCommand() {
    // Daemons whose parents have ended become children of this process, which reaps them.
    ::prctl(PR_SET_CHILD_SUBREAPER, 1);
    for (const char* variable : {"WEIR_COORDINATOR", "WEIR_DIR", "WEIR_CONFIG"}) {
      ::unsetenv(variable);
    }
  }
  ~WeirCommand() override {
    weir({"down"});
    for (const std::int32_t pid : processes_of_test()) {
      ADD_FAILURE() << "left behind: " << coordinator::command_line_of(pid);
      ::kill(pid, SIGKILL);
    }
    if (HasFailure()) print_logs();
    while (::waitpid(-1, nullptr, WNOHANG) > 0) {
    }
  }

  static std::string bin(const std::string& name) { return std::string(WEIR_BIN_DIR) + "/" + name; }

  std::unique_ptr<Command> start(std::vector<std::string> words) {
    words.insert(words.begin(), bin("weir"));
    return std::make_unique<Command>(words, variables_, dir_ / std::to_string(++commands_),
                                     dir_.path());
  }
  // A topology program by itself, to its end.
  void run_alone(std::vector<std::string> words) {
    words.push_back("--quiet");
    Command alone(words, {}, dir_ / "alone_log", dir_.path());
    EXPECT_EQ(alone.wait().code, 0) << alone.err();
  }
  Ran weir(const std::vector<std::string>& words) { return start(words)->wait(); }
  nlohmann::json weir_json(std::vector<std::string> words) {
    words.insert(words.begin() + 1, "--json");  // before any "--"
    const Ran ran = weir(words);
    return nlohmann::json::parse(ran.out, nullptr, false);
  }

  // A cluster on a free port.
  void up(const std::vector<std::string>& more = {}) {
    std::vector<std::string> words = {"up", "--port", "0"};
    words.insert(words.end(), more.begin(), more.end());
    const Ran ran = weir(words);
    ASSERT_EQ(ran.code, 0) << ran.out << ran.err;
  }

  // Looks until the condition holds; fails after a minute.
  void wait_until(const std::string& what, const std::function<bool()>& condition) {
    runtime::Clock& clock = runtime::system_clock();
    const auto end = clock.now() + std::chrono::seconds(60);
    while (!condition()) {
      ASSERT_LT(clock.now(), end) << "in vain: " << what;
      ::poll(nullptr, 0, 10);
    }
  }

  nlohmann::json job(const std::string& name) { return weir_json({"info", name}); }
  void wait_for_state(const std::string& name, const std::string& state) {
    wait_until(name + " is " + state, [&] {
      const nlohmann::json info = job(name);
      return info.is_object() && info.value("state", "") == state;
    });
  }

  // Processes that have to do with this test's folder, zombies left out.
  std::vector<std::int32_t> processes_of_test() const {
    std::vector<std::int32_t> out;
    for (const auto& entry : std::filesystem::directory_iterator("/proc")) {
      const std::int32_t pid = std::atoi(entry.path().filename().c_str());
      if (pid == 0 || pid == ::getpid() || !coordinator::process_id(pid).ok()) continue;
      std::error_code ignored;
      const std::string program = std::filesystem::read_symlink(entry.path() / "exe", ignored);
      const bool is_ours =
          coordinator::command_line_of(pid).find(dir_.path()) != std::string::npos ||
          program.find(dir_.path()) != std::string::npos;
      if (is_ours) out.push_back(pid);
    }
    return out;
  }

  std::string cluster_dir() const { return dir_ / "cluster"; }

  TempDir dir_;
  std::vector<std::string> variables_ = {"HOME=" + dir_.path(), "WEIR_DIR=" + (dir_ / "cluster")};

 private:
  void print_logs() const {
    std::error_code missing;
    for (const auto& entry :
         std::filesystem::recursive_directory_iterator(dir_ / "cluster", missing)) {
      if (entry.path().extension() != ".log") continue;
      const std::string text = read_file(entry.path());
      std::cerr << "---- " << entry.path().string() << "\n"
                << text.substr(text.size() - std::min<std::size_t>(text.size(), 4000));
    }
  }

  int commands_ = 0;
};

}  // namespace weir::tests
