#include "state/src/sorted_rows.h"

#include <gtest/gtest.h>

#include <map>
#include <optional>
#include <random>
#include <set>

namespace weir::state {
namespace {

using runtime::RowBuffer;

TEST(SortedRows, EndsAPrefixAtTheSmallestLargerString) {
  EXPECT_EQ(end_of_prefix("ab"), "ac");
  EXPECT_EQ(end_of_prefix(std::string("a\xff\xff")), "b");
  EXPECT_EQ(end_of_prefix("\xff"), "");
  EXPECT_EQ(end_of_prefix(""), "");
}

TEST(SortedRows, KeepsOnlyPrefixesThatNoOtherCovers) {
  RowBuffer buffer;
  for (const char* prefix : {"b", "abc", "ab", "ab", "ac"}) buffer.remove_prefix(prefix);
  const SortedRows sorted = sort_rows(buffer);
  EXPECT_EQ(sorted.removed_prefixes, (std::vector<std::string_view>{"ab", "ac", "b"}));
  EXPECT_TRUE(sorted.removes("abzzz") && sorted.removes("ab") && sorted.removes("b"));
  EXPECT_FALSE(sorted.removes("a") || sorted.removes("ad") || sorted.removes("c"));
}

// Prefixes first, then rows, must do to any older state what the sequence does.
TEST(SortedRows, DoesWhatTheSequenceDoes) {
  for (std::uint64_t seed = 1; seed <= 300; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    std::mt19937_64 random(seed);
    const auto text = [&random](std::uint64_t longest) {
      std::string s;
      for (std::uint64_t n = random() % (longest + 1); n > 0; --n) {
        s.push_back(random() % 2 == 0 ? 'a' : '\xff');
      }
      return std::string(random() % 2 == 0 ? 9 : 17, 'p').substr(random() % 2) + s;
    };
    std::map<std::string, std::string> expected;
    for (int i = 0; i < 30; ++i) expected[text(4)] = "old";
    std::map<std::string, std::string> actual = expected;

    RowBuffer buffer;
    const auto remove_prefix = [](std::map<std::string, std::string>* rows, std::string_view p) {
      std::erase_if(*rows, [&](const auto& entry) { return entry.first.starts_with(p); });
    };
    for (std::uint64_t n = random() % 60; n > 0; --n) {
      const std::string key = text(4);
      switch (random() % 6) {
        case 0:
          buffer.remove_prefix(key);
          remove_prefix(&expected, key);
          break;
        case 1:
          buffer.remove(key);
          expected.erase(key);
          break;
        default: buffer.put(key, std::to_string(n)); expected[key] = std::to_string(n);
      }
    }
    const SortedRows sorted = sort_rows(buffer);
    for (const std::string_view prefix : sorted.removed_prefixes) remove_prefix(&actual, prefix);
    std::optional<std::string_view> last;
    for (const RowBuffer::Row& row : sorted.rows) {
      EXPECT_TRUE(!last.has_value() || *last < row.key);
      last = row.key;
      ASSERT_NE(sorted.find(row.key), nullptr);
      EXPECT_EQ(sorted.find(row.key)->key, row.key);
      if (row.op == RowBuffer::Op::kPut) {
        actual[std::string(row.key)] = row.value;
      } else {
        actual.erase(std::string(row.key));
      }
    }
    EXPECT_EQ(sorted.find("nowhere"), nullptr);
    ASSERT_EQ(actual, expected);
  }
}

}  // namespace
}  // namespace weir::state
