#include "state/src/row_log.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <random>
#include <thread>

#include "row_store_contract.h"

namespace weir::state {
namespace {

using runtime::RowBuffer;
constexpr std::size_t kSegment = 4096;

std::string key_of(std::uint64_t n) {
  return row_key(static_cast<std::uint16_t>(n % 3), 1, n % 4, "key" + std::to_string(n));
}

// A log beside a map that never forgets.
class LogAndMap {
 public:
  LogAndMap(std::uint64_t seed, const std::string& dir) : random_(seed), log_(dir, kSegment) {}

  void change() {
    RowBuffer rows;
    if (random_() % 8 == 0) {
      const std::string prefix =
          row_key(static_cast<std::uint16_t>(random_() % 3), 1, random_() % 4, "").substr(0, 12);
      remove_prefix(rows, random_() % 4 == 0 ? prefix.substr(0, 4) : prefix);
    }
    for (std::uint64_t n = random_() % 60; n > 0; --n) {
      const std::string key = key_of(random_() % kKeys);
      if (random_() % 4 == 0) {
        rows.remove(key);
        map_.erase(key);
      } else {
        // Now and then one that fits into no segment.
        std::string value(random_() % 16 == 0 ? random_() % 2 * kSegment : random_() % 40, 'v');
        value += std::to_string(random_());
        rows.put(key, value);
        map_[key] = value;
      }
    }
    log_.apply(rows);
  }

  // Everything that it has is right; returns how much of what there is it has.
  double check() const {
    std::vector<std::string> keys;
    for (std::uint64_t n = 0; n < kKeys; ++n) keys.push_back(key_of(n));
    std::vector<std::optional<std::string>> values(keys.size());
    std::vector<std::uint32_t> rest;
    log_.find(keys, &values, &rest);
    std::size_t found = 0;
    for (std::size_t i = 0; i < keys.size(); ++i) {
      EXPECT_EQ(values[i].has_value(), std::find(rest.begin(), rest.end(), i) == rest.end());
      if (!values[i].has_value()) continue;
      ++found;
      const auto it = map_.find(keys[i]);
      if (it == map_.end()) {
        ADD_FAILURE() << "found a row that was removed";
      } else {
        EXPECT_EQ(*values[i], it->second);
      }
    }
    return map_.empty() ? 1 : static_cast<double>(found) / static_cast<double>(map_.size());
  }
  const RowLog& log() const { return log_; }

 private:
  static constexpr std::uint64_t kKeys = 400;

  void remove_prefix(RowBuffer& rows, const std::string& prefix) {
    rows.remove_prefix(prefix);
    std::erase_if(map_, [&](const auto& entry) { return entry.first.starts_with(prefix); });
  }

  std::mt19937_64 random_;
  Rows map_;
  RowLog log_;
};

TEST(RowLog, FindsWhatWasPutLastAndNothingThatWasRemoved) {
  for (std::uint64_t seed = 1; seed <= 30; ++seed) {
    SCOPED_TRACE(seed);
    const tests::TempDir dir;
    LogAndMap both(seed, dir.path());
    double least = 1;
    for (int i = 0; i < 400; ++i) {
      both.change();
      if (i % 10 == 0) least = std::min(least, both.check());
      if (testing::Test::HasFailure()) return;
    }
    EXPECT_GT(least, 0.7);  // only rows that are too long are missing
  }
}

RowBuffer rows_with(const std::string& value, std::uint64_t keys) {
  RowBuffer rows;
  for (std::uint64_t n = 0; n < keys; ++n) rows.put(key_of(n), value);
  return rows;
}

TEST(RowLog, StaysWithinTwiceWhatItHolds) {
  const tests::TempDir dir;
  RowLog log(dir.path(), kSegment);
  constexpr std::uint64_t kKeys = 2000;
  log.apply(rows_with("0", kKeys));
  const std::size_t at_first = log.bytes();
  for (int round = 1; round < 50; ++round) {
    log.apply(rows_with(std::to_string(round), kKeys));
  }
  EXPECT_EQ(log.rows(), kKeys);
  EXPECT_LE(log.bytes(), 3 * at_first);
}

TEST(RowLog, GivesBackTheRoomOfRemovedPrefixes) {
  const tests::TempDir dir;
  RowLog log(dir.path(), kSegment);
  std::size_t most = 0;
  for (int round = 0; round < 200; ++round) {
    RowBuffer rows;
    for (std::uint64_t n = 0; n < 100; ++n) rows.put(key_of(round * 100 + n), "value");
    log.apply(rows);
    RowBuffer removal;
    for (std::uint16_t group = 0; group < 3; ++group) {
      removal.remove_prefix(group_and_table(group, 1));
    }
    log.apply(removal);
    most = std::max(most, log.bytes());
  }
  EXPECT_LE(most, 12 * kSegment);
}

TEST(RowLog, LeavesNoFileBehind) {
  const tests::TempDir dir;
  RowLog log(dir.path(), kSegment);
  log.apply(rows_with("value", 1000));
  EXPECT_GT(log.bytes(), 0u);
  EXPECT_TRUE(std::filesystem::is_empty(dir.path()));
}

TEST(RowLog, GivesEverythingBackWhenItIsTurnedOff) {
  const tests::TempDir dir;
  RowLog log(dir.path(), kSegment);
  log.apply(rows_with("value", 1000));
  log.turn_off();
  EXPECT_EQ(log.bytes(), 0u);
  log.apply(rows_with("value", 1000));
  EXPECT_EQ(log.rows(), 0u);
}

TEST(RowLog, RemembersNothingWhereThereIsNoRoom) {
  RowLog log("/proc/no-such-folder", kSegment);
  const RowBuffer rows = rows_with("value", 10);
  log.apply(rows);
  log.apply(rows);
  EXPECT_EQ(log.rows(), 0u);
  EXPECT_EQ(log.bytes(), 0u);
  std::vector<std::optional<std::string>> values(1);
  std::vector<std::uint32_t> rest;
  log.find(std::vector<std::string>{key_of(0)}, &values, &rest);
  EXPECT_EQ(rest.size(), 1u);
}

// One thread looks rows up while another changes them: values never go back.
TEST(RowLog, IsReadWhileItChanges) {
  const tests::TempDir dir;
  RowLog log(dir.path(), kSegment);
  constexpr std::uint64_t kKeys = 700;
  constexpr int kRounds = 60;
  log.apply(rows_with("100", kKeys));
  std::thread writer([&] {
    for (int round = 101; round <= 100 + kRounds; ++round) {
      log.apply(rows_with(std::to_string(round), kKeys));
    }
  });
  std::vector<std::string> keys;
  for (std::uint64_t n = 0; n < kKeys; ++n) keys.push_back(key_of(n));
  std::vector<std::string> last(kKeys, "100");
  while (last.back() != std::to_string(100 + kRounds)) {
    std::vector<std::optional<std::string>> values(kKeys);
    std::vector<std::uint32_t> rest;
    log.find(keys, &values, &rest);
    EXPECT_TRUE(rest.empty());
    for (std::size_t i = 0; i < kKeys && rest.empty(); ++i) {
      EXPECT_GE(*values[i], last[i]);
      last[i] = *values[i];
    }
    if (testing::Test::HasFailure()) break;
  }
  writer.join();
}

}  // namespace
}  // namespace weir::state
