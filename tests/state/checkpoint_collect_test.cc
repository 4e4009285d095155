#include <set>

#include "checkpoint_store_fixture.h"
#include "state/src/file_name.h"

namespace weir::state {
namespace {

using runtime::SimulatedStorage;
using runtime::SnapshotFile;

TEST(CheckpointCollect, KeepsTheNewestAndEveryFileTheyName) {
  SimulatedStorage disk(1);
  auto store = open_store(disk).value();
  const Manifest first = checkpoint(*store).value();
  const SnapshotFile shared = first.tasks[0].rows.files[0];
  for (int i = 0; i < 3; ++i) ASSERT_TRUE(checkpoint(*store, &shared).ok());
  const auto collected = store->collect(2).value();
  EXPECT_EQ(collected.checkpoints, 2u);
  EXPECT_EQ(collected.files, 3u);
  EXPECT_GT(collected.bytes, 1500u);
  EXPECT_TRUE(disk.exists(path_of(shared)));
  ASSERT_EQ(store->list().value().size(), 2u);
  const std::vector<runtime::CheckpointId> ids = store->list().value();
  for (const runtime::CheckpointId id : ids) {
    EXPECT_TRUE(store->load(id).ok());
  }
  EXPECT_EQ(disk.list(kFolder + "/files").value().size(), 5u);
  EXPECT_EQ(store->collect(2).value().files, 0u);
}

TEST(CheckpointCollect, RemovesNothingBeforeThisAttemptHasCompletedACheckpoint) {
  SimulatedStorage disk(1);
  {
    auto store = open_store(disk).value();
    for (int i = 0; i < 5; ++i) ASSERT_TRUE(checkpoint(*store).ok());
  }
  auto store = open_store(disk).value();
  EXPECT_EQ(store->collect(2).value().checkpoints, 0u);
  EXPECT_EQ(store->list().value().size(), 5u);
  EXPECT_EQ(disk.list(kFolder + "/files").value().size(), 10u);
  ASSERT_TRUE(checkpoint(*store).ok());
  EXPECT_EQ(store->collect(2).value().checkpoints, 4u);
}

TEST(CheckpointCollect, KeepsFilesOfCheckpointsUnderWayAndSweepsThoseOfAbortedOnes) {
  SimulatedStorage disk(1);
  auto store = open_store(disk).value();
  const Manifest aborted = write_files(*store, store->next_id().value()).value();
  ASSERT_TRUE(checkpoint(*store).ok());
  const Manifest pending = write_files(*store, store->next_id().value()).value();
  EXPECT_EQ(store->collect(2).value().files, 2u);
  EXPECT_FALSE(disk.exists(path_of(aborted.tasks[0].rows.files[0])));
  ASSERT_TRUE(store->complete(pending).ok());
  EXPECT_TRUE(store->load(pending.id).ok());
}

TEST(CheckpointCollect, SweepsWhatADeadAttemptLeft) {
  SimulatedStorage disk(1);
  {
    auto store = open_store(disk).value();
    ASSERT_TRUE(checkpoint(*store).ok());
    ASSERT_TRUE(write_files(*store, store->next_id().value()).ok());
  }
  auto store = open_store(disk).value();
  ASSERT_TRUE(checkpoint(*store).ok());
  EXPECT_EQ(store->collect(2).value().files, 2u);
}

TEST(CheckpointCollect, RemovesNothingWhenARetainedManifestCannotBeRead) {
  SimulatedStorage disk(1);
  auto store = open_store(disk).value();
  std::vector<Manifest> manifests;
  for (int i = 0; i < 4; ++i) manifests.push_back(checkpoint(*store).value());
  const std::string path =
      kFolder + "/checkpoints/" + checkpoint_name(manifests[2].id) + "/manifest.json";
  disk.flip_bit(path, 800);
  const absl::Status status = store->collect(2).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kDataLoss) << status;
  EXPECT_EQ(store->list().value().size(), 4u);
  EXPECT_EQ(disk.list(kFolder + "/files").value().size(), 8u);
}

TEST(CheckpointCollect, NeverTouchesFilesWithForeignNames) {
  SimulatedStorage disk(1);
  auto store = open_store(disk).value();
  ASSERT_TRUE(disk.create(kFolder + "/files/notes.txt").ok());
  ASSERT_TRUE(disk.create(kFolder + "/checkpoints/notes.txt").ok());
  for (int i = 0; i < 3; ++i) ASSERT_TRUE(checkpoint(*store).ok());
  ASSERT_TRUE(store->collect(1).ok());
  EXPECT_TRUE(disk.exists(kFolder + "/files/notes.txt"));
  EXPECT_TRUE(disk.exists(kFolder + "/checkpoints/notes.txt"));
}

}  // namespace
}  // namespace weir::state
