#include <thread>

#include "row_store_contract.h"

namespace weir::state {
namespace {

using runtime::KeyGroup;
using runtime::KeyGroupRange;
using runtime::RowBuffer;
using runtime::RowSnapshot;

struct Names {
  template <class T>
  static std::string GetName(int i) {
    return std::vector<std::string>{"Memory", "RocksDb",
                                    "RocksDbRewriting"}[static_cast<std::size_t>(i)];
  }
};
TYPED_TEST_SUITE(RowStoreContract, Backends, Names);

TYPED_TEST(RowStoreContract, AnEmptyStoreHasAnEmptySnapshot) {
  auto store = this->open();
  const auto snapshot = store->snapshot(this->next_id());
  ASSERT_TRUE(snapshot.ok()) << snapshot.status();
  EXPECT_EQ(this->restored({*snapshot}), Rows());
}

TYPED_TEST(RowStoreContract, KeepsTheLastChangeOfEachKey) {
  auto store = this->open();
  Rows rows;
  RowBuffer first;
  first.put(row_key(1, 1, 0, "a"), "1");
  first.put(row_key(1, 1, 0, "b"), "2");
  first.put(row_key(1, 1, 0, "a"), "3");
  first.put(row_key(2, 1, 0, "gone"), "4");
  first.remove(row_key(2, 1, 0, "gone"));
  first.remove(row_key(2, 1, 0, "back"));
  first.put(row_key(2, 1, 0, "back"), "5");
  this->apply(*store, first, &rows);
  RowBuffer second;
  second.remove(row_key(1, 1, 0, "b"));
  second.put(row_key(1, 1, 0, "c"), "6");
  this->apply(*store, second, &rows);
  this->expect_readable(*store, rows, "");
  const auto snapshot = store->snapshot(this->next_id());
  ASSERT_TRUE(snapshot.ok()) << snapshot.status();
  this->expect_readable(*store, rows, "");
  EXPECT_EQ(this->restored({*snapshot}), rows);
}

TYPED_TEST(RowStoreContract, RemovesAPrefixAsOfItsPlaceInTheSequence) {
  auto store = this->open();
  Rows rows;
  RowBuffer old;
  for (int i = 0; i < 20; ++i) {
    old.put(row_key(1, 1, static_cast<std::uint64_t>(i % 4), std::to_string(i)), "old");
  }
  this->apply(*store, old, &rows);
  ASSERT_TRUE(store->snapshot(this->next_id()).ok());
  RowBuffer change;
  change.put(row_key(1, 1, 2, "new and overtaken"), "x");
  change.remove_prefix(row_key(1, 1, 2, "").substr(0, 12));
  change.put(row_key(1, 1, 2, "new"), "y");
  change.put(row_key(1, 1, 2, "2"), "z");
  this->apply(*store, change, &rows);
  EXPECT_EQ(rows.size(), 17u);
  this->expect_readable(*store, rows, "");
  this->expect_readable(*store, rows, row_key(1, 1, 2, "").substr(0, 12));
  const auto snapshot = store->snapshot(this->next_id());
  ASSERT_TRUE(snapshot.ok()) << snapshot.status();
  this->expect_readable(*store, rows, "");
  EXPECT_EQ(this->restored({*snapshot}), rows);
}

TYPED_TEST(RowStoreContract, RemovesEverythingUnderTheEmptyPrefixAndUnderOnesThatEndInFf) {
  auto store = this->open();
  Rows rows;
  RowBuffer change;
  change.put(row_key(1, 1, 0, "a"), "1");
  change.put(row_key(1, 0xffff, 7, "b"), "2");
  change.put(row_key(2, 0, 7, "c"), "3");
  this->apply(*store, change, &rows);
  RowBuffer removal;
  removal.remove_prefix(group_and_table(1, 0xffff));
  this->apply(*store, removal, &rows);
  EXPECT_EQ(rows.size(), 2u);
  this->expect_readable(*store, rows, "");
  RowBuffer all;
  all.remove_prefix("");
  all.put(row_key(3, 1, 0, "d"), "4");
  this->apply(*store, all, &rows);
  EXPECT_EQ(rows.size(), 1u);
  this->expect_readable(*store, rows, "");
  EXPECT_EQ(this->restored({store->snapshot(this->next_id()).value()}), rows);
}

TYPED_TEST(RowStoreContract, HoldsEmptyAndLargeValuesAndAnyByte) {
  auto store = this->open();
  Rows rows;
  RowBuffer change;
  change.put(row_key(5, 1, 0, ""), "");
  change.put(row_key(5, 1, 0, std::string(1, '\0')), std::string(3, '\0'));
  change.put(row_key(5, 1, 0, "\xff\xfe"), "\xff");
  change.put(row_key(5, 1, 0, std::string(5000, 'k')), std::string(3u << 20, 'v'));
  this->apply(*store, change, &rows);
  this->expect_readable(*store, rows, "");
  EXPECT_EQ(this->restored({store->snapshot(this->next_id()).value()}), rows);
}

TYPED_TEST(RowStoreContract, GoesOnFromARestoredSnapshot) {
  Rows rows;
  auto store = this->open();
  RowBuffer change;
  for (int i = 0; i < 200; ++i) {
    change.put(row_key(static_cast<std::uint16_t>(i % 128), 1, 0, std::to_string(i)), "1");
  }
  this->apply(*store, change, &rows);
  RowSnapshot snapshot = store->snapshot(this->next_id()).value();
  for (int attempt = 0; attempt < 4; ++attempt) {
    store.reset();
    this->open_folder();
    store = this->open();
    EXPECT_EQ(this->restore_into(*store, {snapshot}), rows);
    RowBuffer more;
    more.put(row_key(7, 1, 0, "attempt " + std::to_string(attempt)), "2");
    more.remove(row_key(static_cast<std::uint16_t>(attempt), 1, 0, std::to_string(attempt)));
    this->apply(*store, more, &rows);
    this->expect_readable(*store, rows, "");
    snapshot = store->snapshot(this->next_id()).value();
  }
  EXPECT_EQ(this->restored({snapshot}), rows);
}

TYPED_TEST(RowStoreContract, RescalesFromOneTaskToThreeToTwo) {
  Rows rows;
  auto one = this->open();
  RowBuffer change;
  for (int i = 0; i < 1000; ++i) {
    change.put(row_key(static_cast<std::uint16_t>(i % 128), 1, 0, std::to_string(i)), "1");
  }
  this->apply(*one, change, &rows);
  const RowSnapshot whole = one->snapshot(this->next_id()).value();

  const auto rescale = [&](const std::vector<RowSnapshot>& old,
                           const std::vector<KeyGroupRange>& groups, std::uint32_t base) {
    std::vector<RowSnapshot> snapshots;
    Rows all;
    for (std::size_t task = 0; task < groups.size(); ++task) {
      auto store = this->open(base + static_cast<std::uint32_t>(task), groups[task]);
      Rows part = this->restore_into(*store, old, groups[task]);
      this->expect_readable(*store, part, "");
      all.insert(part.begin(), part.end());
      RowBuffer more;
      more.put(row_key(groups[task].last.value, 2, 0, std::to_string(base + task)), "more");
      this->apply(*store, more, &part);
      rows[std::string(more.row(0).key)] = "more";
      snapshots.push_back(store->snapshot(this->next_id()).value());
      EXPECT_EQ(this->restored({snapshots.back()}, groups[task], 90), part);
    }
    return std::make_pair(snapshots, all);
  };

  Rows before = rows;
  const auto range = [](std::uint16_t a, std::uint16_t b) {
    return KeyGroupRange{KeyGroup(a), KeyGroup(b)};
  };
  auto [three, from_one] = rescale({whole}, {range(0, 42), range(43, 85), range(86, 127)}, 10);
  EXPECT_EQ(from_one, before);
  before = rows;
  auto [two, from_three] = rescale(three, {range(0, 63), range(64, 127)}, 20);
  EXPECT_EQ(from_three, before);
  EXPECT_EQ(this->restored(two), rows);
}

TYPED_TEST(RowStoreContract, RefusesSnapshotsThatDoNotHoldEachGroupOnce) {
  auto store = this->open(0, {KeyGroup(0), KeyGroup(63)});
  const RowSnapshot half = store->snapshot(this->next_id()).value();
  for (const std::vector<RowSnapshot>& snapshots :
       {std::vector<RowSnapshot>{half}, std::vector<RowSnapshot>{half, half}}) {
    const absl::Status status = this->open(1)->restore(snapshots, kAllGroups, nullptr);
    EXPECT_EQ(status.code(), absl::StatusCode::kDataLoss) << status;
    EXPECT_NE(status.message().find("key group"), absl::string_view::npos);
  }
}

TYPED_TEST(RowStoreContract, RefusesTheSnapshotOfAnotherBackend) {
  auto store = this->open();
  RowSnapshot snapshot = store->snapshot(this->next_id()).value();
  snapshot.format = "papyrus/1";
  const absl::Status status =
      this->open(1)->restore(std::vector<RowSnapshot>{snapshot}, kAllGroups, nullptr);
  EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_NE(status.message().find("papyrus/1"), absl::string_view::npos) << status;
}

TYPED_TEST(RowStoreContract, RefusesADamagedFileBeforeAnyRowIsVisited) {
  auto store = this->open();
  RowBuffer change;
  for (int i = 0; i < 100; ++i) change.put(row_key(1, 1, 0, std::to_string(i)), "value");
  ASSERT_TRUE(store->apply(change).ok());
  const RowSnapshot snapshot = store->snapshot(this->next_id()).value();
  ASSERT_FALSE(snapshot.files.empty());
  for (const runtime::SnapshotFile& file : snapshot.files) {
    const std::string path = this->dir_ / "state/files/" + file.name;
    const std::string whole = runtime::local_storage().read(path).value();
    std::string flipped = whole;
    flipped[flipped.size() / 2] = static_cast<char>(flipped[flipped.size() / 2] ^ 4);
    for (const std::string& bytes : {flipped, whole.substr(0, whole.size() - 1), std::string()}) {
      std::filesystem::remove(path);
      auto damaged = runtime::local_storage().create(path).value();
      ASSERT_TRUE(damaged->append(bytes).ok() && damaged->close().ok());
      const absl::Status status = this->open(1)->restore(
          std::vector<RowSnapshot>{snapshot}, kAllGroups,
          [](std::string_view, std::string_view) { ADD_FAILURE() << "a row was visited"; });
      EXPECT_EQ(status.code(), absl::StatusCode::kDataLoss) << status;
      EXPECT_NE(status.message().find(file.name), absl::string_view::npos) << status;
    }
    std::filesystem::remove(path);
    auto healed = runtime::local_storage().create(path).value();
    ASSERT_TRUE(healed->append(whole).ok() && healed->close().ok());
  }
}

TYPED_TEST(RowStoreContract, AgreesWithAMapOnRandomChanges) {
  for (const std::uint64_t seed : {1u, 2u, 3u}) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    std::mt19937_64 random(seed);
    const auto some_key = [&random] {
      const auto group = static_cast<std::uint16_t>(random() % 128);
      return row_key(group, static_cast<std::uint16_t>(random() % 2), random() % 3,
                     std::to_string(random() % 20));
    };
    auto store = this->open(static_cast<std::uint32_t>(seed));
    Rows rows;
    for (int round = 0; round < 30; ++round) {
      RowBuffer change;
      for (std::uint64_t i = random() % 300; i > 0; --i) {
        switch (random() % 10) {
          case 0: change.remove_prefix(some_key().substr(0, random() % 2 == 0 ? 4 : 12)); break;
          case 1:
          case 2: change.remove(some_key()); break;
          default: change.put(some_key(), std::string(random() % 50, 'v') + std::to_string(round));
        }
      }
      this->apply(*store, change, &rows);
      this->expect_found(*store, rows, {some_key(), some_key(), some_key(), some_key()});
      this->expect_readable(*store, rows, some_key().substr(0, random() % 13));
      if (random() % 3 > 0) continue;
      const auto snapshot = store->snapshot(this->next_id());
      ASSERT_TRUE(snapshot.ok()) << snapshot.status();
      ASSERT_EQ(this->restored({*snapshot}), rows);
      if (random() % 3 > 0) continue;
      store.reset();
      store = this->open(static_cast<std::uint32_t>(seed));
      ASSERT_EQ(this->restore_into(*store, {*snapshot}), rows);
    }
  }
}

// One thread reads while another applies and takes snapshots: values never go back.
TYPED_TEST(RowStoreContract, IsReadWhileRowsAreApplied) {
  auto store = this->open();
  if (!store->can_read()) GTEST_SKIP() << "nothing can be read";
  std::vector<std::string> keys;
  for (int i = 0; i < 40; ++i) keys.push_back(row_key(1, 1, 0, std::to_string(i)));
  constexpr int kRounds = 25;
  std::thread writer([&] {
    for (int round = 1; round <= kRounds; ++round) {
      RowBuffer change;
      if (round % 5 == 0) change.remove_prefix(group_and_table(1, 1));
      for (const std::string& key : keys) change.put(key, std::string(1, static_cast<char>(round)));
      EXPECT_TRUE(store->apply(std::move(change)).ok());
      EXPECT_TRUE(round % 4 != 0 || store->snapshot(this->next_id()).ok());
    }
  });
  std::vector<int> last(keys.size(), 0);
  while (last[0] < kRounds) {
    std::vector<std::optional<std::string>> values;
    ASSERT_TRUE(store->get(keys, &values).ok());
    for (std::size_t i = 0; i < keys.size(); ++i) {
      const int seen = values[i].has_value() ? values[i]->at(0) : 0;
      EXPECT_GE(seen, last[i]);
      last[i] = seen;
    }
    std::size_t scanned = 0;
    ASSERT_TRUE(store->scan(group_and_table(1, 1), [&](auto, auto) { ++scanned; }).ok());
    EXPECT_TRUE(scanned == 0 || scanned == keys.size()) << scanned;
  }
  writer.join();
}

}  // namespace
}  // namespace weir::state
