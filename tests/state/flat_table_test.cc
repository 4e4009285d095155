#include "weir/state/flat_table.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <map>
#include <memory>
#include <random>
#include <set>
#include <string>
#include <tuple>
#include <vector>

#include "weir/state/update_entries.h"

namespace weir::state {
namespace {

using runtime::KeyGroup;
using runtime::KeyGroupRange;
using Rows = std::map<std::string, std::string>;

void replay(const RowBuffer& changes, Rows& rows) {
  for (std::size_t i = 0; i < changes.rows(); ++i) {
    const RowBuffer::Row row = changes.row(i);
    if (row.op == RowBuffer::Op::kPut) {
      rows[std::string(row.key)] = std::string(row.value);
    } else {
      rows.erase(std::string(row.key));
    }
  }
}

template <class K>
K key_of(std::uint64_t i);
template <>
std::int64_t key_of<std::int64_t>(std::uint64_t i) {
  return static_cast<std::int64_t>(i) - 20;
}
template <>
std::string key_of<std::string>(std::uint64_t i) {
  return i % 3 == 0 ? std::string(i / 3, 'x') : "key" + std::to_string(i);
}

// What task `index` of `tasks` owns of 128 groups.
KeyGroupRange groups_of(std::uint64_t index, std::uint64_t tasks) {
  const auto first_of = [&](std::uint64_t i) { return (i * 128 + tasks - 1) / tasks; };
  return {KeyGroup(static_cast<std::uint16_t>(first_of(index))),
          KeyGroup(static_cast<std::uint16_t>(first_of(index + 1) - 1))};
}

// A table beside a map, and the store that its rows go to beside what the map was at the freeze.
template <class K>
class Pair {
 public:
  // The table belongs to one of 1 .. 7 tasks.
  explicit Pair(std::uint64_t seed)
      : random_(seed),
        groups_(groups_of(seed % 7 / 2, seed % 7 + 1)),
        table_(RowPrefix{7, 42, 128, HashShare::of(groups_, 128)}) {}

  void step() {
    const std::uint64_t range = step_ < 2'000 ? 40 : 400;  // grows late, also while frozen
    const K key = key_of<K>(random_() % range);
    const std::uint64_t hash = runtime::key_hash(key);
    if (!groups_.contains(runtime::key_group_of(hash, 128))) return;
    const std::uint64_t kind = random_() % 100;
    ++step_;
    if (kind < 45) return put(hash, key);
    if (kind < 65) return erase(hash, key);
    if (kind < 70) return check_key(hash, key);
    if (kind < 75) return freeze();
    if (kind < 95) return encode(1 + random_() % 7);
    if (kind < 98) return evict();
    if (kind < 99 && random_() % 8 == 0) return drop();
  }
  void finish() {
    freeze();
    encode(SIZE_MAX);
    load_all();
    ASSERT_EQ(as_map(), map_);
  }

 private:
  using Map = std::map<K, std::int64_t>;

