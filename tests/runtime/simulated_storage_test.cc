#include "weir/runtime/simulated_storage.h"

#include <gtest/gtest.h>

#include <set>

namespace weir::runtime {
namespace {

void write(SimulatedStorage& disk, const std::string& path, std::string_view bytes, bool sync) {
  auto file = disk.create(path).value();
  ASSERT_TRUE(file->append(bytes).ok());
  ASSERT_TRUE(!sync || file->sync().ok());
  ASSERT_TRUE(file->close().ok());
}

TEST(SimulatedStorage, BehavesLikeADiskWhileAllIsWell) {
  SimulatedStorage disk(1);
  EXPECT_EQ(disk.create("/a/f").status().code(), absl::StatusCode::kNotFound);
  ASSERT_TRUE(disk.make_dirs("/a/b").ok());
  write(disk, "/a/f", "one", false);
  EXPECT_EQ(disk.create("/a/f").status().code(), absl::StatusCode::kAlreadyExists);
  ASSERT_TRUE(disk.link("/a/f", "/a/g").ok());
  ASSERT_TRUE(disk.rename("/a/f", "/a/b/h").ok());
  EXPECT_EQ(disk.list("/a").value(), (std::vector<std::string>{"b", "g"}));
  EXPECT_EQ(disk.read("/a/b/h").value(), "one");
  std::string pieces;
  ASSERT_TRUE(disk.read_pieces("/a/b/h", [&](std::string_view bytes) { pieces += bytes; }).ok());
  EXPECT_EQ(pieces, "one");
  EXPECT_EQ(disk.used_bytes(), 3u) << "two names, one file";
  EXPECT_EQ(disk.remove("/a/b").code(), absl::StatusCode::kAlreadyExists) << "not empty";
  ASSERT_TRUE(disk.remove_all("/a/b").ok());
  EXPECT_EQ(disk.size("/a/g").value(), 3u);
  EXPECT_EQ(disk.read("/a").status().code(), absl::StatusCode::kFailedPrecondition);
}

TEST(SimulatedStorage, KeepsWhatWasSyncedThroughACrash) {
  for (std::uint64_t seed = 1; seed <= 50; ++seed) {
    SimulatedStorage disk(seed);
    ASSERT_TRUE(disk.make_dirs("/a").ok());
    ASSERT_TRUE(disk.sync_dir("/").ok());
    write(disk, "/a/f", "synced", true);
    ASSERT_TRUE(disk.sync_dir("/a").ok());
    disk.crash();
    EXPECT_EQ(disk.read("/a/f").value(), "synced");
  }
}

TEST(SimulatedStorage, LosesTearsOrKeepsWhatWasNot) {
  std::set<std::string> contents;
  std::set<bool> names;
  for (std::uint64_t seed = 1; seed <= 300; ++seed) {
    SimulatedStorage disk(seed);
    ASSERT_TRUE(disk.make_dirs("/a").ok());
    ASSERT_TRUE(disk.sync_dir("/").ok());
    auto file = disk.create("/a/f").value();
    ASSERT_TRUE(file->append("ab").ok() && file->sync().ok() && disk.sync_dir("/a").ok());
    ASSERT_TRUE(file->append("cd").ok());
    write(disk, "/a/unsynced name", "x", true);
    disk.crash();
    contents.insert(disk.read("/a/f").value());
    names.insert(disk.exists("/a/unsynced name"));
    EXPECT_FALSE(file->append("late").ok());
  }
  using std::string_literals::operator""s;
  EXPECT_EQ(contents, (std::set<std::string>{"ab", "abc", "ab\0"s, "abcd", "abc\0"s, "ab\0\0"s}));
  EXPECT_EQ(names.size(), 2u);
}

TEST(SimulatedStorage, RenamesInOneFolderAllAtOnceOrNotAtAll) {
  std::set<std::string> outcomes;
  for (std::uint64_t seed = 1; seed <= 100; ++seed) {
    SimulatedStorage disk(seed);
    ASSERT_TRUE(disk.make_dirs("/a").ok());
    ASSERT_TRUE(disk.sync_dir("/").ok());
    write(disk, "/a/f", "old", true);
    write(disk, "/a/f.tmp", "new", true);
    ASSERT_TRUE(disk.sync_dir("/a").ok());
    ASSERT_TRUE(disk.rename("/a/f.tmp", "/a/f").ok());
    disk.crash();
    outcomes.insert(disk.read("/a/f").value() + (disk.exists("/a/f.tmp") ? "+" : ""));
  }
  EXPECT_EQ(outcomes, (std::set<std::string>{"old+", "new"}));
}

TEST(SimulatedStorage, KeepsAFolderThatIsMadeAnew) {
  for (std::uint64_t seed = 1; seed < 20; ++seed) {
    SimulatedStorage disk(seed);
    ASSERT_TRUE(disk.make_dirs("/a/b").ok());
    ASSERT_TRUE(write_synced(disk, "/a/b/x", "old").ok());
    ASSERT_TRUE(disk.sync_dir("/a/b").ok());
    ASSERT_TRUE(disk.remove_all("/a/b").ok());
    ASSERT_TRUE(disk.make_dirs("/a/b").ok());
    ASSERT_TRUE(write_synced(disk, "/a/b/x", "new").ok());
    ASSERT_TRUE(disk.sync_dir("/a/b").ok());
    ASSERT_TRUE(disk.sync_dir("/a").ok());
    disk.crash();
    EXPECT_EQ(*disk.read("/a/b/x"), "new") << seed;
  }
}

TEST(SimulatedStorage, DoesNothingFromTheMomentOfDeathToTheCrash) {
  SimulatedStorage disk(1);
  write(disk, "/before", "x", true);
  disk.die_at_step(2);
  disk.step("one");
  EXPECT_FALSE(disk.dead());
  disk.step("two");
  EXPECT_TRUE(disk.dead());
  EXPECT_FALSE(disk.create("/after").ok());
  EXPECT_FALSE(disk.remove("/before").ok());
  EXPECT_FALSE(disk.read("/before").ok());
  EXPECT_EQ(disk.steps(), (std::vector<std::string>{"one", "two"}));
  disk.crash();
  EXPECT_TRUE(disk.create("/after").ok());
  const std::uint64_t changes = disk.changes();
  disk.die_at_change(1);
  EXPECT_FALSE(disk.create("/later").ok());
  EXPECT_EQ(disk.changes(), changes + 1);
}

TEST(SimulatedStorage, FillsUpAndTakesMoreWhenSpaceReturns) {
  SimulatedStorage disk(1);
  disk.set_capacity(10);
  write(disk, "/a", "12345678", true);
  auto file = disk.create("/b").value();
  const absl::Status full = file->append("abcd");
  EXPECT_EQ(full.code(), absl::StatusCode::kResourceExhausted);
  EXPECT_EQ(disk.read("/b").value(), "ab");
  ASSERT_TRUE(disk.remove("/a").ok());
  EXPECT_EQ(file->sync(), full) << "a failed file stays failed";
  write(disk, "/c", "12345678", true);
}

TEST(SimulatedStorage, LosesTheBytesOfAFailedSyncForGood) {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    SimulatedStorage disk(seed);
    auto file = disk.create("/f").value();
    ASSERT_TRUE(file->append("ab").ok());
    disk.fail_sync(1);
    EXPECT_FALSE(file->sync().ok());
    EXPECT_FALSE(file->sync().ok());
    ASSERT_TRUE(disk.sync_dir("/").ok());
    disk.crash();
    EXPECT_EQ(disk.read("/f").value(), "");
  }
}

TEST(SimulatedStorage, FreesLocksByReleaseAndByCrash) {
  SimulatedStorage disk(1);
  auto held = disk.lock("/LOCK").value();
  EXPECT_EQ(disk.lock("/LOCK").status().code(), absl::StatusCode::kUnavailable);
  held.reset();
  held = disk.lock("/LOCK").value();
  disk.crash();
  EXPECT_TRUE(disk.lock("/LOCK").ok());
}

TEST(SimulatedStorage, ReplaysTheSameFromTheSameSeed) {
  const auto run = [](std::uint64_t seed) {
    SimulatedStorage disk(seed);
    for (int i = 0; i < 20; ++i) write(disk, "/f" + std::to_string(i), "content", i % 2 == 0);
    disk.crash();
    std::string all;
    const std::vector<std::string> names = disk.list("/").value();
    for (const std::string& name : names) all += name + "=" + disk.read("/" + name).value() + "\n";
    return all;
  };
  EXPECT_EQ(run(5), run(5));
  EXPECT_NE(run(5), run(6));
}

}  // namespace
}  // namespace weir::runtime
