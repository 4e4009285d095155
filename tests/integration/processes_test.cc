// Programs as people run them: what they say, how they exit, and how they bear signals.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/inotify.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include "support/temp_dir.h"

namespace weir {
namespace {

using tests::TempDir;

const std::string kBin = WEIR_BIN_DIR;
const std::string kFlights = kBin + "/flights";
const std::string kSample =
    std::string(WEIR_SOURCE_DIR) + "/examples/flights/data/flights-sample.csv";

std::string read_file(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

// A running program; its output goes to a file.
class Process {
 public:
  Process(const std::vector<std::string>& command, std::string log) : log_(std::move(log)) {
    std::vector<char*> argv;
    for (const std::string& word : command) argv.push_back(const_cast<char*>(word.c_str()));
    argv.push_back(nullptr);
    pid_ = ::fork();
    if (pid_ != 0) return;
    const int out = ::open(log_.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600);
    if (out < 0 || ::dup2(out, STDOUT_FILENO) < 0 || ::dup2(out, STDERR_FILENO) < 0) ::_exit(126);
    ::execv(argv[0], argv.data());
    ::_exit(127);
  }
  ~Process() {
    if (!is_over_) {
      send(SIGKILL);
      wait();
    }
  }
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;

  pid_t pid() const { return pid_; }
  void send(int signal) const { ::kill(pid_, signal); }
  // The exit code; 1000 and more for the signal that ended it.
  int wait() {
    int status = 0;
    EXPECT_EQ(::waitpid(pid_, &status, 0), pid_);
    is_over_ = true;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + WTERMSIG(status);
  }
  std::string said() const { return read_file(log_); }

 private:
  const std::string log_;
  pid_t pid_ = 0;
  bool is_over_ = false;
};

// Waits until files have been moved into a folder: that is how results are committed.
class Arrivals {
 public:
  explicit Arrivals(const std::string& folder) : fd_(::inotify_init1(IN_CLOEXEC)) {
    std::filesystem::create_directories(folder);
    EXPECT_GE(::inotify_add_watch(fd_, folder.c_str(), IN_MOVED_TO), 0);
  }
  ~Arrivals() { ::close(fd_); }
  Arrivals(const Arrivals&) = delete;
  Arrivals& operator=(const Arrivals&) = delete;
  void wait_for(int files) {
    while (files > 0) {
      alignas(inotify_event) char buffer[4096];
      const ssize_t n = ::read(fd_, buffer, sizeof(buffer));
      ASSERT_GT(n, 0);
      for (ssize_t at = 0; at < n; --files) {
        at += static_cast<ssize_t>(sizeof(inotify_event) +
                                   reinterpret_cast<const inotify_event*>(buffer + at)->len);
      }
    }
  }

 private:
  const int fd_;
};

class Processes : public ::testing::Test {
 protected:
  struct Ran {
    int code = 0;
    std::string said;
  };
  Ran run(const std::vector<std::string>& command) {
    Process process(command, dir_ / "log");
    const int code = process.wait();
    return {code, process.said()};
  }
  // flights into a folder, with these arguments behind the usual ones.
  static std::vector<std::string> flights(const std::string& output,
                                          const std::vector<std::string>& more = {}) {
    std::vector<std::string> command = {kFlights,     "--input", kSample,
                                        "--output",   output,    "--show-windows=false",
                                        "--executor", "threads", "--checkpoint-interval=20ms"};
    command.insert(command.end(), more.begin(), more.end());
    return command;
  }
  // Takes some seconds, so that there is time to stop it.
  static std::vector<std::string> slow_flights(const std::string& output) {
    return flights(output, {"--max-rate=2000"});
  }
  static std::vector<std::string> rows_of(const std::string& output) {
    std::vector<std::string> rows;
    for (const auto& entry : std::filesystem::directory_iterator(output)) {
      if (!entry.is_regular_file()) continue;
      std::istringstream lines(read_file(entry.path()));
      for (std::string line; std::getline(lines, line);) rows.push_back(line);
    }
    std::sort(rows.begin(), rows.end());
    return rows;
  }

  const TempDir dir_;
};

struct Refusal {
  std::vector<std::string> arguments;
  int code;
  std::vector<std::string> parts;  // of what is said
};

TEST_F(Processes, RefuseBadInputWithAMessageThatSaysWhatToDo) {
  std::ofstream(dir_ / "file") << "x";
  std::ofstream(dir_ / "empty.csv") << "";
  std::ofstream(dir_ / "bad.csv") << "departed,delay_min,origin\n979862460,1,LAX\n979862460,1\n";
  std::ofstream(dir_ / "far.csv") << "departed,delay_min,origin\n4611686018428,1,LAX\n";
  std::filesystem::create_directories(dir_ / "foreign");
  std::ofstream(dir_ / "foreign/mine") << "x";
  const std::vector<Refusal> refusals = {
      {{"--input", dir_ / "none.csv"}, 2, {"there is no such file", "check the path"}},
      {{"--input", "/proc/self/mem"}, 1, {"cannot read \"/proc/self/mem\"", "check the disk"}},
      {{"--input", dir_ / "empty.csv"}, 1, {"is empty", "allow it with .allow_empty"}},
      {{"--input", dir_ / "bad.csv"},
       1,
       {"bad.csv:3: 2 columns instead of 3", "correct the record"}},
      {{"--input", dir_ / "far.csv"}, 1, {"far.csv:2: ", "departed", "correct the record"}},
      {{"--window=0s"}, 2, {"flights.cc:", "a window of 0", "give a size above 0"}},
      {{"--window=-1h"}, 2, {"a window of -1h", "give a size above 0"}},
      {{"--slide=2h"}, 2, {"larger than the window", "give a slide up to the size"}},
      {{"--parallelism=0"}, 2, {"--parallelism: '0'", "give a whole number from 1 to 32768"}},
      {{"--parallelism=129"}, 2, {"129 must lie between 1 and 128"}},
      {{"--parallelism=1000000000"}, 2, {"give a whole number from 1 to 32768"}},
      {{"--paralelism=2"}, 2, {"did you mean --parallelism?", "flights --help"}},
      {{"--max-delay=soon"}, 2, {"--max-delay", "'soon'"}},
      {{"--output", dir_ / "file"}, 1, {"a file stands where a folder is needed"}},
      {{"--output", dir_ / "file", "--state-dir", dir_ / "s"},
       1,
       {"operator 'report'", "a file stands where a folder is needed"}},
      {{"--output", "/proc/weir", "--state-dir", dir_ / "s2"}, 1, {"/proc/weir", "check the path"}},
      {{"--state-dir", dir_ / "file"}, 1, {"a file stands where a folder is needed"}},
      {{"--state-dir", "/proc/weir"}, 1, {"cannot make folder /proc/weir", "check the path"}},
      {{"--state-dir", dir_ / "foreign"}, 1, {"not a state folder", "a new or empty folder"}},
      {{"--json-metrics", dir_ / "file/m.json"}, 2, {"--json-metrics: cannot write"}},
  };
  for (std::size_t i = 0; i < refusals.size(); ++i) {
    const Refusal& refusal = refusals[i];
    const Ran ran = run(flights(dir_ / ("out" + std::to_string(i)), refusal.arguments));
    EXPECT_EQ(ran.code, refusal.code) << refusal.arguments.back() << ": " << ran.said;
    for (const std::string& part : refusal.parts) {
      EXPECT_NE(ran.said.find(part), std::string::npos) << part << " in: " << ran.said;
    }
  }
  EXPECT_EQ(read_file(dir_ / "foreign/mine"), "x");
  EXPECT_EQ(read_file(dir_ / "file"), "x");
}

TEST_F(Processes, RefuseFoldersOfOtherTopologiesAndRuns) {
  const std::string out = dir_ / "out";
  ASSERT_EQ(run(flights(out)).code, 0);
  const Ran other = run(flights(out, {"--window=2h"}));
  EXPECT_EQ(other.code, 1);
  EXPECT_NE(other.said.find("was made by another topology"), std::string::npos) << other.said;
  EXPECT_NE(other.said.find("a state folder of its own"), std::string::npos) << other.said;
  const Ran anew = run(flights(out, {"--state-dir", dir_ / "state"}));
  EXPECT_EQ(anew.code, 1);
  EXPECT_NE(anew.said.find("holds results of an earlier run"), std::string::npos) << anew.said;
  EXPECT_NE(anew.said.find("give that run's --state-dir"), std::string::npos) << anew.said;
  const Ran again = run(flights(out));
  EXPECT_EQ(again.code, 0);
  EXPECT_NE(again.said.find("is complete already"), std::string::npos) << again.said;
}

TEST_F(Processes, RefuseAFolderInUseAndGoOnAfterSignals) {
  const std::string calm = dir_ / "calm";
  const std::string out = dir_ / "out";
  ASSERT_EQ(run(flights(calm)).code, 0);
  Arrivals arrivals(out);
  for (const int signal : {SIGTERM, SIGINT, SIGTERM}) {
    Process first(slow_flights(out), dir_ / "first");
    arrivals.wait_for(2);
    const Ran second = run(flights(out));
    EXPECT_EQ(second.code, 1);
    EXPECT_NE(second.said.find("pid " + std::to_string(first.pid())), std::string::npos)
        << second.said;
    EXPECT_NE(second.said.find("stop that process, or give this one a folder of its own"),
              std::string::npos)
        << second.said;
    const Ran third = run(flights(out, {"--state-dir", dir_ / "state", "--fresh"}));
    EXPECT_EQ(third.code, 1);
    EXPECT_NE(third.said.find("is in use"), std::string::npos) << third.said;
    first.send(signal);
    EXPECT_EQ(first.wait(), 0) << first.said();
    EXPECT_NE(first.said().find("stopping after a last checkpoint"), std::string::npos);
    EXPECT_NE(first.said().find("The same command goes on from here."), std::string::npos);
  }
  EXPECT_LT(rows_of(out).size(), rows_of(calm).size());
  const Ran last = run(flights(out));
  EXPECT_EQ(last.code, 0) << last.said;
  EXPECT_NE(last.said.find("going on from checkpoint"), std::string::npos) << last.said;
  EXPECT_EQ(rows_of(out), rows_of(calm));
}

TEST_F(Processes, EndAtOnceAtTheSecondSignal) {
  // It ends with its threads at work, which ThreadSanitizer takes for a leak.
  const char* before = std::getenv("TSAN_OPTIONS");
  const std::string options = before == nullptr ? "" : before;
  ::setenv("TSAN_OPTIONS", (options + ":report_thread_leaks=0").c_str(), 1);
  Arrivals arrivals(dir_ / "out");
  Process process(slow_flights(dir_ / "out"), dir_ / "log");
  arrivals.wait_for(1);
  // Both are pending when it goes on, so the second is seen before anything could end cleanly.
  process.send(SIGSTOP);
  process.send(SIGINT);
  process.send(SIGTERM);
  process.send(SIGCONT);
  ::setenv("TSAN_OPTIONS", options.c_str(), 1);
  const int code = process.wait();
  EXPECT_TRUE(code == 128 + SIGINT || code == 128 + SIGTERM) << code << ": " << process.said();
}

}  // namespace
}  // namespace weir
