#include "checkpoint_store_fixture.h"

namespace weir::state {
namespace {

using runtime::SimulatedStorage;

const JobIdentity kOther{"other", "fingerprint-2"};

TEST(CheckpointClear, ForgetsEverythingButTheIdsInUse) {
  SimulatedStorage disk(1);
  std::uint64_t last_id = 0;
  std::uint64_t last_epoch = 0;
  {
    auto store = open_store(disk).value();
    for (int i = 0; i < 3; ++i) last_id = checkpoint(*store).value().id.value;
    last_epoch = store->epoch().value;
    EXPECT_EQ(CheckpointStore::clear(disk, kFolder, kJob).code(), absl::StatusCode::kUnavailable);
  }
  ASSERT_TRUE(CheckpointStore::clear(disk, kFolder, kOther).ok());
  auto store = open_store(disk, kOther).value();
  EXPECT_FALSE(store->load_latest({}).value().has_value());
  EXPECT_TRUE(disk.list(kFolder + "/files").value().empty());
  EXPECT_GT(store->next_id().value().value, last_id);
  EXPECT_GT(store->epoch().value, last_epoch);
}

TEST(CheckpointClear, HasNothingToDoInANewFolderAndTouchesNoForeignOne) {
  SimulatedStorage disk(1);
  EXPECT_TRUE(CheckpointStore::clear(disk, kFolder, kJob).ok());
  ASSERT_TRUE(disk.make_dirs(kFolder + "/files/precious").ok());
  CheckpointStore::clear(disk, kFolder, kJob).IgnoreError();
  EXPECT_TRUE(disk.exists(kFolder + "/files/precious"));
  EXPECT_EQ(open_store(disk).status().code(), absl::StatusCode::kFailedPrecondition);
}

TEST(CheckpointClear, LeavesTheNewestOrNothingWhenItIsInterrupted) {
  for (const std::uint64_t seed : {1u, 2u, 3u}) {
    for (std::uint64_t n = 1;; ++n) {
      SCOPED_TRACE("seed " + std::to_string(seed) + ", change " + std::to_string(n));
      SimulatedStorage disk(seed * 1000 + n);
      Manifest newest;
      {
        auto store = open_store(disk).value();
        for (int i = 0; i < 3; ++i) newest = checkpoint(*store).value();
      }
      disk.die_at_change(n);
      const bool cleared = CheckpointStore::clear(disk, kFolder, kJob).ok();
      disk.crash();
      auto store = open_store(disk);
      ASSERT_TRUE(store.ok()) << store.status();
      const auto latest = (*store)->load_latest({});
      ASSERT_TRUE(latest.ok()) << latest.status();
      if (latest->has_value()) {
        EXPECT_FALSE(cleared);
        EXPECT_EQ((*latest)->id, newest.id);
      }
      EXPECT_GT((*store)->next_id().value(), newest.id);
      if (cleared) break;
    }
  }
}

}  // namespace
}  // namespace weir::state
