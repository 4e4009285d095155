#include "weir/runtime/key.h"

#include <gtest/gtest.h>

#include <random>
#include <thread>

namespace weir::runtime {
namespace {

enum class Side : std::int16_t { kLeft = -1, kRight = 1 };

struct Pair {
  std::int32_t a = 0;
  std::int64_t b = 0;
  friend bool operator==(const Pair&, const Pair&) = default;
};
WEIR_RECORD(Pair, a, b);

struct Named {
  std::string name;
  std::optional<Side> side;
  friend bool operator==(const Named&, const Named&) = default;
};
WEIR_RECORD(Named, name, side);

struct Padded {
  char c;
  int i;
  friend bool operator==(const Padded&, const Padded&) = default;
};

static_assert(KeyType<int> && KeyType<std::string> && KeyType<EventTime> && KeyType<Named>);
static_assert(KeyType<std::tuple<std::string, int>> && KeyType<Duration> && KeyType<bool>);
static_assert(!KeyType<double> && !KeyType<std::pair<int, float>>, "-0.0 == 0.0");
static_assert(!KeyType<Padded>, "padding has no value");
static_assert(!KeyType<std::unordered_map<int, int>>, "no order");
static_assert(!KeyType<std::string_view>, "a key must own its bytes");

template <class K>
void expect_hash_of_encoded_bytes(const K& key) {
  std::string bytes;
  KeyTraits<K>::encode_key(bytes, key);
  EXPECT_EQ(key_hash(key), hash_bytes(bytes.data(), bytes.size())) << Codec<K>::schema();
  K back{};
  EXPECT_TRUE(KeyTraits<K>::decode_key(bytes, back));
  EXPECT_TRUE(KeyTraits<K>::equal(back, key));
}

TEST(Key, HashIsThatOfTheEncodedBytes) {
  std::mt19937_64 rng(21);
  for (int round = 0; round < 200; ++round) {
    const auto v = rng();
    expect_hash_of_encoded_bytes(v);
    expect_hash_of_encoded_bytes(static_cast<std::int64_t>(v));
    expect_hash_of_encoded_bytes(static_cast<std::int32_t>(v));
    expect_hash_of_encoded_bytes(static_cast<std::uint16_t>(v));
    expect_hash_of_encoded_bytes(static_cast<std::int8_t>(v));
    expect_hash_of_encoded_bytes(v % 2 == 0);
    expect_hash_of_encoded_bytes(Side::kLeft);
    expect_hash_of_encoded_bytes(EventTime(static_cast<std::int64_t>(v)));
    expect_hash_of_encoded_bytes(Duration(v));
    expect_hash_of_encoded_bytes(std::string(v % 300, static_cast<char>(v)));
    expect_hash_of_encoded_bytes(Pair{static_cast<std::int32_t>(v), static_cast<std::int64_t>(v)});
    expect_hash_of_encoded_bytes(Named{std::string(v % 30, 'n'), Side::kRight});
    expect_hash_of_encoded_bytes(std::array<char, 5>{'a', 'b', static_cast<char>(v), 0, 0});
    expect_hash_of_encoded_bytes(std::tuple<std::string, std::int32_t>("x", 4));
  }
}

TEST(Key, TextHashesTheSameInEveryType) {
  const std::string text = "ATL";
  EXPECT_EQ(key_hash(text), key_hash(std::string_view("ATL")));
  EXPECT_EQ(key_hash(text), key_hash("ATL"));
  EXPECT_EQ(key_hash(text), hash_bytes("ATL", 3));
  EXPECT_TRUE(KeyTraits<std::string>::equal(text, std::string_view("ATL")));
  EXPECT_EQ(KeyTraits<std::string>::own(std::string_view("ATL")), text);
}

// Hashes place state in checkpoints: these values never change.
TEST(Key, KeepsItsHashes) {
  EXPECT_EQ(key_hash(std::string()), 0x2d06800538d394c2ULL);
  EXPECT_EQ(key_hash(std::int64_t{1}), hash_bytes("\1\0\0\0\0\0\0\0", 8));
  EXPECT_NE(key_hash(std::int64_t{1}), key_hash(std::int32_t{1})) << "the width is part of the key";
}

TEST(Key, TextsAreEqualIfEachOfTheirBytesIs) {
  using Traits = KeyTraits<std::string>;
  for (std::size_t size = 0; size <= 40; ++size) {
    std::string stored;
    for (std::size_t i = 0; i < size; ++i) stored += static_cast<char>('a' + i % 26);
    EXPECT_TRUE(Traits::equal(stored, std::string(stored))) << size;
    EXPECT_FALSE(Traits::equal(stored, stored + "a")) << size;
    for (std::size_t i = 0; i < size; ++i) {
      std::string other = stored;
      other[i] = '\0';
      EXPECT_FALSE(Traits::equal(stored, other)) << size << " bytes, byte " << i;
    }
  }
}

TEST(Key, CompositeKeysDoNotRunTogether) {
  using Two = std::pair<std::string, std::string>;
  EXPECT_NE(key_hash(Two("ab", "c")), key_hash(Two("a", "bc")));
}

TEST(Key, HashesOnSeveralThreads) {
  const Named key{"somewhere", std::nullopt};
  const auto expected = key_hash(key);
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] {
      for (int n = 0; n < 1000; ++n) ASSERT_EQ(key_hash(key), expected);
    });
  }
  for (auto& thread : threads) thread.join();
}

// The reference divides the axis of hashes into equal parts, and looks for the part of a hash.
TEST(KeyGroup, IsThePartOfTheHashAxisThatHoldsTheHash) {
  using Wide = unsigned __int128;
  constexpr Wide kAxis = Wide{1} << 64;
  std::mt19937_64 random(5);
  for (const std::uint32_t groups : {1u, 2u, 7u, 128u, 1000u, 65'534u}) {
    const auto first_of = [&](std::uint32_t g) { return (kAxis * g + groups - 1) / groups; };
    const auto expect_group = [&](std::uint64_t hash) {
      std::uint32_t low = 0;
      std::uint32_t high = groups;  // the group is in [low, high)
      while (high - low > 1) {
        const std::uint32_t middle = (low + high) / 2;
        (first_of(middle) <= hash ? low : high) = middle;
      }
      ASSERT_EQ(key_group_of(hash, groups).value, low) << hash << " of " << groups;
    };
    expect_group(0);
    expect_group(UINT64_MAX);
    for (std::uint32_t g = 1; g < groups; ++g) {
      expect_group(static_cast<std::uint64_t>(first_of(g)));
      expect_group(static_cast<std::uint64_t>(first_of(g) - 1));
    }
    for (int i = 0; i < 1'000; ++i) expect_group(random());
  }
}

}  // namespace
}  // namespace weir::runtime
