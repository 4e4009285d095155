#include "weir/coordinator/main.h"

#include <gtest/gtest.h>
#include <signal.h>

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "support/temp_dir.h"
#include "tiny_operators.h"

namespace weir::coordinator {
namespace {

using testing::TinyJob;

class MainTest : public ::testing::Test {
 protected:
  struct Ran {
    int code = 0;
    std::string out;
    std::string err;
  };
  Ran run(std::vector<std::string> arguments, const std::function<void(Topology&)>& build) {
    arguments.insert(arguments.begin(), "/some/where/tiny");
    std::vector<char*> argv;
    for (std::string& a : arguments) argv.push_back(a.data());
    ::testing::internal::CaptureStdout();
    ::testing::internal::CaptureStderr();
    Ran ran;
    ran.code = weir::main(static_cast<int>(argv.size()), argv.data(), build);
    ran.out = ::testing::internal::GetCapturedStdout();
    ran.err = ::testing::internal::GetCapturedStderr();
    return ran;
  }
  Ran run(std::vector<std::string> arguments) {
    return run(std::move(arguments), [this](Topology& t) {
      t.default_option("executor", "threads");  // TBB is not instrumented for ThreadSanitizer
      job_.numbers.count = t.param<std::int64_t>("count", "how many numbers", 1000);
      job_.build(t);
    });
  }

