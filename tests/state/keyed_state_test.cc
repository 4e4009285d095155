// KeyedState as a write-back cache: with room for a tenth of the state it must look like a plain
// map, through checkpoints at any moment and restores.
#include "weir/state/table_group.h"

#include <gtest/gtest.h>

#include <deque>
#include <random>

#include "support/sanitizers.h"
#include "support/temp_dir.h"
#include "weir/runtime/storage.h"
#include "weir/state/checkpoint_store.h"
#include "weir/state/rocksdb_store.h"

namespace weir::state {
namespace {

using runtime::CheckpointId;
using runtime::KeyGroup;
using runtime::RowSnapshot;

using Group = TableGroup<std::int64_t, std::int64_t>;
// (namespace, key) -> value
using Model = std::map<std::pair<std::int64_t, std::int64_t>, std::int64_t>;

constexpr std::uint32_t kGroups = 16;
constexpr runtime::KeyGroupRange kAll{KeyGroup(0), KeyGroup(kGroups - 1)};
constexpr std::int64_t kSpaces = 4;
constexpr std::int64_t kKeys = 1'000;  // per namespace

// The keyed state of one attempt of a task: two groups of tables that may leave memory, and one
// that may not.
struct Attempt {
  Attempt(CheckpointStore& store, std::size_t ingest_rows, std::size_t budget) {
    RocksDbOptions options;
    options.block_cache_bytes = 1u << 20;
    options.ingest_rows = ingest_rows;
    auto rows = open_rocksdb_store(store, {"task", 0, kAll}, make_rocksdb_resources(options));
    WEIR_CHECK(rows.ok(), "a store can be opened");
    state =
        std::make_unique<KeyedState>(KeyedState::Options{kGroups, kAll, budget}, *std::move(rows));
    runtime::OperatorContext context;
    context.uid = "op";
    context.state = state.get();
    groups[0].declare(context, "a", "slices");
    groups[1].declare(context, "b", "value");
    groups[2].declare(context, "pinned", "timers");
    groups[2].pin();
  }

  Group groups[3];
  std::unique_ptr<KeyedState> state;
};

std::uint64_t hash_of(std::int64_t key) { return runtime::key_hash(key); }

// A job of one task that does random things to its state and to the models at once.
class RandomRun {
 public:
  RandomRun(std::uint64_t seed, std::size_t ingest_rows, std::size_t budget)
      : random_(seed), ingest_rows_(ingest_rows), budget_(budget) {
    start();
  }

  void step() {
    const std::uint64_t kind = random_() % 100;
    if (kind < 60) return batch();
    if (kind < 63) return drop();
    if (kind < 66) return compare_namespace();
    if (kind < 80) return keep_budget();
    if (kind < 85) return freeze();
    if (kind < 92) return encode();
    if (kind < 98) return write();
    if (random_() % 6 == 0) return restart();
  }
  // Everything that is there, read back namespace by namespace.
  void compare_all() {
    for (std::size_t g = 0; g < 3; ++g) {
      for (std::int64_t space = 0; space < kSpaces; ++space) compare(g, space);
    }
  }
  // Writes what is under way, and lets everything go that may go.
  void settle() {
    while (frozen_) encode();
    while (!jobs_.empty()) write();
    for (int i = 0; i < 12; ++i) keep_budget();
  }
  void restart() {
    attempt_.reset();
    jobs_.clear();
    frozen_ = false;
    start();
    if (!snapshot_.has_value()) {
      for (Model& model : models_) model.clear();
      return;
    }
    const absl::Status status = attempt_->state->restore({{snapshot_->rows, {}, {}}});
    ASSERT_TRUE(status.ok()) << status;
    for (std::size_t g = 0; g < 3; ++g) models_[g] = snapshot_->models[g];
    ++restores;
  }
  // Puts a value for each key of each namespace of the groups that may leave.
  void fill() {
    for (std::size_t g = 0; g < 2; ++g) {
      for (std::int64_t space = 0; space < kSpaces; ++space) {
        for (std::int64_t key = 0; key < kKeys; ++key) put(g, space, key);
        keep_budget();
      }
    }
  }
  std::size_t memory_bytes() const { return attempt_->state->memory_bytes(); }

  int restores = 0;
  int fetches = 0;

 private:
  struct Written {
    RowSnapshot rows;
    Model models[3];
  };
  struct Job {
    std::function<absl::StatusOr<RowSnapshot>()> run;
    std::shared_ptr<Written> written;
  };

  void start() {
    folder_.reset();
    auto opened = CheckpointStore::open(runtime::local_storage(), dir_ / "state", {"job", "t"});
    ASSERT_TRUE(opened.ok()) << opened.status();
    folder_ = *std::move(opened);
    attempt_ = std::make_unique<Attempt>(*folder_, ingest_rows_, budget_);
  }