  void put(std::uint64_t hash, const K& key) {
    load(hash, key);
    const auto value = static_cast<std::int64_t>(random_() % 1'000);
    if (random_() % 2 == 0) {
      table_.upsert(hash, key) = value;
    } else {
      auto view = table_.view();
      table_.upsert(view, hash, key) = value;
    }
    map_[key] = value;
  }
  void erase(std::uint64_t hash, const K& key) {
    load(hash, key);
    ASSERT_EQ(table_.erase(hash, key), map_.erase(key) == 1);
  }
  void check_key(std::uint64_t hash, const K& key) {
    load(hash, key);
    const std::int64_t* value = table_.find(hash, key);
    const auto it = map_.find(key);
    ASSERT_EQ(value != nullptr, it != map_.end());
    if (value != nullptr) {
      ASSERT_EQ(*value, it->second);
    }
  }
  // What is not in the table may rest in the store; not while newer changes are on their way there.
  void load(std::uint64_t hash, const K& key) {
    if (table_.contains(hash, key) || map_.count(key) == 0) return;
    const auto it = rows_.find(row_key(hash, key));
    ASSERT_NE(it, rows_.end()) << "an entry was evicted that the store does not have";
    std::int64_t value = 0;
    ASSERT_TRUE(runtime::decode_from(it->second, value));
    table_.load(hash, key, value);
  }
  void load_all() {
    for (const auto& [key, value] : map_) load(runtime::key_hash(key), key);
  }
  void freeze() {
    encode(SIZE_MAX);
    frozen_ = map_;
    table_.freeze();
    is_frozen_ = true;
  }
  void encode(std::size_t rows) {
    if (!is_frozen_ || !table_.encode_frozen(buffer_, rows)) return;
    is_frozen_ = false;
    replay(buffer_, rows_);
    buffer_.clear();
    check_rows();
  }
  void check_rows() {
    Rows expected;
    for (const auto& [key, value] : frozen_) {
      expected[row_key(runtime::key_hash(key), key)] = runtime::encode_to_string(value);
    }
    ASSERT_EQ(rows_, expected);
  }
  void evict() {
    if (is_frozen_) return;
    if (table_.has_removals()) {
      freeze();
      encode(SIZE_MAX);
    }
    const std::size_t before = table_.size();
    RowBuffer evicted_rows;
    const std::size_t evicted = table_.evict(random_() % 10, evicted_rows);
    ASSERT_EQ(table_.size() + evicted, before);
    ASSERT_LE(evicted_rows.rows(), evicted);
    replay(evicted_rows, rows_);
    if (random_() % 4 == 0) table_.tighten();
    if (random_() % 2 == 0) table_.shrink();
  }
  void drop() {
    load_all();
    table_.drop_all();
    map_.clear();
    ASSERT_TRUE(table_.empty());
  }
  Map as_map() const {
    Map out;
    table_.for_each([&](const K& key, std::int64_t value) { out[key] = value; });
    return out;
  }
  std::string row_key(std::uint64_t hash, const K& key) const {
    std::string row;
    table_.prefix().append_to(row, hash);
    KeyTraits<K>::encode_key(row, key);
    return row;
  }

  std::mt19937_64 random_;
  KeyGroupRange groups_;
  FlatTable<K, std::int64_t> table_;
  Map map_;
  Map frozen_;
  RowBuffer buffer_;
  Rows rows_;
  bool is_frozen_ = false;
  std::size_t step_ = 0;
};

template <class K>
void compare_with_a_map() {
  for (std::uint64_t seed = 1; seed <= 40; ++seed) {
    SCOPED_TRACE(seed);
    Pair<K> pair(seed);
    for (int i = 0; i < 4'000; ++i) {
      pair.step();
      if (::testing::Test::HasFatalFailure()) return;
    }
    pair.finish();
    if (::testing::Test::HasFatalFailure()) return;
  }
}

TEST(FlatTable, AgreesWithAMapAndItsRowsWithTheMapAtTheFreeze) {
  compare_with_a_map<std::int64_t>();
}
TEST(FlatTable, AgreesWithAMapOfStringKeys) { compare_with_a_map<std::string>(); }

// Where the keys of one task would crowd in a part of its tables, probing would go far.
TEST(HashShare, SpreadsTheKeysOfEachTaskOverAtLeastHalfOfATable) {
  for (std::uint64_t tasks = 1; tasks <= 128; ++tasks) {
    for (std::uint64_t index = 0; index < tasks; ++index) {
      SCOPED_TRACE(std::to_string(index) + " of " + std::to_string(tasks));
      const KeyGroupRange groups = groups_of(index, tasks);
      const HashShare share = HashShare::of(groups, 128);
      std::array<std::uint32_t, 1024> keys_at{};  // a table of 1,024 slots
      for (std::uint64_t i = groups.first.value * 1024u; i < (groups.last.value + 1) * 1024u; ++i) {
        ++keys_at[i << 47 >> (64 - 10 - share.common_bits) & 1023];
      }
      ASSERT_GE(share.per_1024, 512u);
      const auto taken = keys_at.size() - static_cast<std::size_t>(std::ranges::count(keys_at, 0u));
      EXPECT_EQ(taken, share.per_1024);
      EXPECT_EQ(std::ranges::max(keys_at),
                (groups.last.value - groups.first.value + 1) * 1024 / taken);
    }
  }
}

TEST(FlatTable, VisitsEveryEntryOnceWhenAScanIsCutIntoPieces) {
  FlatTable<std::int64_t, std::int64_t> table(RowPrefix{});
  for (std::int64_t key = 0; key < 500; ++key) table.upsert(runtime::key_hash(key), key) = key;
  std::map<std::int64_t, int> seen;
  std::size_t at = 0;
  while (at < table.capacity()) {
    int left = 7;
    at = table.for_each_from(at, [&](std::int64_t key, std::int64_t) {
      ++seen[key];
      return --left > 0;
    });
  }
  ASSERT_EQ(seen.size(), 500u);
  for (const auto& [key, times] : seen) EXPECT_EQ(times, 1) << key;
}

TEST(FlatTable, KeepsTheRowsOfEveryKeyGroup) {
  FlatTable<std::int64_t, std::int64_t> table(RowPrefix{0, 0, 128});
  std::map<std::uint16_t, int> made;
  for (std::int64_t key = 0; key < 5'000; ++key) {
    const std::uint64_t hash = runtime::key_hash(key);
    table.upsert(hash, key) = key;
    ++made[runtime::key_group_of(hash, 128).value];
  }
  ASSERT_EQ(made.size(), 128u);
  table.freeze();
  RowBuffer out;
  while (!table.encode_frozen(out, 100)) {
  }
  std::map<std::uint16_t, int> written;
  for (std::size_t i = 0; i < out.rows(); ++i) {
    RowKeyParts parts;
    ASSERT_TRUE(parse_row_key(out.row(i).key, parts));
    ++written[parts.group.value];
  }
  EXPECT_EQ(written, made);
}

// Slices one after another, each made in the memory of the one before, which knew other keys.
TEST(FlatTable, IsMadeInTheMemoryOfAPackedOneThatKnewOtherKeys) {
  using Table = FlatTable<std::int64_t, std::int64_t>;
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    std::mt19937_64 random(seed);
    auto table = std::make_unique<Table>(RowPrefix{});
    int taken_over = 0;
    for (int slice = 0; slice < 60; ++slice) {
      std::map<std::int64_t, std::int64_t> expected;
      const std::int64_t first = static_cast<std::int64_t>(random() % 40) - 20;
      auto view = table->view();
      for (int i = 0; i < 400; ++i) {
        const std::int64_t key = first + static_cast<std::int64_t>(random() % 80);
        const std::uint64_t hash = runtime::key_hash(key);
        switch (random() % 8) {
          case 0:
            ASSERT_EQ(table->erase(hash, key), expected.erase(key) == 1);
            view = table->view();
            break;
          case 1: ASSERT_EQ(table->contains(hash, key), expected.count(key) == 1); break;
          case 2:
            table->upsert(hash, key) += i;
            expected[key] += i;
            view = table->view();
            break;
          default: table->upsert(view, hash, key) += i; expected[key] += i;
        }
        ASSERT_EQ(table->size(), expected.size());
      }
      if (slice % 7 == 0) table->freeze();
      std::map<std::int64_t, std::int64_t> found;
      table->for_each([&](std::int64_t key, std::int64_t value) {
        EXPECT_TRUE(found.emplace(key, value).second);
      });
      ASSERT_EQ(found, expected) << "seed " << seed << ", slice " << slice;
      if (slice % 7 != 0) table->freeze();
      RowBuffer rows;
      while (!table->encode_frozen(rows, 100)) {
      }
      std::size_t puts = 0;
      for (std::size_t i = 0; i < rows.rows(); ++i) {
        puts += rows.row(i).op == RowBuffer::Op::kPut ? 1 : 0;
      }
      ASSERT_EQ(puts, expected.size());
      auto memory = table->pack();
      taken_over += memory.capacity != 0 ? 1 : 0;
      table = memory.capacity != 0 ? std::make_unique<Table>(RowPrefix{}, std::move(memory))
                                   : std::make_unique<Table>(RowPrefix{});
      ASSERT_TRUE(table->empty());
      table->for_each([](std::int64_t, std::int64_t) { FAIL(); });
    }
    EXPECT_GT(taken_over, 20);
  }
}

// Takes a snapshot, a few rows at a time: it must have `changed` puts.
template <class Table>
void save(Table& table, std::size_t changed, std::size_t at_once) {
  ASSERT_EQ(table.has_changes(), changed != 0);
  table.freeze();
  RowBuffer rows;
  while (!table.encode_frozen(rows, at_once)) {
  }
  std::size_t puts = 0;
  for (std::size_t i = 0; i < rows.rows(); ++i) {
    puts += rows.row(i).op == RowBuffer::Op::kPut ? 1 : 0;
  }
  ASSERT_EQ(puts, changed);
}

// The same through update_entries(), which makes awaited entries without keeping the books.
TEST(FlatTable, MakesUpForTheBooksOfAwaitedEntries) {
  using Value = std::tuple<std::int64_t, std::int64_t>;
  using Table = FlatTable<std::int64_t, Value>;
  for (std::uint64_t seed = 0; seed < 40; ++seed) {
    std::mt19937_64 random(seed);
    auto table = std::make_unique<Table>(RowPrefix{});
    int awaited = 0;
    for (int slice = 0; slice < 40; ++slice) {
      std::map<std::int64_t, Value> expected;
      std::set<std::int64_t> unsaved;
      // Now and then keys that nobody awaits.
      const std::int64_t range = random() % 4 == 0 ? 90 : 60;
      for (int stretch = 0; stretch < 6; ++stretch) {
        awaited += table->is_awaiting() ? 1 : 0;
        std::vector<std::int64_t> keys(random() % 50);
        std::vector<std::uint64_t> hashes;
        for (std::int64_t& key : keys) {
          key = static_cast<std::int64_t>(random() % static_cast<std::uint64_t>(range)) - 20;
          hashes.push_back(runtime::key_hash(key));
          std::get<0>(expected[key]) += key;
          std::get<1>(expected[key]) += 1;
          unsaved.insert(key);
        }
        update_entries(
            *table, 0, static_cast<std::uint32_t>(keys.size()), hashes.data(),
            [&](std::uint32_t i) -> const std::int64_t& { return keys[i]; },
            [&](std::uint32_t i, Value& value) {
              std::get<0>(value) += keys[i];
              std::get<1>(value) += 1;
            });
        ASSERT_EQ(table->size(), expected.size());
        ASSERT_EQ(table->empty(), expected.empty());
        const std::int64_t key = static_cast<std::int64_t>(random() % 60) - 20;
        const std::uint64_t hash = runtime::key_hash(key);
        switch (random() % 12) {
          case 0:
            save(*table, unsaved.size(), 1 + random() % 100);
            unsaved.clear();
            break;
          case 1: ASSERT_EQ(table->contains(hash, key), expected.count(key) == 1); break;
          case 2:
            ASSERT_EQ(table->erase(hash, key), expected.erase(key) == 1);
            unsaved.erase(key);
            break;
          case 3: table->reserve(random() % 300); break;
          default: break;
        }
      }
      std::map<std::int64_t, Value> found;
      table->for_each([&](std::int64_t key, const Value& value) {
        EXPECT_TRUE(found.emplace(key, value).second);
      });
      ASSERT_EQ(found, expected) << "seed " << seed << ", slice " << slice;
      auto memory = table->pack();
      if (random() % 2 == 0) save(*table, unsaved.size(), 100);
      table = memory.capacity != 0 ? std::make_unique<Table>(RowPrefix{}, std::move(memory))
                                   : std::make_unique<Table>(RowPrefix{});
      ASSERT_TRUE(table->empty());
    }
    EXPECT_GT(awaited, 10);
  }
}

}  // namespace
}  // namespace weir::state
