// Jobs on a local cluster: what people ask of them, and what happens when processes die.
#include "cluster/rescale_job.h"
#include "support/committed_rows.h"

namespace weir::tests {
namespace {

class ClusterJobs : public WeirCommand {
 protected:
  // `weir VERB flights ...`, into dir_/out.
  std::vector<std::string> flights(const std::string& verb, const std::vector<std::string>& before,
                                   const std::vector<std::string>& after) {
    std::vector<std::string> words = {verb, bin("flights")};
    words.insert(words.end(), before.begin(), before.end());
    words.insert(words.end(), {"--", "--input", kSample, "--output", dir_ / "out",
                               "--checkpoint-interval=50ms"});
    words.insert(words.end(), after.begin(), after.end());
    return words;
  }
  // Goes on for longer than any test.
  std::string submit_slow(const std::vector<std::string>& before = {"-p", "2"}) {
    const nlohmann::json submitted = weir_json(flights("submit", before, {"--max-rate=100"}));
    return submitted.is_object() ? submitted.value("job", "") : "";
  }
  std::vector<std::string> rows(const std::string& folder) const {
    std::vector<std::string> out;
    std::error_code missing;
    for (const auto& entry : std::filesystem::directory_iterator(folder, missing)) {
      if (!entry.is_regular_file()) continue;
      std::istringstream lines(read_file(entry.path()));
      for (std::string line; std::getline(lines, line);) out.push_back(line);
    }
    std::sort(out.begin(), out.end());
    return out;
  }
  // The same program by itself.
  std::vector<std::string> embedded_rows() {
    run_alone({bin("flights"), "--input", kSample, "--output", dir_ / "alone",
               "--show-windows=false", "--executor", "threads"});
    return rows(dir_ / "alone");
  }
};

// Jobs to which something happens half way.
class HeldJobs : public RescaleJob {
 protected:
  void wait_for_checkpoint_of_half() {
    wait_for_half("job");
    const std::int64_t before = last_checkpoint("job");
    wait_until("a checkpoint", [&] { return last_checkpoint("job") > before; });
  }
  void finish() {
    let_go();
    wait_for_state("job", "finished");
    EXPECT_EQ(difference(committed_by("job"), expected({})), "");
  }
};

TEST_F(ClusterJobs, RunShowsTheJobAndItsResultIsThatOfTheProgramAlone) {
  up({"--workers", "2", "--slots", "1"});
  const Ran ran = weir(flights("run", {"--name", "day", "-p", "2"}, {}));
  EXPECT_EQ(ran.code, 0) << ran.err;
  EXPECT_NE(ran.out.find("submitted day-1\n"), std::string::npos) << ran.out;
  EXPECT_NE(ran.out.find("day-1 finished after "), std::string::npos) << ran.out;
  EXPECT_NE(ran.out.find("records read"), std::string::npos) << ran.out;
  EXPECT_NE(ran.out.find("14,197"), std::string::npos) << ran.out;
  EXPECT_EQ(rows(dir_ / "out"), embedded_rows());
  EXPECT_EQ(weir({"list"}).out.find("day-1"), std::string::npos);
  const Ran all = weir({"list", "--all"});
  EXPECT_NE(all.out.find("day-1  finished"), std::string::npos) << all.out;
  const Ran events = weir({"events", "day"});
  EXPECT_NE(events.out.find("submitted"), std::string::npos) << events.out;
  EXPECT_NE(events.out.find("finished"), std::string::npos) << events.out;
}

TEST_F(ClusterJobs, InfoNamesWorkersWithHostPidAndSlots) {
  up({"--workers", "2", "--slots", "2"});
  const std::string id = submit_slow({"--name", "slow", "-p", "3"});
  EXPECT_EQ(id, "slow-1");
  wait_for_state("slow", "running");
  const nlohmann::json info = job("slow-1");
  EXPECT_EQ(info.at("name"), "slow");
  EXPECT_EQ(info.at("program"), "flights");
  EXPECT_EQ(info.at("parallelism"), 3);
  EXPECT_EQ(info.at("slots").at("needed"), 3);
  ASSERT_EQ(info.at("workers").size(), 2U);
  int slots = 0;
  for (const auto& each : info.at("workers")) {
    const auto pid = each.at("pid").get<std::int32_t>();
    EXPECT_NE(coordinator::command_line_of(pid).find("--max-rate=100"), std::string::npos);
    EXPECT_FALSE(each.at("host").get<std::string>().empty());
    slots += each.at("slots").get<int>();
  }
  EXPECT_EQ(slots, 3);
  const Ran text = weir({"info", "slow"});
  EXPECT_NE(text.out.find("slow-1\n  state"), std::string::npos) << text.out;
  wait_until("figures have come", [&] { return !job("slow").at("operators").empty(); });
  const Ran top = weir({"top", "slow", "-n", "2", "-i", "0.2"});
  EXPECT_EQ(top.code, 0) << top.err;
  EXPECT_NE(top.out.find("in/s"), std::string::npos) << top.out;
  EXPECT_EQ(weir({"logs", "slow"}).code, 0);
}

TEST_F(ClusterJobs, BadSubmissionsAreRefusedWithWhatToDo) {
  up({"--workers", "1", "--slots", "1"});
  Ran ran = weir({"submit", "/bin/true"});
  EXPECT_EQ(ran.code, 2);
  EXPECT_NE(ran.err.find("/true is no Weir program: asked for its plan"), std::string::npos)
      << ran.err;
  ran = weir({"submit", "./nothing"});
  EXPECT_EQ(ran.code, 4);
  EXPECT_NE(ran.err.find("there is no program ./nothing"), std::string::npos) << ran.err;
  ran = weir({"submit", bin("flights"), "--", "--inputt=x"});
  EXPECT_EQ(ran.code, 2);
  EXPECT_NE(ran.err.find("did you mean --input?"), std::string::npos) << ran.err;
  ran = weir(flights("submit", {"--name", "../x"}, {}));
  EXPECT_EQ(ran.code, 2);
  EXPECT_NE(ran.err.find("a job's name is"), std::string::npos) << ran.err;
  submit_slow({"--name", "slow"});
  ran = weir(flights("submit", {"--name", "slow"}, {}));
  EXPECT_EQ(ran.code, 1);
  EXPECT_NE(ran.err.find("a job named slow is "), std::string::npos) << ran.err;
  ran = weir({"info", "slwo"});
  EXPECT_EQ(ran.code, 4);
  EXPECT_NE(ran.err.find("did you mean slow"), std::string::npos) << ran.err;
}

TEST_F(ClusterJobs, TooFewSlotsAreWaitedForOrRefused) {
  up({"--workers", "1", "--slots", "1"});
  Ran ran = weir(flights("submit", {"-p", "3", "--no-slot-wait"}, {}));
  EXPECT_EQ(ran.code, 1);
  EXPECT_NE(ran.err.find("2 are missing"), std::string::npos) << ran.err;
  submit_slow({"-p", "3"});
  EXPECT_EQ(job("flights").at("state"), "waiting");
  EXPECT_EQ(job("flights").at("slots").at("missing"), 2);
  EXPECT_NE(weir({"list"}).out.find("waits for 2 slots"), std::string::npos);
  // A host that joins is enough.
  const std::string address =
      nlohmann::json::parse(read_file(cluster_dir() + "/cluster.json")).at("address");
  const auto more = start({"supervisor", "--name", "more", "--slots", "2", "-m", address});
  wait_for_state("flights", "running");
  EXPECT_EQ(weir({"cancel", "flights"}).code, 0);
}

TEST_F(ClusterJobs, StopPauseResumeAndCancel) {
  up({"--workers", "1", "--slots", "2"});
  submit_slow();
  wait_for_state("flights", "running");
  Ran ran = weir({"deactivate", "flights"});
  EXPECT_EQ(ran.code, 0) << ran.err;
  EXPECT_EQ(ran.out, "flights-1 paused\n");
  ran = weir({"activate", "flights"});
  EXPECT_EQ(ran.out, "flights-1 running\n") << ran.err;
  ran = weir({"stop", "flights"});
  EXPECT_EQ(ran.out, "flights-1 stopped\n") << ran.err;
  EXPECT_EQ(weir({"stop", "flights"}).code, 1);
  submit_slow();
  ran = weir({"kill", "flights"});
  EXPECT_EQ(ran.out, "flights-2 cancelled\n") << ran.err;
  wait_until("all workers are gone", [&] { return processes_of_test().size() == 2; });
}

TEST_F(HeldJobs, RescaleGoesOnFromTheLatestCheckpoint) {
  up({"--workers", "2", "--slots", "2"});
  submit_held("job", {"-p", "2"});
  wait_for_checkpoint_of_half();
  const Ran ran = weir({"rescale", "job", "-p", "4"});
  EXPECT_EQ(ran.code, 0) << ran.err;
  // The answer comes before the move; a job that is let go at once may finish first.
  wait_until("the job has moved", [&] { return job("job").at("parallelism") == 4; });
  finish();
  EXPECT_EQ(job("job").at("parallelism"), 4);
}

TEST_F(HeldJobs, AWorkerThatIsKilledIsReplacedAndNothingIsLost) {
  up({"--workers", "2", "--slots", "1"});
  submit_held("job", {"-p", "2"});
  wait_for_checkpoint_of_half();
  ::kill(job("job").at("workers").at(0).at("pid").get<int>(), SIGKILL);
  finish();
  const nlohmann::json info = job("job");
  EXPECT_EQ(info.at("restarts"), 1);
  // Who tells first, its supervisor or its neighbour, depends.
  const std::string why = info.at("last_failure");
  EXPECT_TRUE(why.find("killed by signal 9") != std::string::npos ||
              why.find("is broken") != std::string::npos)
      << why;
}

TEST_F(HeldJobs, ASignalThatKillsTheOnlyWorkerIsNamed) {
  up({"--workers", "1", "--slots", "2"});
  submit_held("job", {"-p", "2"});
  wait_for_checkpoint_of_half();
  ::kill(job("job").at("workers").at(0).at("pid").get<int>(), SIGKILL);
  finish();
  const nlohmann::json info = job("job");
  EXPECT_EQ(info.at("restarts"), 1);
  EXPECT_NE(info.at("last_failure").get<std::string>().find("killed by signal 9"),
            std::string::npos)
      << info.at("last_failure");
}

TEST_F(HeldJobs, GoOnWhileCoordinatorAndSupervisorAreKilledAndStartedAgain) {
  up({"--workers", "1", "--slots", "2"});
  submit_held("job", {"-p", "2"});
  wait_for_checkpoint_of_half();
  const std::int32_t pid = job("job").at("workers").at(0).at("pid").get<std::int32_t>();
  const nlohmann::json cluster = weir_json({"list"}).at("cluster");
  const std::string address =
      nlohmann::json::parse(read_file(cluster_dir() + "/cluster.json")).at("address");
  ::kill(cluster.at("supervisors")[0].at("pid").get<int>(), SIGKILL);
  ::kill(cluster.at("pid").get<int>(), SIGKILL);
  wait_until("both are gone", [&] { return processes_of_test() == std::vector{pid}; });
  const auto coordinator = start({"coordinator", "--port", address.substr(address.rfind(':') + 1)});
  const auto supervisor = start({"supervisor", "--name", "s1", "--slots", "2", "-m", address});
  wait_for_state("job", "running");
  finish();
  const nlohmann::json info = job("job");
  EXPECT_EQ(info.at("restarts"), 0);
  EXPECT_EQ(info.at("attempt"), 1);
  EXPECT_NE(supervisor->err().find("process " + std::to_string(pid) + ", is adopted"),
            std::string::npos)
      << supervisor->err();
}

TEST_F(HeldJobs, GoOnWithTheNextUp) {
  up({"--workers", "1", "--slots", "1"});
  submit_held("job", {});
  wait_for_checkpoint_of_half();
  EXPECT_EQ(weir({"down"}).code, 0);
  EXPECT_TRUE(processes_of_test().empty());
  up({"--workers", "1", "--slots", "1"});
  finish();
  EXPECT_EQ(job("job").at("id"), "job-1");
}

TEST_F(ClusterJobs, AJobThatFailsShowsItsLastWords) {
  up({"--workers", "1", "--slots", "1", "-D", "restart.strategy=fixed", "-D", "restart.attempts=1",
      "-D", "restart.delay=10ms"});
  // The plan does not look at the folder; the worker does.
  const Ran ran =
      weir({"run", bin("flights"), "--", "--input", kSample, "--output", "/dev/null/x"});
  EXPECT_EQ(ran.code, 1);
  EXPECT_NE(ran.out.find("flights-1 failed after"), std::string::npos) << ran.out;
  EXPECT_NE(ran.out.find("/dev/null/x"), std::string::npos) << ran.out;
  EXPECT_NE(ran.err.find("weir logs flights-1"), std::string::npos) << ran.err;
}

}  // namespace
}  // namespace weir::tests
