// The bolt of docs/guide/state.md: it compiles, does what the page says, and the page shows it as
// it stands here.
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <fstream>
#include <functional>
#include <iterator>
#include <map>
#include <string>
#include <vector>

#include "support/script_spout.h"
#include "support/temp_dir.h"
#include "weir/coordinator/embedded_job.h"
#include "weir/operators/collect.h"
#include "weir/operators/dsl.h"

namespace weir {
namespace {

using namespace std::chrono_literals;

struct Reading {
  std::string sensor;
  std::int64_t value = 0;
  weir::EventTime time;
};
WEIR_RECORD(Reading, sensor, value, time);

struct Day {
  std::string sensor;
  std::int64_t day = 0;
  std::int64_t changes = 0;               // values that differed from the one before
  std::vector<std::int64_t> first_three;  // values
  std::map<std::int64_t, int> seen;       // how often each value came
  std::int64_t total = 0;
  double mean = 0;
  friend bool operator==(const Day&, const Day&) = default;
};
WEIR_RECORD(Day, sensor, day, changes, first_three, seen, total, mean);

// A day of a sensor; days are counted from 1970-01-01.
using SensorDay = std::pair<std::string, std::int64_t>;
SensorDay day_of(const Reading& r) { return {r.sensor, r.time.seconds() / 86'400}; }

struct Daily : weir::KeyedBolt<SensorDay, Reading, Day> {
  Value<std::int64_t> last, changes;
  List<std::int64_t> first_three;
  Map<std::int64_t, int> seen;
  Reducing<std::int64_t, std::plus<>> total;
  Aggregating<Reading, decltype(weir::mean(&Reading::value))> mean;

  absl::Status open(Context& c) {
    last = c.value<std::int64_t>("last");
    changes = c.value<std::int64_t>("changes");
    first_three = c.list<std::int64_t>("first three");
    seen = c.map<std::int64_t, int>("seen");
    total = c.reducing<std::int64_t>("total", std::plus<>());
    mean = c.aggregating<Reading>("mean", weir::mean(&Reading::value));
    return absl::OkStatus();
  }

  void process(const Reading& r, Context& c, weir::Emitter<Day>&) {
    if (!last.has())
      c.set_event_timer(weir::EventTime::from_seconds((c.key().second + 1) * 86'400));
    if (last.has() && *last.get() != r.value) ++changes.edit();
    last.set(r.value);
    if (first_three.size() < 3) first_three.add(r.value);
    const int* before = seen.find(r.value);
    seen.put(r.value, before == nullptr ? 1 : *before + 1);
    total.add(r.value);
    mean.add(r);
  }

  void on_timer(const weir::Timer&, Context& c, weir::Emitter<Day>& out) {
    const std::int64_t n = changes.has() ? *changes.get() : 0;
    out.emit({c.key().first, c.key().second, n, *first_three.get(), *seen.get(), *total.get(),
              mean.result()});
    last.clear(), changes.clear(), first_three.clear(), seen.clear(), total.clear(), mean.clear();
  }
};

struct TwoOfOneName : Daily {
  absl::Status open(Context& c) {
    last = c.value<std::int64_t>("last");
    changes = c.value<std::int64_t>("last");
    return absl::OkStatus();
  }
};

template <class B>
JobResult run(B bolt, std::vector<Day>& days, JobOptions options, std::function<void()> at_poll) {
  std::vector<std::vector<Reading>> readings(1);
  for (std::int64_t i = 0; i < 4'000; ++i) {
    const EventTime at = EventTime::from_seconds(0) + i * 6min;
    readings[0].push_back({i % 4 == 0 ? "b" : "a", i / 100, at});
  }
  const auto script =
      std::make_shared<const std::vector<std::vector<Reading>>>(std::move(readings));
  const auto rows = weir::collect<Day>();
  options.executor = ExecutorKind::kSingle;
  options.batch_size = 1;
  JobResult result = run_embedded(
      [&](weir::Topology& t) {
        t.spout("readings", tests::ScriptSpout<Reading>(script, at_poll))
            .event_time(&Reading::time, weir::ascending())
            .key_by(day_of)
            .bolt("daily", bolt)
            .sink("days", rows);
      },
      options);
  for (const Day& day : rows.records()) days.push_back(day);
  return result;
}

TEST(StateGuide, TheBoltKeepsEachKindOfStatePerKey) {
  std::vector<Day> days;
  const JobResult result = run(Daily{}, days, {}, nullptr);
  ASSERT_TRUE(result.ok()) << result.status;
  const Day first_of_b = {"b", 0, 2, {0, 0, 0}, {{0, 25}, {1, 25}, {2, 10}}, 45, 45.0 / 60};
  ASSERT_EQ(days.size(), 34u) << "17 days of two sensors";
  EXPECT_TRUE(days[0] == first_of_b || days[1] == first_of_b);
}

TEST(StateGuide, StateAndTimersGoOnAfterARestartInBothBackends) {
  std::vector<Day> expected;
  ASSERT_TRUE(run(Daily{}, expected, {}, nullptr).ok());
  for (const StateBackend backend : {StateBackend::kMemory, StateBackend::kRocksDb}) {
    const tests::TempDir folder;
    JobOptions options;
    options.state_dir = folder.path();
    options.state_backend = backend;
    options.memory_budget = 1;  // every key rests in the store between its records
    JobControl control;
    options.control = &control;
    std::vector<Day> days;
    int polls = 0;
    const JobResult stopped = run(Daily{}, days, options, [&] {
      if (++polls == 500) control.stop();
    });
    ASSERT_EQ(stopped.outcome, JobResult::Outcome::kStopped) << stopped.status;
    EXPECT_FALSE(days.empty());
    EXPECT_LT(days.size(), expected.size());
    options.control = nullptr;
    const JobResult finished = run(Daily{}, days, options, nullptr);
    ASSERT_EQ(finished.outcome, JobResult::Outcome::kFinished) << finished.status;
    EXPECT_EQ(days, expected);
  }
}

TEST(StateGuide, TwoStatesOfOneNameAreRefused) {
  std::vector<Day> days;
  const JobResult result = run(TwoOfOneName{}, days, {}, nullptr);
  EXPECT_EQ(result.outcome, JobResult::Outcome::kFailed);
  const std::string message(result.status.message());
  EXPECT_NE(message.find("operator 'daily'"), std::string::npos) << message;
  EXPECT_NE(message.find("'last' is declared twice"), std::string::npos) << message;
}

std::string without_spaces(const std::string& path) {
  std::ifstream in(path);
  std::string text{std::istreambuf_iterator<char>(in), {}};
  std::erase_if(text, [](char c) { return c == ' ' || c == '\n'; });
  return text;
}

TEST(StateGuide, ThePageShowsTheCodeOfThisFile) {
  const std::string page = without_spaces(WEIR_SOURCE_DIR "/docs/guide/state.md");
  const std::string here = without_spaces(WEIR_SOURCE_DIR "/tests/integration/state_guide_test.cc");
  int pieces = 0;
  for (std::size_t at = page.find("```cpp"); at != std::string::npos;
       at = page.find("```cpp", at)) {
    const std::size_t begin = at + 6;
    const std::size_t end = page.find("```", begin);
    EXPECT_NE(here.find(page.substr(begin, end - begin)), std::string::npos)
        << page.substr(begin, end - begin);
    at = end + 3;
    ++pieces;
  }
  EXPECT_EQ(pieces, 3);
}

}  // namespace
}  // namespace weir
