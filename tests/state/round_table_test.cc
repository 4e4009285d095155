#include "weir/state/round_table.h"

#include <gtest/gtest.h>

#include <map>
#include <random>
#include <string>
#include <vector>

#include "weir/state/update_entries.h"

namespace weir::state {
namespace {

template <class K>
K key_of(std::uint64_t i);
template <>
std::int64_t key_of<std::int64_t>(std::uint64_t i) {
  return static_cast<std::int64_t>(i) - 20;  // the default key is one of them
}
template <>
std::string key_of<std::string>(std::uint64_t i) {
  return i % 3 == 0 ? std::string(i / 3, 'x') : "key" + std::to_string(i);
}

// What a round has gathered, and that each entry came with its key's hash, once.
template <class K>
std::map<K, std::int64_t> finish(RoundTable<K, std::int64_t>& table) {
  std::map<K, std::int64_t> found;
  table.finish_round([&](const K& key, std::uint64_t hash, std::int64_t&& value) {
    EXPECT_EQ(hash, runtime::key_hash(key));
    EXPECT_TRUE(found.emplace(key, value).second);
  });
  EXPECT_EQ(table.size(), 0u);
  return found;
}

// Rounds over a few keys, over many, and over others than before.
template <class K>
void compare_with_a_map() {
  for (std::uint64_t seed = 0; seed < 30; ++seed) {
    std::mt19937_64 random(seed);
    RoundTable<K, std::int64_t> table;
    for (int round = 0; round < 300; ++round) {
      const std::uint64_t range = round / 100 % 2 == 0 ? 400 : 12;
      const std::uint64_t first = random() % 4 == 0 ? random() % 5000 : 0;
      std::vector<K> keys(random() % 300);
      std::vector<std::uint64_t> hashes;
      for (K& key : keys) {
        key = key_of<K>(first + random() % range);
        hashes.push_back(runtime::key_hash(key));
      }
      std::map<K, std::int64_t> expected;
      for (std::uint32_t i = 0; i < keys.size(); ++i) expected[keys[i]] += i + 1;
      update_entries(
          table, 0, static_cast<std::uint32_t>(keys.size()), hashes.data(),
          [&](std::uint32_t i) -> const K& { return keys[i]; },
          [](std::uint32_t i, std::int64_t& value) { value += i + 1; });
      ASSERT_EQ(table.size(), expected.size());
      ASSERT_EQ(finish(table), expected) << "seed " << seed << ", round " << round;
    }
  }
}

TEST(RoundTable, GathersInEachRoundWhatAMapGathers) { compare_with_a_map<std::int64_t>(); }
TEST(RoundTable, GathersByTextWhatAMapGathers) { compare_with_a_map<std::string>(); }

TEST(RoundTable, ForgetsKeysThatNoLongerCome) {
  RoundTable<std::int64_t, std::int64_t> table;
  const auto round_over = [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t key = begin; key < end; ++key) table.upsert(runtime::key_hash(key), key) = 1;
    EXPECT_EQ(finish(table).size(), static_cast<std::size_t>(end - begin));
  };
  round_over(0, 100'000);
  const std::size_t large = table.memory_bytes();
  for (int round = 0; round < 100; ++round) round_over(0, 10);
  EXPECT_LT(table.memory_bytes(), large / 1000);
  // Ever new keys: as much memory as one round's keys ask for.
  for (int round = 0; round < 1000; ++round) round_over(round * 100, round * 100 + 100);
  EXPECT_LT(table.memory_bytes(), large / 100);
}

}  // namespace
}  // namespace weir::state
