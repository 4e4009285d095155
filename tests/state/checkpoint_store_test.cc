#include "weir/state/checkpoint_store.h"

#include <set>

#include "checkpoint_store_fixture.h"
#include "state/src/file_name.h"

namespace weir::state {
namespace {

using runtime::CheckpointId;
using runtime::SimulatedStorage;
using runtime::SnapshotFile;

bool says(const absl::Status& status, const std::string& words) {
  return status.message().find(words) != absl::string_view::npos;
}

TEST(CheckpointStore, GivesBackTheNewestCompleteCheckpoint) {
  SimulatedStorage disk(1);
  auto store = open_store(disk).value();
  EXPECT_FALSE(store->load_latest({}).value().has_value());
  ASSERT_TRUE(checkpoint(*store).ok());
  const Manifest second = checkpoint(*store).value();
  ASSERT_TRUE(write_files(*store, store->next_id().value()).ok());  // never completed

  store.reset();
  store = open_store(disk).value();
  const std::optional<Manifest> latest = store->load_latest({}).value();
  ASSERT_TRUE(latest.has_value());
  EXPECT_EQ(latest->id, second.id);
  EXPECT_EQ(store->list().value().size(), 2u);
  ASSERT_EQ(latest->tasks.size(), 1u);
  EXPECT_EQ(store->read(latest->tasks[0].rows.files[1]).value(), content(second.id.value, 1));
}

TEST(CheckpointStore, RefusesAFolderThatIsInUse) {
  SimulatedStorage disk(1);
  auto store = open_store(disk).value();
  const absl::Status second = open_store(disk).status();
  EXPECT_EQ(second.code(), absl::StatusCode::kUnavailable);
  EXPECT_TRUE(says(second, "pid")) << second;
  store.reset();
  EXPECT_TRUE(open_store(disk).ok());
}

TEST(CheckpointStore, RefusesTheFolderOfAnotherJobTopologyOrFormat) {
  SimulatedStorage disk(1);
  ASSERT_TRUE(open_store(disk).ok());
  const absl::Status job = open_store(disk, {"other", kJob.topology}).status();
  EXPECT_EQ(job.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_TRUE(says(job, "belongs to job 'job', not to 'other'")) << job;
  const absl::Status topology = open_store(disk, {kJob.job, "fingerprint-2"}).status();
  EXPECT_EQ(topology.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_TRUE(says(topology, "another topology") && says(topology, "state folder")) << topology;
  EXPECT_TRUE(open_store(disk).ok());

  ASSERT_TRUE(disk.remove(kFolder + "/job.json").ok());
  const absl::Status foreign = open_store(disk).status();
  EXPECT_EQ(foreign.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_TRUE(says(foreign, "is not a state folder of Weir")) << foreign;
}

TEST(CheckpointStore, LeavesAFolderOfSomethingElseUntouched) {
  SimulatedStorage disk(1);
  ASSERT_TRUE(disk.make_dirs(kFolder + "/local/precious").ok());
  EXPECT_EQ(open_store(disk).status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(disk.list(kFolder).value(), std::vector<std::string>{"local"});
  EXPECT_TRUE(disk.exists(kFolder + "/local/precious"));
}

TEST(CheckpointStore, RefusesAFolderWhoseOwnRecordsAreDamaged) {
  for (const std::string name : {"job.json", "sequence.json"}) {
    SimulatedStorage disk(1);
    {
      auto store = open_store(disk).value();
      ASSERT_TRUE(checkpoint(*store).ok());
    }
    disk.flip_bit(kFolder + "/" + name, 99);
    const absl::Status status = open_store(disk).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kDataLoss) << status;
    EXPECT_TRUE(says(status, name)) << status;
  }
  SimulatedStorage disk(1);
  {
    auto store = open_store(disk).value();
    ASSERT_TRUE(checkpoint(*store).ok());
  }
  ASSERT_TRUE(disk.remove(kFolder + "/sequence.json").ok());
  EXPECT_EQ(open_store(disk).status().code(), absl::StatusCode::kDataLoss);
}

TEST(CheckpointStore, NeverGivesOutAnIdOrAnEpochTwice) {
  SimulatedStorage disk(7);
  std::set<std::uint64_t> ids;
  std::uint64_t last_epoch = 0;
  std::uint64_t last_id = 0;
  for (int attempt = 0; attempt < 12; ++attempt) {
    auto store = open_store(disk).value();
    EXPECT_GT(store->epoch().value, last_epoch);
    last_epoch = store->epoch().value;
    for (int i = 0; i < 70 * (attempt % 4); ++i) {
      const std::uint64_t id = store->next_id().value().value;
      EXPECT_GT(id, last_id);
      last_id = id;
      EXPECT_TRUE(ids.insert(id).second);
    }
    store.reset();
    if (attempt % 2 == 0) disk.crash();
  }
}

TEST(CheckpointStore, GoesOnWithAnEpochThatIsStillTheLast) {
  runtime::SimulatedStorage disk(1);
  runtime::CheckpointId id;
  {
    auto store = *open_store(disk);
    ASSERT_TRUE(disk.make_dirs(kFolder + "/local/task-0").ok());
    const auto manifest = checkpoint(*store);
    ASSERT_TRUE(manifest.ok()) << manifest.status();
    id = manifest->id;
  }
  auto store = CheckpointStore::resume(disk, kFolder, kJob, runtime::Epoch(1));
  ASSERT_TRUE(store.ok()) << store.status();
  EXPECT_EQ((*store)->epoch(), runtime::Epoch(1));
  EXPECT_TRUE(disk.exists(kFolder + "/local/task-0")) << "tasks work in there";
  EXPECT_EQ((*(*store)->latest())->id, id);
  EXPECT_GT(*(*store)->next_id(), id);
  store->reset();
  ASSERT_TRUE(open_store(disk).ok());
  const auto late = CheckpointStore::resume(disk, kFolder, kJob, runtime::Epoch(1));
  EXPECT_EQ(late.status().code(), absl::StatusCode::kAborted) << late.status();
}

TEST(CheckpointStore, SurvivesACrashAtEveryChangeWithTheOldOrTheNewCheckpoint) {
  for (const std::uint64_t seed : {1u, 2u, 3u, 4u, 5u}) {
    for (std::uint64_t n = 1;; ++n) {
      SCOPED_TRACE("seed " + std::to_string(seed) + ", change " + std::to_string(n));
      SimulatedStorage disk(seed * 1000 + n);
      disk.die_at_change(n);
      std::uint64_t acked = 0;
      bool given_out = false;  // an id after the acked one
      std::set<std::string> names;
      if (auto opened = open_store(disk); opened.ok()) {
        auto store = *std::move(opened);
        Manifest last;
        for (int i = 0; i < 4; ++i) {
          const SnapshotFile* kept = last.tasks.empty() ? nullptr : &last.tasks[0].rows.files[0];
          given_out = true;
          auto manifest = checkpoint(*store, kept);
          if (!manifest.ok()) break;
          last = *manifest;
          acked = last.id.value;
          for (const SnapshotFile& file : last.tasks[0].rows.files) names.insert(file.name);
          if (i > 1 && !store->collect(2).ok()) break;
        }
      }
      const bool died = disk.dead();
      disk.crash();
      auto opened = open_store(disk);
      ASSERT_TRUE(opened.ok()) << opened.status();
      auto store = *std::move(opened);
      const auto latest = store->load_latest({});
      ASSERT_TRUE(latest.ok()) << latest.status();
      ASSERT_EQ(latest->has_value(), acked > 0 || latest->has_value());
      if (latest->has_value()) {
        const Manifest& manifest = **latest;
        EXPECT_GE(manifest.id.value, acked);
        EXPECT_LE(manifest.id.value, acked + 1);
        const auto& files = manifest.tasks[0].rows.files;
        EXPECT_EQ(store->read(files.back()).value(), content(manifest.id.value, 1));
        const std::vector<CheckpointId> ids = store->list().value();
        for (const CheckpointId id : ids) EXPECT_TRUE(store->load(id).ok());
      }
      const Manifest next = checkpoint(*store).value();
      EXPECT_GT(next.id.value, acked + (given_out ? 1 : 0));
      for (const SnapshotFile& file : next.tasks[0].rows.files) {
        EXPECT_EQ(names.count(file.name), 0u);
      }
      ASSERT_TRUE(store->collect(1).ok());
      EXPECT_EQ(disk.list(kFolder + "/files").value().size(), 2u);
      EXPECT_EQ(disk.list(kFolder + "/checkpoints").value().size(), 1u);
      if (!died) break;
    }
  }
}

TEST(CheckpointStore, NamesAStepBeforeEveryPersistence) {
  SimulatedStorage disk(1);
  auto store = open_store(disk).value();
  const std::size_t before = disk.steps().size();
  ASSERT_TRUE(checkpoint(*store).ok());
  std::vector<std::string> steps = disk.steps();
  steps.erase(steps.begin(), steps.begin() + static_cast<std::ptrdiff_t>(before));
  EXPECT_EQ(steps, (std::vector<std::string>{
                       "file.write", "file.sync", "file.write", "file.sync", "files.sync_dir",
                       "files.sync_dir", "checkpoint.make_dir", "checkpoint.sync_dir",
                       "manifest.write", "manifest.sync", "manifest.rename", "manifest.sync_dir"}));
}

TEST(CheckpointStore, RefusesADamagedFileAndNamesIt) {
  enum class Damage { kFlip, kTruncate, kRemove };
  for (const Damage damage : {Damage::kFlip, Damage::kTruncate, Damage::kRemove}) {
    for (int which = 0; which < 3; ++which) {
      SimulatedStorage disk(1);
      Manifest older;
      Manifest newer;
      {
        auto store = open_store(disk).value();
        older = checkpoint(*store).value();
        newer = checkpoint(*store).value();
      }
      const bool is_manifest = which == 2;
      if (is_manifest && damage == Damage::kRemove) continue;  // then it is not complete
      const std::string path =
          is_manifest ? kFolder + "/checkpoints/" + checkpoint_name(newer.id) + "/manifest.json"
                      : path_of(newer.tasks[0].rows.files[static_cast<std::size_t>(which)]);
      if (damage == Damage::kFlip) disk.flip_bit(path, 1234);
      if (damage == Damage::kTruncate) disk.truncate(path, disk.size(path).value() - 1);
      if (damage == Damage::kRemove) disk.remove(path).IgnoreError();

      auto store = open_store(disk).value();
      const absl::Status refused = store->load_latest({}).status();
      EXPECT_EQ(refused.code(), absl::StatusCode::kDataLoss) << refused;
      EXPECT_TRUE(says(refused, path)) << refused;
      EXPECT_TRUE(says(refused, "Nothing was restored")) << refused;
      EXPECT_EQ(store->load(newer.id).status().code(), absl::StatusCode::kDataLoss);
      const auto fallback = store->load_latest({.allow_older = true});
      ASSERT_TRUE(fallback.ok()) << fallback.status();
      EXPECT_EQ((*fallback)->id, older.id);
    }
  }
}

TEST(CheckpointStore, SaysSoWhenNoCheckpointIsUsable) {
  SimulatedStorage disk(1);
  Manifest only;
  {
    auto store = open_store(disk).value();
    only = checkpoint(*store).value();
  }
  disk.truncate(path_of(only.tasks[0].rows.files[0]), 3);
  auto store = open_store(disk).value();
  EXPECT_EQ(store->load_latest({.allow_older = true}).status().code(), absl::StatusCode::kDataLoss);
}

TEST(CheckpointStore, AbortsACheckpointWhenTheDiskIsFullAndRecoversWhenSpaceReturns) {
  SimulatedStorage disk(1);
  auto store = open_store(disk).value();
  const Manifest first = checkpoint(*store).value();
  for (const std::uint64_t space : {0u, 100u, 700u, 1500u, 2200u}) {
    const std::uint64_t used = disk.used_bytes();
    disk.set_capacity(used + space);
    const absl::Status full = checkpoint(*store).status();
    EXPECT_EQ(full.code(), absl::StatusCode::kResourceExhausted) << space << " " << full;
    EXPECT_TRUE(says(full, "free space")) << full;
    disk.set_capacity(~std::uint64_t{0});
    EXPECT_EQ(store->load_latest({}).value()->id, first.id);
  }
  const Manifest next = checkpoint(*store).value();
  ASSERT_TRUE(store->collect(1).ok());
  EXPECT_EQ(disk.list(kFolder + "/files").value().size(), 2u);
  EXPECT_EQ(store->load_latest({}).value()->id, next.id);
}

TEST(CheckpointStore, AbortsACheckpointWhenASyncFails) {
  SimulatedStorage disk(1);
  auto store = open_store(disk).value();
  for (const std::uint64_t sync : {1u, 2u, 3u}) {
    disk.fail_sync(sync);
    EXPECT_EQ(checkpoint(*store).status().code(), absl::StatusCode::kUnavailable);
  }
  EXPECT_TRUE(store->list().value().empty());
  EXPECT_TRUE(checkpoint(*store).ok());
}

TEST(CheckpointStore, StopsWhenItIsUnknownWhetherACheckpointIsComplete) {
  SimulatedStorage disk(1);
  auto store = open_store(disk).value();
  const Manifest first = checkpoint(*store).value();
  disk.fail_sync_dir(4);  // twice for the files, once for the new folder, then the rename
  const absl::Status unknown = checkpoint(*store).status();
  EXPECT_FALSE(unknown.ok());
  EXPECT_TRUE(says(unknown, "start the program again")) << unknown;
  EXPECT_EQ(store->next_id().status(), unknown);
  EXPECT_EQ(store->put_bytes({first.id, "task", 0}, "base", "x").status(), unknown);
  EXPECT_EQ(store->collect().status(), unknown);
  EXPECT_EQ(store->load(first.id).status(), unknown);
  store.reset();
  EXPECT_TRUE(open_store(disk).value()->load_latest({}).ok());
}

TEST(CheckpointStore, EndsTheProcessRatherThanReuseACheckpointId) {
  SimulatedStorage disk(1);
  auto store = open_store(disk).value();
  const Manifest first = checkpoint(*store).value();
  EXPECT_DEATH(store->complete(first).IgnoreError(), "ids must rise");
  Manifest invented = first;
  invented.id = CheckpointId(5000);
  EXPECT_DEATH(store->complete(invented).IgnoreError(), "never given out");
  Manifest old = first;
  old.id = store->next_id().value();
  old.epoch = runtime::Epoch(99);
  EXPECT_DEATH(store->complete(old).IgnoreError(), "another attempt");
}

}  // namespace
}  // namespace weir::state
