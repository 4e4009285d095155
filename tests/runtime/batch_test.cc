// Batches: what is copied past the caches is the same as what is not.
#include "weir/runtime/batch.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <random>
#include <string>
#include <tuple>
#include <vector>

namespace weir::runtime {
namespace {

template <class T>
T record_of(std::uint64_t n);
template <>
std::uint64_t record_of(std::uint64_t n) {
  return n;
}
template <>
std::string record_of(std::uint64_t n) {
  return std::string(n % 40, static_cast<char>('a' + n % 26));
}
struct Odd {
  std::uint32_t a;
  std::uint16_t b;
  bool operator==(const Odd&) const = default;
};
template <>
Odd record_of(std::uint64_t n) {
  return {static_cast<std::uint32_t>(n), static_cast<std::uint16_t>(n >> 7)};
}
using Pair = std::tuple<std::uint64_t, std::int64_t>;
template <>
Pair record_of(std::uint64_t n) {
  return {n, -static_cast<std::int64_t>(n)};
}
struct Wide {
  std::uint64_t words[8];
  bool operator==(const Wide&) const = default;
};
template <>
Wide record_of(std::uint64_t n) {
  Wide wide{};
  for (std::uint64_t& word : wide.words) word = n++;
  return wide;
}

template <class T>
class AppendSelected : public ::testing::Test {};
using Records = ::testing::Types<std::uint64_t, std::string, Odd, Pair, Wide>;
TYPED_TEST_SUITE(AppendSelected, Records);

TYPED_TEST(AppendSelected, CopiesTheSamePastTheCaches) {
  using T = TypeParam;
  std::mt19937_64 random(1);
  for (int round = 0; round < 200; ++round) {
    Batch<T> from(64), cached(100), streamed(100);
    from.has_hashes = random() % 2 == 0;
    from.has_times = random() % 2 == 0;
    from.resize(static_cast<std::uint32_t>(random() % 65));
    for (std::uint32_t i = 0; i < from.size(); ++i) {
      from[i] = record_of<T>(random());
      from.hashes()[i] = random();
      from.times()[i] = static_cast<std::int64_t>(random() % 1000);
    }
    std::vector<T> expected;
    while (true) {
      std::vector<std::uint32_t> index;
      for (std::uint32_t i = 0; i < from.size(); ++i) {
        if (random() % 2 == 0) index.push_back(i);
      }
      const auto count = static_cast<std::uint32_t>(index.size());
      if (cached.size() + count > cached.capacity() || random() % 8 == 0) break;
      cached.append_selected(from, index.data(), count);
      streamed.append_selected(from, index.data(), count, CopyTo::kMemory);
      for (const std::uint32_t i : index) expected.push_back(from[i]);
    }
    ASSERT_EQ(streamed.size(), expected.size());
    ASSERT_EQ(cached.size(), expected.size());
    for (std::uint32_t i = 0; i < streamed.size(); ++i) {
      ASSERT_EQ(streamed[i], expected[i]);
      ASSERT_EQ(cached[i], expected[i]);
      if (from.has_hashes) {
        ASSERT_EQ(streamed.hashes()[i], cached.hashes()[i]);
      }
      if (from.has_times) {
        ASSERT_EQ(streamed.times()[i], cached.times()[i]);
      }
    }
  }
}

}  // namespace
}  // namespace weir::runtime
