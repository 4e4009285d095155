#include "weir/operators/files/file_sink.h"

#include <gtest/gtest.h>

#include <set>

#include "output_names.h"
#include "sink_model.h"
#include "support/sanitizers.h"

namespace weir::operators {
namespace {

using namespace std::chrono_literals;

bool contains(const absl::Status& status, const std::string& part) {
  return std::string(status.message()).find(part) != std::string::npos;
}

TEST(FileSink, ShowsRowsOnlyOnceTheirCheckpointIsCommitted) {
  SinkModel model(1);
  ASSERT_TRUE(model.start(2).ok());
  model.write(10);
  ASSERT_TRUE(model.finish(model.seal()).ok());
  EXPECT_TRUE(model.files().empty());
  model.write(3);
  ASSERT_TRUE(model.commit(1).ok());
  EXPECT_TRUE(model.has_exactly(10));
  EXPECT_EQ(model.files(), (std::vector<std::string>{"report-0000-000000000001-0000.csv",
                                                     "report-0001-000000000001-0000.csv"}));
  ASSERT_TRUE(model.checkpoint().ok());
  EXPECT_TRUE(model.has_exactly(13));
  EXPECT_TRUE(model.staged().empty());
}

TEST(FileSink, CommitsOnceHoweverOftenItIsTold) {
  SinkModel model(2);
  ASSERT_TRUE(model.start(1).ok());
  model.write(5);
  ASSERT_TRUE(model.checkpoint().ok());
  const std::uint64_t changes = model.storage.changes();
  ASSERT_TRUE(model.commit(1).ok());
  EXPECT_EQ(model.storage.changes(), changes);
  model.write(5);
  auto sealed = model.seal();
  ASSERT_TRUE(model.commit(1).ok());  // late
  ASSERT_TRUE(model.finish(std::move(sealed)).ok());
  ASSERT_TRUE(model.commit(1).ok());
  EXPECT_TRUE(model.has_exactly(5));
  ASSERT_TRUE(model.commit(2).ok());
  EXPECT_TRUE(model.has_exactly(10));
}

TEST(FileSink, CommitsWhatEarlierCheckpointsLeft) {
  SinkModel model(3);
  ASSERT_TRUE(model.start(2).ok());
  model.write(4);
  ASSERT_TRUE(model.finish(model.seal()).ok());  // its commit gets lost
  model.write(4);
  model.seal();  // aborted: its I/O never runs
  model.write(4);
  ASSERT_TRUE(model.checkpoint().ok());
  EXPECT_TRUE(model.has_exactly(12));
  EXPECT_TRUE(model.staged().empty());
}

TEST(FileSink, WritesNothingForACheckpointWithoutRows) {
  SinkModel model(4, {.header = true});
  ASSERT_TRUE(model.start(2).ok());
  ASSERT_TRUE(model.checkpoint().ok());
  model.write(1);
  ASSERT_TRUE(model.checkpoint().ok());
  ASSERT_TRUE(model.checkpoint().ok());
  ASSERT_EQ(model.files().size(), 1u);
  EXPECT_EQ(*model.storage.read("out/" + model.files()[0]), "id,text\n0,xxxxxxxx\n");
}

// The disk dies at each change in turn, loses what was not durable, and the job starts again.
void die_everywhere(std::uint32_t before, std::uint32_t after, std::size_t row_bytes,
                    std::uint64_t roll_bytes, std::uint64_t stride, bool in_second_run) {
  for (std::uint64_t at = 1;; at += stride) {
    SCOPED_TRACE("at change " + std::to_string(at) + ", tasks " + std::to_string(before) + " to " +
                 std::to_string(after));
    SinkModel model(at, {.roll_bytes = roll_bytes});
    model.row_bytes = row_bytes;
    if (in_second_run) {
      // The restart dies as well, somewhere.
      model.storage.die_at_change(at % 37 + 20);
      model.run_all(before, 24, 4);
      model.storage.crash();
    }
    model.storage.die_at_change(at);
    const bool survived = model.run_all(before, 24, 4);
    model.storage.crash();
    ASSERT_TRUE(model.run_all(after, 40, 4)) << model.last_status;
    ASSERT_TRUE(model.has_exactly(40)) << model.committed().size();
    ASSERT_TRUE(model.staged().empty()) << model.staged()[0];
    if (survived) return;
  }
}

TEST(FileSink, LosesAndDoublesNothingWhereverItDies) { die_everywhere(1, 1, 8, 1 << 20, 1, false); }
TEST(FileSink, LosesAndDoublesNothingWithMoreTasksAfterwards) {
  die_everywhere(2, 3, 8, 1 << 20, 1, false);
}
TEST(FileSink, LosesAndDoublesNothingWithFewerTasksAfterwards) {
  die_everywhere(3, 1, 8, 16, 1, false);
}
TEST(FileSink, LosesAndDoublesNothingWithLargeRows) {
  die_everywhere(2, 2, 80'000, 200'000, tests::kSanitizer ? 3 : 1, false);
}
TEST(FileSink, LosesAndDoublesNothingWhenItDiesTwice) { die_everywhere(2, 5, 8, 1 << 20, 1, true); }

TEST(FileSink, LosesAndDoublesNothingAtEachNamedStep) {
  std::set<std::string> names;
  for (std::uint64_t at = 1;; ++at) {
    SinkModel model(at);
    model.storage.die_at_step(at);
    const bool survived = model.run_all(2, 24, 4);
    model.storage.crash();
    ASSERT_TRUE(model.run_all(2, 40, 4)) << model.last_status;
    ASSERT_TRUE(model.has_exactly(40)) << "step " << at;
    for (const std::string& name : model.storage.steps()) names.insert(name);
    if (survived) break;
  }
  const std::set<std::string> expected{
      "sink.create", "sink.sync",        "sink.sync_staged",   "sink.rename",
      "sink.record", "sink.sync_folder", "sink.record_rename", "sink.remove_staged"};
  EXPECT_EQ(names, expected);
}

TEST(FileSink, TouchesOnlyItsOwnNames) {
  SinkModel model(5);
  ASSERT_TRUE(model.run_all(12, 24, 12));
  const auto put = [&](const std::string& path) {
    auto file = model.storage.create(path);
    ASSERT_TRUE(file.ok()) << file.status();
    ASSERT_TRUE((*file)->append("99\n").ok());
  };
  const std::string rest = "~000000000002~0000000001~00000009";
  const std::vector<std::string> foreign{"job~report~0001" + rest + "x", "job~report2~0001" + rest,
                                         "job2~report~0001" + rest, "job~report~001" + rest,
                                         "job~other~0001" + rest};
  for (const std::string& name : foreign) put("out/.staged/" + name);
  put("out/.staged/job~report~0011" + rest);
  // Task 11's file is removed by task 11 only: a job with one task more has nobody else for it.
  ASSERT_TRUE(model.start(12).ok());
  EXPECT_EQ(std::set<std::string>(foreign.begin(), foreign.end()), [&] {
    const auto names = model.staged();
    return std::set<std::string>(names.begin(), names.end());
  }());
}

TEST(FileSink, LeavesTheFilesOfTask11ToTask11) {
  SinkModel model(6);
  model.row_bytes = 200'000;  // files are there before the checkpoint
  ASSERT_TRUE(model.start(12).ok());
  model.write(12);
  ASSERT_EQ(model.staged().size(), 12u);
  // Task 1 alone starts again.
  auto task = csv_files("out").bind<SinkRow>();
  model.close();
  ASSERT_TRUE(task.open({"job",
                         "report",
                         1,
                         12,
                         runtime::Epoch(9),
                         CheckpointId(0),
                         &model.clock,
                         &model.storage,
                         &model.metrics,
                         {}})
                  .ok());
  const std::vector<std::string> left = model.staged();
  EXPECT_EQ(left.size(), 11u);
  for (const std::string& name : left) {
    EXPECT_NE(parse_staged_name(name, "job", "report")->task, 1u) << name;
  }
}

TEST(FileSink, RefusesAFolderWithResultsOnAFreshStart) {
  SinkModel model(7);
  ASSERT_TRUE(model.run_all(1, 8, 4));
  model.complete = {};
  const absl::Status status = model.start(1);
  EXPECT_TRUE(contains(status, "holds results of an earlier run")) << status;
  EXPECT_TRUE(contains(status, "--state-dir")) << status;
  EXPECT_TRUE(contains(status, "checkpoint 2")) << status;
  // Also when somebody has taken the files away: the record is still there.
  model.close();
  for (const std::string& file : model.files())
    ASSERT_TRUE(model.storage.remove("out/" + file).ok());
  EXPECT_FALSE(model.start(1).ok());
  // A sink of another name may share the folder.
  model.close();
  model.name = "repor";
  EXPECT_TRUE(model.start(1).ok());
}

TEST(FileSink, RefusesACheckpointOlderThanItsLastCommit) {
  SinkModel model(8);
  ASSERT_TRUE(model.run_all(1, 8, 4));
  const SinkModel::Complete old = model.complete;
  ASSERT_TRUE(model.run_all(2, 16, 4));
  model.complete = old;
  const absl::Status status = model.start(2);
  EXPECT_TRUE(contains(status, "has already committed checkpoint 4")) << status;
  EXPECT_TRUE(contains(status, "checkpoint 2 is restored")) << status;
}

TEST(FileSink, RefusesTheFolderOfAnotherJob) {
  SinkModel model(9);
  ASSERT_TRUE(model.run_all(1, 8, 4));
  model.job = "other";
  EXPECT_TRUE(contains(model.start(1), "belongs to the job 'job'"));
}

TEST(FileSink, RefusesAFolderThatARunningJobUses) {
  SinkModel model(10);
  ASSERT_TRUE(model.start(1).ok());
  auto second = csv_files("out").bind<SinkRow>();
  const absl::Status status = second.open({"job",
                                           "report",
                                           0,
                                           1,
                                           runtime::Epoch(1),
                                           CheckpointId(0),
                                           &model.clock,
                                           &model.storage,
                                           &model.metrics,
                                           {}});
  EXPECT_TRUE(contains(status, "is in use")) << status;
}

TEST(FileSink, AnAttemptThatHasBeenReplacedCommitsNothing) {
  SinkModel old(12);
  ASSERT_TRUE(old.start(1).ok());
  old.write(4);
  ASSERT_TRUE(old.checkpoint().ok());
  old.write(4);
  ASSERT_TRUE(old.finish(old.seal()).ok());
  // A host that comes back has lost its locks, and another one has gone on in the meantime.
  auto file = old.storage.create("out/.commits/next");
  ASSERT_TRUE(file.ok() && (*file)->append("weir-commit 1\njob job\ncheckpoint 3\nepoch 9\n").ok());
  ASSERT_TRUE(old.storage.rename("out/.commits/next", "out/.commits/report-0000").ok());
  const absl::Status status = old.commit(2);
  EXPECT_TRUE(absl::IsFailedPrecondition(status)) << status;
  EXPECT_TRUE(contains(status, "a newer attempt of the job (epoch 9, this one is 1)")) << status;
  EXPECT_TRUE(old.has_exactly(4));
}

TEST(FileSink, RefusesToCommitWhatIsMissingOrDamaged) {
  for (const bool is_damaged : {false, true}) {
    SinkModel model(11);
    ASSERT_TRUE(model.start(1).ok());
    model.write(4);
    ASSERT_TRUE(model.finish(model.seal()).ok());
    const std::string staged = "out/.staged/" + model.staged()[0];
    if (is_damaged) {
      model.storage.flip_bit(staged, 3);
    } else {
      ASSERT_TRUE(model.storage.remove(staged).ok());
    }
    model.close();
    const absl::Status status = model.start(1);
    EXPECT_TRUE(contains(status, is_damaged ? "should hold" : "is missing")) << status;
    EXPECT_TRUE(contains(status, "checkpoint 1")) << status;
  }
}

TEST(FileSink, AcceptsThatCommittedFilesWereTakenAway) {
  SinkModel model(12);
  ASSERT_TRUE(model.run_all(2, 8, 4));
  // complete.states still lists the last files, since their commit came later.
  for (const std::string& file : model.files())
    ASSERT_TRUE(model.storage.remove("out/" + file).ok());
  EXPECT_TRUE(model.run_all(1, 16, 4)) << model.last_status;
  EXPECT_EQ(model.committed().begin()->first, 8);
}

TEST(FileSink, DoesNotOverwriteAFileThatIsNotItsOwn) {
  SinkModel model(13);
  ASSERT_TRUE(model.start(1).ok());
  model.write(4);
  auto file = model.storage.create("out/report-0000-000000000001-0000.csv");
  ASSERT_TRUE((*file)->append("mine\n").ok());
  EXPECT_TRUE(contains(model.checkpoint(), "move it away"));
}

TEST(FileSink, RollsFilesBySizeAndAge) {
  SinkModel model(14, {.header = true, .roll_bytes = 100, .roll_interval = 1min});
  model.row_bytes = 30;
  ASSERT_TRUE(model.start(1).ok());
  for (int i = 0; i < 7; ++i) model.write(1);
  model.clock.advance(2min);
  model.write(1);
  model.write(1);
  ASSERT_TRUE(model.checkpoint().ok());
  const std::vector<std::string> files = model.files();
  ASSERT_EQ(files.size(), 4u);
  EXPECT_EQ(files[3], "report-0000-000000000001-0003.csv");
  for (const std::string& name : files) {
    EXPECT_EQ(model.storage.read("out/" + name)->rfind("id,text\n", 0), 0u);
  }
}

TEST(FileSink, GoesOnWhenAFullDiskHasSpaceAgain) {
  for (const std::size_t row_bytes : {8ul, 50'000ul}) {
    SinkModel model(15);
    model.row_bytes = row_bytes;
    ASSERT_TRUE(model.start(1).ok());
    model.write(10);
    ASSERT_TRUE(model.checkpoint().ok());
    model.write(5);
    model.storage.set_capacity(model.storage.used_bytes() + row_bytes);
    model.write(5);
    const absl::Status full = model.checkpoint();
    EXPECT_TRUE(absl::IsResourceExhausted(full)) << full;
    EXPECT_TRUE(contains(full, "free space")) << full;
    model.write(10);
    EXPECT_FALSE(model.checkpoint().ok());
    EXPECT_TRUE(model.failure().ok()) << model.failure();
    EXPECT_TRUE(model.has_exactly(10));
    model.storage.set_capacity(~std::uint64_t{0});
    model.write(2);
    ASSERT_TRUE(model.checkpoint().ok());
    EXPECT_TRUE(model.has_exactly(32));
    EXPECT_TRUE(model.staged().empty());
  }
}

// A checkpoint is given up before the disk got to it, and the next one has named the file anew: it
// is the name of the newest that the file must have.
TEST(FileSink, WritesAFullDisksFilesUnderTheNamesOfTheNewestCheckpoint) {
  SinkModel model(15);
  ASSERT_TRUE(model.start(1).ok());
  model.write(10);
  model.storage.set_capacity(model.storage.used_bytes() + 1);
  EXPECT_FALSE(model.checkpoint().ok());
  model.storage.set_capacity(~std::uint64_t{0});
  SinkModel::Sealed given_up = model.seal();
  SinkModel::Sealed next = model.seal();
  ASSERT_TRUE(model.finish(std::move(given_up)).ok());
  ASSERT_TRUE(model.finish(std::move(next)).ok());
  model.storage.crash();
  ASSERT_TRUE(model.start(1).ok());
  EXPECT_TRUE(model.has_exactly(10));
}

TEST(FileSink, FailsTheAttemptWhenAFullDiskStaysFull) {
  SinkModel model(16);
  model.row_bytes = 1 << 20;
  ASSERT_TRUE(model.start(1).ok());
  model.storage.set_capacity(model.storage.used_bytes());
  for (int i = 0; i < 80 && model.failure().ok(); ++i) model.write(1);
  EXPECT_TRUE(contains(model.failure(), "is full")) << model.failure();
  EXPECT_TRUE(contains(model.failure(), "nothing is lost")) << model.failure();
}

TEST(FileSink, NeverTakesAFailedSyncForSuccess) {
  SinkModel model(17);
  ASSERT_TRUE(model.start(1).ok());
  model.write(4);
  model.storage.fail_sync(1);
  EXPECT_FALSE(model.checkpoint().ok());
  EXPECT_FALSE(model.checkpoint().ok());
  EXPECT_TRUE(contains(model.failure(), "could not be made durable")) << model.failure();
  EXPECT_TRUE(model.run_all(1, 8, 4)) << model.last_status;
  EXPECT_TRUE(model.has_exactly(8));
}

// The bytes were durable, their name was not: the checkpoint after the failed one has no new rows
// to write, and must see to the name nevertheless.
TEST(FileSink, SyncsNamesAgainWhoseSyncHasFailed) {
  for (std::uint64_t seed = 1; seed <= 40; ++seed) {
    SinkModel model(seed);
    ASSERT_TRUE(model.start(1).ok());
    model.write(10);
    model.storage.fail_sync_dir(1);
    ASSERT_FALSE(model.finish(model.seal()).ok());
    ASSERT_TRUE(model.finish(model.seal()).ok());
    model.storage.crash();
    ASSERT_TRUE(model.start(1).ok()) << "seed " << seed;
    EXPECT_TRUE(model.has_exactly(10)) << "seed " << seed;
  }
}

TEST(FileSink, SaysWhatIsWrongWithItsOptions) {
  const auto fault = [](const std::string& folder, const CsvFilesOptions& options) {
    return csv_files(folder, options).bind<SinkRow>().fault();
  };
  EXPECT_EQ(fault("out", {}), "");
  EXPECT_NE(fault("", {}).find("no name"), std::string::npos);
  EXPECT_NE(fault("out", {.names = {"a"}}).find("gives 1 names for 2 columns (id, text)"),
            std::string::npos);
  EXPECT_NE(fault("out", {.time_of = {{"when", {}}}}).find("the columns are id, text"),
            std::string::npos);
  EXPECT_NE(fault("out", {.roll_bytes = 1}).find("roll_bytes"), std::string::npos);
  EXPECT_NE(fault("out", {.delimiter = '.'}).find("delimiter"), std::string::npos);
}

TEST(OutputNames, AreEscapedAndMatchedAsAWhole) {
  EXPECT_EQ(escaped_name("a b/../~%"), "a%20b%2F..%2F%7E%25");
  EXPECT_EQ(escaped_name(".hidden"), "%2Ehidden");
  EXPECT_EQ(fixed_width(11, 4), "0011");
  EXPECT_EQ(parse_target_name("r-0011-000000000007-0000.csv", "r")->task, 11u);
  EXPECT_EQ(parse_target_name("r-0011-000000000007-0000.csv", "r")->checkpoint, 7u);
  EXPECT_FALSE(parse_target_name("r-0011-000000000007-0000", "r").has_value());
  EXPECT_FALSE(parse_target_name("r-0011-0000000000007-0000.csv", "r").has_value());
  EXPECT_FALSE(parse_target_name("r-0001-000000000001-0000-0001-000000000001-0000.csv", "r"));
  EXPECT_FALSE(parse_record_name("r-0001.lock", "r").has_value());
  EXPECT_FALSE(parse_record_name("r-00011", "r").has_value());
  EXPECT_TRUE(parse_record_name("r-0001", "r").has_value());
}

}  // namespace
}  // namespace weir::operators
