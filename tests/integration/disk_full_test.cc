// A disk that fills up while a job runs: checkpoints fail, processing goes on, and once there is
// space the output is what it would have been. State folder and output share the disk.
#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <sstream>
#include <string>
#include <vector>

#include "support/script_spout.h"
#include "weir/coordinator/embedded_job.h"
#include "weir/operators/files/file_sink.h"
#include "weir/runtime/simulated_storage.h"

namespace weir {
namespace {

using runtime::ManualClock;
using runtime::SimulatedStorage;
using runtime::Topology;
using tests::ScriptSpout;
using namespace std::chrono_literals;

struct Reading {
  std::int64_t key = 0;
  std::int64_t value = 0;
  EventTime time;
};
WEIR_RECORD(Reading, key, value, time);

tests::Script<Reading> readings(std::uint64_t seed) {
  std::mt19937_64 random(seed);
  std::vector<std::vector<Reading>> partitions(2);
  for (std::int64_t i = 0; i < 3'000; ++i) {
    for (std::int64_t p = 0; p < 2; ++p) {
      // A key comes from one partition only, so its running sums do not depend on who is faster.
      const auto key = static_cast<std::int64_t>(random() % 25) * 2 + p;
      const auto lag = static_cast<std::int64_t>(random() % 2'000'000);
      partitions[static_cast<std::size_t>(p)].push_back({key, i, EventTime(i * 100'000 - lag)});
    }
  }
  return std::make_shared<const std::vector<std::vector<Reading>>>(std::move(partitions));
}

struct Ran {
  JobResult result;
  std::vector<std::string> rows;  // committed, sorted
};

// `at_poll` is called before each poll, with its number.
Ran run(SimulatedStorage& storage, std::uint64_t seed, std::function<void(int)> at_poll) {
  ManualClock clock;
  JobOptions options;
  options.executor = ExecutorKind::kSingle;
  options.manual_clock = &clock;
  options.seed = seed;
  options.parallelism = 2;
  options.batch_size = 16;
  options.storage = &storage;
  options.state_dir = "/disk/state";
  options.checkpoint_interval = 1ms;
  int polls = 0;
  const auto tick = [&] {
    clock.advance(100us);
    at_poll(++polls);
  };
  Ran ran;
  ran.result = run_embedded(
      [&](Topology& t) {
        auto in = t.spout("in", ScriptSpout<Reading>(readings(7), tick))
                      .event_time(&Reading::time, bounded_disorder(2s));
        in.key_by(&Reading::key)
            .window(sliding(10s, 2s), late_drop())
            .aggregate("n", count(), sum(&Reading::value))
            .sink("windows", csv_files("/disk/windows"));
        in.key_by(&Reading::key)
            .aggregate("sums", sum(&Reading::value))
            .sink("running", csv_files("/disk/running"));
      },
      options);
  storage.set_capacity(~std::uint64_t{0});
  for (const std::string folder : {"/disk/windows", "/disk/running"}) {
    const auto names = storage.list(folder);
    if (!names.ok()) continue;
    for (const std::string& name : *names) {
      if (!name.ends_with(".csv")) continue;
      std::istringstream lines(*storage.read(folder + "/" + name));
      for (std::string line; std::getline(lines, line);) ran.rows.push_back(folder + " " + line);
    }
  }
  std::sort(ran.rows.begin(), ran.rows.end());
  // Each file begins with the names of its columns.
  std::erase_if(ran.rows, [](const std::string& row) {
    return row.find("window_start") != std::string::npos || row.ends_with(" key,value");
  });
  return ran;
}

std::vector<std::string> undisturbed() {
  SimulatedStorage storage(1);
  Ran calm = run(storage, 1, [](int) {});
  EXPECT_TRUE(calm.result.ok()) << calm.result.status;
  EXPECT_EQ(calm.result.progress.failed_checkpoints, 0u);
  EXPECT_GT(calm.rows.size(), 6'000u);
  return calm.rows;
}

TEST(DiskFull, AbortsCheckpointsAndLosesNothing) {
  const std::vector<std::string> expected = undisturbed();
  std::uint64_t failed = 0;
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    SCOPED_TRACE(seed);
    std::mt19937_64 random(seed);
    SimulatedStorage storage(seed);
    int next_change = 20;
    bool is_full = false;
    const Ran disturbed = run(storage, seed, [&](int poll) {
      if (poll < next_change) return;
      is_full = !is_full;
      storage.set_capacity(is_full ? storage.used_bytes() + random() % 2'000 : ~std::uint64_t{0});
      next_change = poll + 5 + static_cast<int>(random() % 60);
    });
    // The input may end while the disk is full: then the job says so, and starting it again with
    // space ends it.
    failed += disturbed.result.progress.failed_checkpoints;
    if (disturbed.result.ok()) {
      EXPECT_TRUE(disturbed.rows == expected);
      continue;
    }
    EXPECT_NE(std::string(disturbed.result.status.message()).find("free space on this file system"),
              std::string::npos)
        << disturbed.result.status;
    const Ran again = run(storage, seed, [](int) {});
    EXPECT_TRUE(again.result.ok()) << again.result.status;
    EXPECT_TRUE(again.rows == expected);
  }
  EXPECT_GT(failed, 40u);
}

TEST(DiskFull, TogetherWithCrashesLosesNothing) {
  const std::vector<std::string> expected = undisturbed();
  int crashes = 0;
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    SCOPED_TRACE(seed);
    std::mt19937_64 random(seed);
    SimulatedStorage storage(seed);
    for (int attempt = 0;; ++attempt) {
      ASSERT_LT(attempt, 20);
      const int full_at = 5 + static_cast<int>(random() % 100);
      const int dies_at = full_at + static_cast<int>(random() % 60);
      const Ran one = run(storage, seed, [&](int poll) {
        if (attempt >= 4) return;
        if (poll == full_at) storage.set_capacity(storage.used_bytes() + random() % 500);
        if (poll == dies_at) storage.die_at_change(1);
      });
      if (one.result.ok()) {
        EXPECT_TRUE(one.rows == expected);
        break;
      }
      ++crashes;
      storage.crash();
    }
  }
  EXPECT_GT(crashes, 40);
}

}  // namespace
}  // namespace weir