  void put(std::size_t g, std::int64_t space, std::int64_t key) {
    const auto value = static_cast<std::int64_t>(random_() % 1'000'000);
    attempt_->groups[g].at(space).upsert(hash_of(key), key) = value;
    models_[g][{space, key}] = value;
  }
  void change(std::size_t g, std::int64_t space, std::int64_t key) {
    auto& table = attempt_->groups[g].at(space);
    const std::uint64_t hash = hash_of(key);
    Model& model = models_[g];
    const auto it = model.find({space, key});
    const std::int64_t* found = table.find(hash, key);
    ASSERT_EQ(found != nullptr, it != model.end()) << "key " << key << " of " << space;
    if (found != nullptr) {
      ASSERT_EQ(*found, it->second) << "key " << key << " of " << space;
    }
    switch (random_() % 8) {
      case 0:
      case 1:
        ASSERT_EQ(table.erase(hash, key), it != model.end());
        model.erase({space, key});
        return;
      case 2:
      case 3: return;
      default: return put(g, space, key);
    }
  }
  // As an operator does it: what a batch needs is fetched first.
  void batch() {
    const std::size_t g = random_() % 3;
    const auto space = static_cast<std::int64_t>(random_() % kSpaces);
    // Some batches come back to the same few keys, so that what was just removed is asked for.
    const std::int64_t range = random_() % 2 == 0 ? kKeys : 20;
    std::vector<std::int64_t> keys(1 + random_() % 40);
    std::vector<std::uint64_t> hashes;
    for (std::int64_t& key : keys) {
      key = static_cast<std::int64_t>(random_()) % range;
      hashes.push_back(hash_of(key));
    }
    Group& group = attempt_->groups[g];
    if (group.must_fetch()) {
      ++fetches;
      group.fetch(
          static_cast<std::uint32_t>(keys.size()), hashes.data(),
          [&](std::uint32_t i) { return keys[i]; }, space);
    }
    for (const std::int64_t key : keys) change(g, space, key);
  }
  void drop() {
    const std::size_t g = random_() % 3;
    const auto space = static_cast<std::int64_t>(random_() % kSpaces);
    attempt_->groups[g].drop(space);
    std::erase_if(models_[g], [&](const auto& entry) { return entry.first.first == space; });
  }
  void compare_namespace() { compare(random_() % 3, static_cast<std::int64_t>(random_() % 4)); }
  void compare(std::size_t g, std::int64_t space) {
    Group& group = attempt_->groups[g];
    group.fetch_all(space);
    Model found;
    if (const auto* table = group.find(space)) {
      table->for_each([&](std::int64_t key, std::int64_t value) { found[{space, key}] = value; });
    }
    Model expected = models_[g];
    std::erase_if(expected, [&](const auto& entry) { return entry.first.first != space; });
    ASSERT_EQ(found, expected) << "group " << g << ", namespace " << space;
  }
  void keep_budget() {
    const absl::Status status = attempt_->state->keep_budget();
    ASSERT_TRUE(status.ok()) << status;
  }
  void freeze() {
    while (frozen_) encode();
    attempt_->state->freeze();
    frozen_ = true;
    freezing_ = std::make_shared<Written>();
    for (std::size_t g = 0; g < 3; ++g) freezing_->models[g] = models_[g];
  }
  void encode() {
    if (!frozen_ || !attempt_->state->encode_frozen(1 + random_() % 200)) return;
    frozen_ = false;
    const CheckpointId id = folder_->next_id().value();
    jobs_.push_back({attempt_->state->persist(id), freezing_});
  }
  // What the I/O thread does, in order.
  void write() {
    if (jobs_.empty()) return;
    const Job job = std::move(jobs_.front());
    jobs_.pop_front();
    absl::StatusOr<RowSnapshot> rows = job.run();
    ASSERT_TRUE(rows.ok()) << rows.status();
    job.written->rows = *std::move(rows);
    snapshot_ = *job.written;
  }

  std::mt19937_64 random_;
  const std::size_t ingest_rows_;
  const std::size_t budget_;
  tests::TempDir dir_{tests::TempDir::On::kMemory};
  std::unique_ptr<CheckpointStore> folder_;
  std::unique_ptr<Attempt> attempt_;
  Model models_[3];
  bool frozen_ = false;
  std::shared_ptr<Written> freezing_;
  std::deque<Job> jobs_;
  std::optional<Written> snapshot_;
};

std::size_t bytes_of_all() {
  RandomRun run(1, 64, SIZE_MAX);
  run.fill();
  return run.memory_bytes();
}

TEST(KeyedStateCache, IsAMapWithRoomForATenthOfTheState) {
  constexpr int kSeeds = tests::kSanitizer ? 8 : 20;
  const std::size_t budget = bytes_of_all() / 10;
  int restores = 0;
  int fetches = 0;
  for (std::uint64_t seed = 1; seed <= std::uint64_t{kSeeds}; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    RandomRun run(seed, seed % 2 == 0 ? 1 : 64, budget);
    if (seed % 3 != 0) run.fill();
    for (int i = 0; i < 600 && !testing::Test::HasFailure(); ++i) run.step();
    ASSERT_FALSE(testing::Test::HasFailure());
    run.compare_all();
    run.settle();
    run.restart();
    run.compare_all();
    restores += run.restores;
    fetches += run.fetches;
  }
  EXPECT_GT(restores, kSeeds * 3 / 2);
  EXPECT_GT(fetches, kSeeds * 100);
}

TEST(KeyedStateCache, StaysWithinItsBudget) {
  const std::size_t all = bytes_of_all();
  RandomRun run(7, 64, all / 10);
  run.fill();
  EXPECT_LE(run.memory_bytes(), all / 10);
  run.compare_all();
  EXPECT_GT(run.memory_bytes(), all / 2);
  run.settle();
  EXPECT_LE(run.memory_bytes(), all / 10);
}

}  // namespace
}  // namespace weir::state
