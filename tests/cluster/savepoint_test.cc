// Savepoints as people use them: taken, checked, started from; and what is said when one is no
// good.
#include "cluster/rescale_job.h"

namespace weir::tests {
namespace {

class Savepoints : public RescaleJob {
 protected:
  std::string savepoint() { return dir_ / "savepoint"; }
  Ran check(const std::vector<std::string>& before,
            const std::vector<std::string>& arguments = {}) {
    std::vector<std::string> all = {"check", savepoint(), bin("rescale_job")};
    all.insert(all.end(), before.begin(), before.end());
    all.push_back("--");
    all.insert(all.end(), arguments.begin(), arguments.end());
    all.insert(all.end(), {"--output", dir_ / "out"});
    return weir(all);
  }
  Ran from_savepoint(const std::vector<std::string>& before = {},
                     const std::vector<std::string>& arguments = {}) {
    std::vector<std::string> more = {"--from", savepoint()};
    more.insert(more.end(), before.begin(), before.end());
    return weir(words("run", "job", more, arguments));
  }
  // A job that is stopped in the middle, and its savepoint.
  void stop_in_the_middle() {
    up({"--workers", "2", "--slots", "3"});
    submit_held("job", {"-p", "2"});
    wait_for_half("job");
    const Ran ran = weir({"stop", "job", "--savepoint", savepoint()});
    ASSERT_EQ(ran.code, 0) << ran.out << ran.err;
    EXPECT_EQ(ran.out, "job-1 stopped\nsavepoint: " + savepoint() + "\n");
  }
  std::string one_file() const {
    for (const auto& entry : std::filesystem::directory_iterator(dir_ / "savepoint/files")) {
      return entry.path();
    }
    return "";
  }
  // Writes other bytes under the name, and leaves the job's own file alone.
  static void replace(const std::string& path, const std::string& bytes) {
    std::filesystem::remove(path);
    std::ofstream(path, std::ios::binary) << bytes;
  }
};

TEST_F(Savepoints, AJobGoesOnFromOneAtAnotherParallelism) {
  stop_in_the_middle();
  const std::vector<std::string> half = committed_by("job");
  const Ran checked = check({"-p", "3"});
  EXPECT_EQ(checked.code, 0) << checked.out << checked.err;
  EXPECT_NE(checked.out.find("visits/sums"), std::string::npos) << checked.out;
  EXPECT_EQ(committed_by("job"), half) << "something behind the savepoint was committed";
  const Ran ran = from_savepoint({"-p", "3"});
  EXPECT_EQ(ran.code, 0) << ran.out << ran.err;
  const std::vector<std::string> want = expected({});
  EXPECT_LT(half.size(), want.size());
  EXPECT_EQ(committed_by("job"), want);
  const nlohmann::json info = job("job-2");
  EXPECT_EQ(info.at("from_savepoint"), savepoint());
  EXPECT_EQ(job("job-1").at("savepoint"), savepoint());
}

TEST_F(Savepoints, AreTakenWhileTheJobGoesOn) {
  up({"--workers", "2", "--slots", "1", "-D", "restart.strategy=fixed", "-D", "restart.attempts=1",
      "-D", "restart.delay=10ms"});
  submit_held("job", {"-p", "2"});
  wait_for_half("job");
  const nlohmann::json taken = weir_json({"savepoint", "job", savepoint()});
  ASSERT_TRUE(taken.is_object());
  EXPECT_EQ(taken.at("savepoint"), savepoint());
  EXPECT_GT(taken.at("checkpoint").get<std::int64_t>(), 0);
  const Ran beside = weir({"savepoint", "job"});
  EXPECT_EQ(beside.code, 0) << beside.err;
  EXPECT_NE(beside.out.find(cluster_dir() + "/savepoints/job-1-"), std::string::npos) << beside.out;
  EXPECT_EQ(weir({"savepoint", "job", savepoint()}).code, 1);
  let_go();
  wait_for_state("job", "finished");
  EXPECT_EQ(check({}).code, 0);
  // The job went on and committed more: from here its output would come twice.
  const Ran ran = from_savepoint();
  EXPECT_EQ(ran.code, 1);
  EXPECT_NE(ran.out.find("has already committed checkpoint"), std::string::npos) << ran.out;
  EXPECT_EQ(committed_by("job"), expected({}));
}

TEST_F(Savepoints, AProgramMayHaveMoreStateThanTheSavepoint) {
  stop_in_the_middle();
  const Ran checked = check({}, {"--variant=wider"});
  EXPECT_EQ(checked.code, 0) << checked.err;
  EXPECT_NE(checked.out.find("tens/slices                  new"), std::string::npos) << checked.out;
  const Ran ran = from_savepoint({}, {"--variant=wider"});
  EXPECT_EQ(ran.code, 0) << ran.out << ran.err;
  EXPECT_EQ(committed_by("job"), expected({}));
}

TEST_F(Savepoints, StateIsLeftBehindOnlyWhenThatIsAllowed) {
  stop_in_the_middle();
  const Ran checked = check({}, {"--variant=fewer"});
  EXPECT_EQ(checked.code, 1);
  EXPECT_NE(checked.err.find("visits/sums dropped"), std::string::npos) << checked.err;
  Ran ran = from_savepoint({}, {"--variant=fewer"});
  EXPECT_EQ(ran.code, 1);
  EXPECT_NE(ran.err.find("--allow-dropped-state"), std::string::npos) << ran.err;
  EXPECT_EQ(weir({"info", "job-2"}).code, 4) << "no job came of it";
  ran = from_savepoint({"--allow-dropped-state"}, {"--variant=fewer"});
  EXPECT_EQ(ran.code, 0) << ran.out << ran.err;
  std::vector<std::string> want = expected({});
  std::vector<std::string> got = committed_by("job");
  const auto is_visit = [](const std::string& line) { return line.starts_with("visits"); };
  std::erase_if(want, is_visit);
  std::erase_if(got, is_visit);
  EXPECT_EQ(got, want);
}

TEST_F(Savepoints, StateOfAnotherTypeOrNameIsRefused) {
  stop_in_the_middle();
  Ran ran = check({"--allow-dropped-state"}, {"--variant=retyped"});
  EXPECT_EQ(ran.code, 1);
  EXPECT_NE(ran.err.find("visits/sums changed: was a map of"), std::string::npos) << ran.err;
  ran = from_savepoint({"--allow-dropped-state"}, {"--variant=retyped"});
  EXPECT_EQ(ran.code, 1);
  EXPECT_NE(ran.err.find("visits/sums changed"), std::string::npos) << ran.err;
  ran = from_savepoint({}, {"--variant=renamed"});
  EXPECT_EQ(ran.code, 1);
  EXPECT_NE(ran.err.find("visits/sums dropped"), std::string::npos) << ran.err;
  ran = from_savepoint({}, {"--partitions=8"});
  EXPECT_EQ(ran.code, 1);
  EXPECT_NE(ran.err.find("had 7 partitions, has 8"), std::string::npos) << ran.err;
  ran = check({}, {"--state-backend=rocksdb"});
  EXPECT_EQ(ran.code, 1);
  EXPECT_NE(ran.err.find("start it with --state-backend=memory"), std::string::npos) << ran.err;
}

TEST_F(Savepoints, MissingForeignTruncatedAndCorruptOnesAreRefused) {
  stop_in_the_middle();
  Ran ran = weir(words("submit", "x", {"--from", dir_ / "nowhere"}));
  EXPECT_EQ(ran.code, 4);
  EXPECT_NE(ran.err.find("the folder does not exist"), std::string::npos) << ran.err;
  EXPECT_EQ(weir({"check", dir_ / "nowhere", bin("rescale_job")}).code, 4);
  ran = weir({"check", cluster_dir() + "/jobs/job-1/state", bin("rescale_job")});
  EXPECT_NE(ran.err.find("weir savepoint JOB DIR"), std::string::npos) << ran.err;
  // Of another topology altogether.
  ran = weir({"check", savepoint(), bin("flights"), "--", "--input", kSample});
  EXPECT_EQ(ran.code, 1);
  EXPECT_NE(ran.err.find("windows/slices dropped"), std::string::npos) << ran.err;

  const std::string file = one_file();
  const std::string whole = read_file(file);
  std::string flipped = whole;
  flipped[flipped.size() / 2] = static_cast<char>(flipped[flipped.size() / 2] ^ 1);
  replace(file, flipped);
  ran = from_savepoint();
  EXPECT_EQ(ran.code, 1);
  EXPECT_NE(ran.err.find("is damaged: its hash is"), std::string::npos) << ran.err;
  EXPECT_EQ(check({}).code, 1);
  replace(file, whole.substr(0, 10));
  ran = from_savepoint();
  EXPECT_NE(ran.err.find("has 10 bytes instead of"), std::string::npos) << ran.err;
  replace(file, whole);
  const std::string manifest = savepoint() + "/manifest.json";
  replace(manifest, read_file(manifest).substr(0, 1'000));
  ran = from_savepoint();
  EXPECT_EQ(ran.code, 1);
  EXPECT_NE(ran.err.find("use another savepoint"), std::string::npos) << ran.err;
  EXPECT_EQ(weir({"info", "job-2"}).code, 4) << "no job came of any of them";
}

TEST_F(Savepoints, AFolderThatCannotBeWrittenStopsNoJob) {
  up({"--workers", "1", "--slots", "2"});
  submit_held("job", {"-p", "2"});
  wait_for_half("job");
  Ran ran = weir({"stop", "job", "--savepoint", dir_.path()});
  EXPECT_EQ(ran.code, 1);
  EXPECT_NE(ran.err.find("is not empty"), std::string::npos) << ran.err;
  ran = weir({"stop", "job", "--savepoint", "/proc/savepoint"});
  EXPECT_EQ(ran.code, 1);
  EXPECT_NE(ran.err.find("no savepoint was taken"), std::string::npos) << ran.err;
  let_go();
  wait_for_state("job", "finished");
  EXPECT_EQ(committed_by("job"), expected({}));
}

// Every event is in one visit, every visit is told by a timer; the end of time fires them all.
TEST_F(Savepoints, DrainFiresWhatIsOpenAndCommitsIt) {
  up({"--workers", "2", "--slots", "1"});
  submit("job", {"-p", "2"}, {"--records=0", "--max-rate=4000"});
  wait_for_records("job", 2'000);
  const Ran ran = weir({"stop", "job", "--drain"});
  EXPECT_EQ(ran.code, 0) << ran.err;
  EXPECT_EQ(ran.out, "job-1 finished\n");
  std::int64_t told = 0;
  for (const std::string& line : committed_by("job")) {
    if (!line.starts_with("visits: ") || !std::isdigit(line[8])) continue;
    std::istringstream in(line.substr(8));
    std::string field;
    for (int i = 0; i < 4; ++i) std::getline(in, field, ',');
    told += std::stoll(field);
  }
  EXPECT_EQ(told, job("job").at("records_read"));
}

}  // namespace
}  // namespace weir::tests