  const weir::tests::TempDir folder_;
  const std::string dir_ = folder_.path();
  TinyJob job_;
};

TEST_F(MainTest, RunsATopologyAndSumsUp) {
  const Ran ran = run({"--count", "2500", "--parallelism=2"});
  EXPECT_EQ(ran.code, 0) << ran.err;
  EXPECT_EQ(ran.out, "");
  EXPECT_EQ(job_.outside->committed(), job_.expected());
  EXPECT_NE(ran.err.find("tiny finished after"), std::string::npos) << ran.err;
  EXPECT_NE(ran.err.find("2,500"), std::string::npos) << ran.err;
  EXPECT_NE(ran.err.find("into out"), std::string::npos) << ran.err;
}

TEST_F(MainTest, PrintsOnStdoutAndRunsNothing) {
  const Ran ran = run({"--print=deployment", "--parallelism", "2"});
  EXPECT_EQ(ran.code, 0);
  EXPECT_NE(ran.out.find("task 3: sums 1/2"), std::string::npos);
  EXPECT_EQ(ran.err, "");
  EXPECT_TRUE(job_.outside->committed().empty());
  for (const char* what : {"topology", "plan", "topology-dot", "plan-dot"}) {
    EXPECT_NE(run({"--print", what}).out, "") << what;
  }
}

TEST_F(MainTest, HelpsAndTellsItsVersion) {
  EXPECT_NE(run({"--help"}).out.find("--count NUMBER"), std::string::npos);
  EXPECT_EQ(run({"--version"}).out.substr(0, 22), "tiny, built with weir ");
}

TEST_F(MainTest, RefusesFaultsOfCommandLineAndTopology) {
  const Ran unknown = run({"--cuont=3"});
  EXPECT_EQ(unknown.code, 2);
  EXPECT_NE(unknown.err.find("did you mean --count?"), std::string::npos) << unknown.err;
  const Ran bad = run({"--count=many"});
  EXPECT_EQ(bad.code, 2);
  EXPECT_NE(bad.err.find("'many' is no number"), std::string::npos) << bad.err;
  const Ran empty = run({}, [](Topology&) {});
  EXPECT_EQ(empty.code, 2);
  EXPECT_NE(empty.err.find("the topology is empty"), std::string::npos) << empty.err;
  const Ran wide = run({"--parallelism=129"});
  EXPECT_EQ(wide.code, 2);
  EXPECT_NE(wide.err.find("between 1 and 128"), std::string::npos) << wide.err;
}

TEST_F(MainTest, SaysWhatABuildFunctionThrew) {
  const Ran ran = run({}, [](Topology&) { throw std::runtime_error("no such table"); });
  EXPECT_EQ(ran.code, 1);
  EXPECT_NE(ran.err.find("tiny: no such table"), std::string::npos) << ran.err;
}

TEST_F(MainTest, GoesOnAfterAFailureAndKnowsWhenAllIsDone) {
  for (const char* backend : {"memory", "rocksdb"}) {
    SCOPED_TRACE(backend);
    job_ = TinyJob{};
    const std::vector<std::string> command = {
        "--state-dir",    dir_ + "/" + backend, "--state-backend",          backend,
        "--count=200000", "--parallelism=2",    "--checkpoint-interval=1ms"};
    job_.numbers.fail_at = 60'000;
    const Ran first = run(command);
    EXPECT_EQ(first.code, 1);
    EXPECT_NE(first.err.find("the test wants it"), std::string::npos) << first.err;
    job_.numbers.fail_at = -1;
    const Ran second = run(command);
    EXPECT_EQ(second.code, 0) << second.err;
    EXPECT_EQ(job_.outside->committed(), job_.expected());
    const Ran third = run(command);
    EXPECT_EQ(third.code, 0);
    EXPECT_NE(third.err.find("and add --fresh"), std::string::npos) << third.err;
    EXPECT_EQ(job_.outside->committed(), job_.expected());
    job_.outside = std::make_shared<testing::Outside>();
    std::vector<std::string> fresh = command;
    fresh.push_back("--fresh");
    const Ran fourth = run(fresh);
    EXPECT_EQ(fourth.code, 0) << fourth.err;
    EXPECT_NE(fourth.err.find("forgetting the state"), std::string::npos) << fourth.err;
    EXPECT_EQ(job_.outside->committed(), job_.expected());
  }
}

TEST_F(MainTest, RefusesTheStateOfTheOtherBackend) {
  std::vector<std::string> command = {"--state-dir", dir_ + "/s", "--state-backend", "memory"};
  EXPECT_EQ(run(command).code, 0);
  command.back() = "rocksdb";
  const Ran other = run(command);
  EXPECT_EQ(other.code, 1);
  EXPECT_NE(other.err.find("memory"), std::string::npos) << other.err;
}

TEST_F(MainTest, StopsCleanlyOnASignal) {
  job_.keep_state = false;
  job_.numbers.endless = true;
  job_.numbers.at_end = [] { raise(SIGTERM); };
  const Ran ran = run({"--state-dir", dir_ + "/s"});
  EXPECT_EQ(ran.code, 0) << ran.err;
  EXPECT_EQ(job_.outside->committed(), job_.expected());
  EXPECT_NE(ran.err.find("stopping after a last checkpoint"), std::string::npos) << ran.err;
  EXPECT_NE(ran.err.find("The same command goes on from here."), std::string::npos) << ran.err;
}

TEST_F(MainTest, WritesMetricsAsJson) {
  const std::string path = dir_ + "/metrics.json";
  ASSERT_EQ(run({"--json-metrics", path, "--quiet"}).code, 0);
  std::ifstream file(path);
  const nlohmann::json json = nlohmann::json::parse(file);
  EXPECT_EQ(json["job"], "tiny");
  EXPECT_EQ(json["state"], "finished");
  EXPECT_TRUE(json["error"].is_null());
  EXPECT_EQ(json["records_read"], 1000);
  EXPECT_EQ(json["checkpoints"]["completed"], 1);
  EXPECT_EQ(json["operators"][0]["name"], "numbers");
  EXPECT_FALSE(std::filesystem::exists(path + ".tmp"));
}

TEST_F(MainTest, IsQuietWhenAskedTo) {
  EXPECT_EQ(run({"--quiet"}).err, "");
  job_.numbers.fail_at = 5;
  EXPECT_NE(run({"--quiet"}).err.find("the test wants it"), std::string::npos);
}

}  // namespace
}  // namespace weir::coordinator
