// Savepoints on a simulated disk: whole or not there, whatever happens; and folders that begin with
// one.
#include "weir/state/savepoint.h"

#include "checkpoint_store_fixture.h"

namespace weir::state {
namespace {

using runtime::CheckpointId;
using runtime::Epoch;
using runtime::SimulatedStorage;

constexpr const char* kSavepoint = "/savepoints/one";

absl::Status keep(SimulatedStorage& disk, CheckpointId id, const std::string& dir = kSavepoint) {
  SavepointWriter writer(disk, kFolder, dir);
  absl::Status status = writer.begin(id);
  while (status.ok() && writer.has_more()) status = writer.put_next();
  if (status.ok()) status = writer.finish();
  if (!status.ok()) writer.discard();
  return status;
}

absl::Status usable(SimulatedStorage& disk, const std::string& dir = kSavepoint) {
  const absl::StatusOr<Manifest> manifest = read_savepoint(disk, dir);
  return manifest.ok() ? verify_savepoint(disk, dir, *manifest) : manifest.status();
}

std::string text_of(const absl::Status& status) { return std::string(status.message()); }

class SavepointTest : public ::testing::Test {
 protected:
  void SetUp() override {
    store_ = *open_store(disk_);
    manifest_ = *checkpoint(*store_);
  }
  std::string file(std::size_t i) {
    return std::string(kSavepoint) + "/files/" + manifest_.tasks[0].rows.files[i].name;
  }
  void rewrite(const std::string& path, const std::string& bytes) {
    ASSERT_TRUE(disk_.remove(path).ok());
    auto made = disk_.create(path);
    ASSERT_TRUE(made.ok() && (*made)->append(bytes).ok());
  }

  SimulatedStorage disk_{1};
  std::unique_ptr<CheckpointStore> store_;
  Manifest manifest_;
};

TEST_F(SavepointTest, StaysWholeWhenTheJobsFolderIsGone) {
  ASSERT_TRUE(keep(disk_, manifest_.id).ok());
  store_.reset();
  ASSERT_TRUE(disk_.remove_all(kFolder).ok());
  EXPECT_TRUE(usable(disk_).ok()) << usable(disk_);
  EXPECT_EQ(read_savepoint(disk_, kSavepoint)->id, manifest_.id);
}

TEST_F(SavepointTest, IsNotTouchedByCollection) {
  ASSERT_TRUE(keep(disk_, manifest_.id).ok());
  for (int i = 0; i < 4; ++i) {
    ASSERT_TRUE(checkpoint(*store_).ok());
    ASSERT_TRUE(store_->collect().ok());
  }
  EXPECT_FALSE(disk_.exists(path_of(manifest_.tasks[0].rows.files[0])));
  EXPECT_TRUE(usable(disk_).ok()) << usable(disk_);
}

TEST_F(SavepointTest, OfTheNewestCheckpointIfNoneIsNamed) {
  const Manifest second = *checkpoint(*store_);
  ASSERT_TRUE(keep(disk_, CheckpointId(0)).ok());
  EXPECT_EQ(read_savepoint(disk_, kSavepoint)->id, second.id);
  SimulatedStorage empty(1);
  auto store = CheckpointStore::open(empty, kFolder, kJob);
  EXPECT_TRUE(absl::IsNotFound(keep(empty, CheckpointId(0))));
}

TEST_F(SavepointTest, NeedsAFolderOfItsOwn) {
  EXPECT_TRUE(absl::IsInvalidArgument(check_savepoint_target(disk_, "")));
  EXPECT_TRUE(absl::IsInvalidArgument(check_savepoint_target(disk_, "here")));
  EXPECT_TRUE(absl::IsInvalidArgument(check_savepoint_target(disk_, "/a/../b")));
  ASSERT_TRUE(disk_.make_dirs(kSavepoint).ok());
  EXPECT_TRUE(check_savepoint_target(disk_, kSavepoint).ok());
  EXPECT_TRUE(absl::IsFailedPrecondition(keep(disk_, manifest_.id, kFolder)));
  EXPECT_TRUE(disk_.exists(kFolder + "/job.json"));
  ASSERT_TRUE(keep(disk_, manifest_.id).ok());
  const absl::Status again = keep(disk_, manifest_.id);
  EXPECT_TRUE(absl::IsAlreadyExists(again));
  EXPECT_TRUE(usable(disk_).ok()) << "the first one was harmed: " << usable(disk_);
}

TEST_F(SavepointTest, SaysWhatAFolderIsThatIsNone) {
  EXPECT_NE(text_of(usable(disk_, "/nowhere")).find("does not exist"), std::string::npos);
  EXPECT_NE(text_of(usable(disk_, kFolder)).find("working folder of a job"), std::string::npos);
  ASSERT_TRUE(disk_.make_dirs("/unfinished/files").ok());
  EXPECT_NE(text_of(usable(disk_, "/unfinished")).find("never finished"), std::string::npos);
  ASSERT_TRUE(disk_.make_dirs("/other").ok());
  EXPECT_TRUE(absl::IsNotFound(usable(disk_, "/other")));
}

TEST_F(SavepointTest, IsRefusedWhenAnythingOfItIsDamaged) {
  ASSERT_TRUE(keep(disk_, manifest_.id).ok());
  const std::string whole = *disk_.read(file(0));
  std::string flipped = whole;
  flipped[100] = static_cast<char>(flipped[100] ^ 1);
  rewrite(file(0), flipped);
  EXPECT_NE(text_of(usable(disk_)).find("is damaged: its hash is"), std::string::npos);
  rewrite(file(0), whole.substr(0, 50));
  EXPECT_NE(text_of(usable(disk_)).find("has 50 bytes instead of"), std::string::npos);
  rewrite(file(0), whole);
  ASSERT_TRUE(disk_.remove(file(1)).ok());
  EXPECT_NE(text_of(usable(disk_)).find("is missing"), std::string::npos);

  const std::string path = std::string(kSavepoint) + "/manifest.json";
  const std::string manifest = *disk_.read(path);
  for (const std::size_t length : {std::size_t{0}, manifest.size() / 2, manifest.size() - 1}) {
    rewrite(path, manifest.substr(0, length));
    EXPECT_TRUE(absl::IsDataLoss(usable(disk_))) << length << ": " << usable(disk_);
    EXPECT_NE(text_of(usable(disk_)).find("use another savepoint"), std::string::npos);
  }
}

TEST_F(SavepointTest, IsDamagedAlreadyWhenTheCheckpointIs) {
  const std::string path = path_of(manifest_.tasks[0].rows.files[0]);
  rewrite(path, "something else");
  EXPECT_TRUE(absl::IsDataLoss(keep(disk_, manifest_.id)));
  EXPECT_TRUE(absl::IsNotFound(usable(disk_)));
}

// Power goes at every change of the disk: the savepoint is whole if it was reported, and whole or
// absent if it was not; and in the same folder another one can be written.
TEST(Savepoints, AreWholeOrAbsentAfterAPowerCut) {
  for (std::uint64_t at = 1; at < 40; ++at) {
    SimulatedStorage disk(at);
    auto store = *open_store(disk);
    const Manifest manifest = *checkpoint(*store);
    disk.die_at_change(at);
    const bool was_reported = keep(disk, manifest.id).ok();
    store.reset();
    disk.crash();
    const absl::Status now = usable(disk);
    EXPECT_EQ(now.ok() || absl::IsNotFound(now), true) << at << ": " << now;
    EXPECT_TRUE(now.ok() || !was_reported) << at << ": " << now;
    EXPECT_TRUE(now.ok() || keep(disk, manifest.id).ok()) << at;
    EXPECT_TRUE(usable(disk).ok()) << at << ": " << usable(disk);
  }
}

TEST_F(SavepointTest, IsWhereAnotherJobsFolderBegins) {
  for (int i = 0; i < 3; ++i) manifest_ = *checkpoint(*store_);
  ASSERT_TRUE(keep(disk_, manifest_.id).ok());
  const Manifest savepoint = *read_savepoint(disk_, kSavepoint);
  const JobIdentity other{"other", "fingerprint-2"};
  auto store = CheckpointStore::open(disk_, "/other", other, {savepoint.epoch, savepoint.id});
  ASSERT_TRUE(store.ok()) << store.status();
  EXPECT_GT((*store)->epoch(), savepoint.epoch);
  ASSERT_TRUE((*store)->adopt(kSavepoint, savepoint).ok());
  EXPECT_EQ((*store)->collect()->checkpoints, 0u);  // nothing of its own is complete yet
  ASSERT_TRUE(disk_.remove_all(kSavepoint).ok());
  const auto latest = (*store)->load_latest({});
  ASSERT_TRUE(latest.ok() && latest->has_value()) << latest.status();
  EXPECT_EQ((*latest)->id, savepoint.id);
  EXPECT_EQ((*latest)->job, "other");
  EXPECT_GT(*(*store)->next_id(), savepoint.id);
}

// The folder of another job that begins with `savepoint`.
auto open_after(SimulatedStorage& disk, const std::string& folder, const Manifest& savepoint) {
  return CheckpointStore::open(disk, folder, {"other", "fingerprint-2"},
                               UsedBefore{savepoint.epoch, savepoint.id});
}

// That job, started again after whatever stopped it, begins with the savepoint, too.
void expect_adopted(SimulatedStorage& disk, const std::string& folder, const Manifest& savepoint) {
  auto store = open_after(disk, folder, savepoint);
  ASSERT_TRUE(store.ok()) << store.status();
  if ((*store)->list()->empty()) {
    const absl::Status adopted = (*store)->adopt(kSavepoint, savepoint);
    ASSERT_TRUE(adopted.ok()) << adopted;
  }
  const auto latest = (*store)->load_latest({});
  ASSERT_TRUE(latest.ok() && latest->has_value()) << latest.status();
  EXPECT_EQ((*latest)->id, savepoint.id);
  EXPECT_GT((*store)->epoch(), savepoint.epoch);
}

TEST(Savepoints, AreAdoptedAgainAfterAFailedSync) {
  for (std::uint64_t at = 1; at < 30; ++at) {
    SimulatedStorage disk(at);
    auto store = *open_store(disk);
    const Manifest manifest = *checkpoint(*store);
    ASSERT_TRUE(keep(disk, manifest.id).ok());
    const Manifest savepoint = *read_savepoint(disk, kSavepoint);
    for (const bool is_folder : {false, true}) {
      const std::string folder = is_folder ? "/by-folder" : "/by-file";
      {
        auto first = open_after(disk, folder, savepoint);
        ASSERT_TRUE(first.ok()) << first.status();
        is_folder ? disk.fail_sync_dir(at) : disk.fail_sync(at);
        (*first)->adopt(kSavepoint, savepoint).IgnoreError();
      }
      is_folder ? disk.fail_sync_dir(0) : disk.fail_sync(0);
      SCOPED_TRACE(absl::StrCat(folder, ", sync ", at));
      expect_adopted(disk, folder, savepoint);
    }
  }
}

TEST(Savepoints, AreAdoptedAgainAfterAPowerCut) {
  for (std::uint64_t at = 1; at < 60; ++at) {
    SimulatedStorage disk(at);
    auto store = *open_store(disk);
    const Manifest manifest = *checkpoint(*store);
    ASSERT_TRUE(keep(disk, manifest.id).ok());
    const Manifest savepoint = *read_savepoint(disk, kSavepoint);
    disk.die_at_change(at);
    {
      auto first = open_after(disk, "/other", savepoint);
      if (first.ok()) (*first)->adopt(kSavepoint, savepoint).IgnoreError();
    }
    store.reset();
    disk.crash();
    SCOPED_TRACE(absl::StrCat("change ", at));
    expect_adopted(disk, "/other", savepoint);
  }
}

}  // namespace
}  // namespace weir::state
