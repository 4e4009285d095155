// A job whose keyed state has far too little memory gives what it gives with plenty: windows whose
// slices rest in the store, running aggregates and keyed bolts, through crashes.
#include <gtest/gtest.h>

#include <random>

#include "support/committed_rows.h"
#include "support/sanitizers.h"
#include "support/script_spout.h"
#include "support/temp_dir.h"
#include "weir/coordinator/embedded_job.h"
#include "weir/operators/dsl.h"

namespace weir::tests {
namespace {

struct Event {
  std::int64_t key = 0;
  std::int64_t value = 0;
  EventTime time;
};
WEIR_RECORD(Event, key, value, time);

constexpr std::int64_t kKeys = 300;
constexpr std::int64_t kDisorder = 4'000;

Script<Event> random_script(std::uint64_t seed) {
  std::mt19937_64 random(seed);
  auto script = std::make_shared<std::vector<std::vector<Event>>>(2);
  for (std::vector<Event>& partition : *script) {
    std::int64_t now = 0;
    for (int i = 0; i < 1'500; ++i) {
      now += static_cast<std::int64_t>(random() % 30);
      // Keys come in fashion and leave it again, and some come back after long.
      const auto base = static_cast<std::uint64_t>(now / 3'000 * 40);
      const std::uint64_t key = random() % 8 == 0 ? random() : base + random() % 60;
      partition.push_back({static_cast<std::int64_t>(key % kKeys),
                           static_cast<std::int64_t>(random() % 1'000),
                           EventTime(now - static_cast<std::int64_t>(random() % kDisorder))});
    }
  }
  return script;
}

// Keeps what has come for each bucket of time in all three kinds of state, and tells it at the end
// of the bucket.
struct Buckets : KeyedBolt<std::int64_t, Event, std::string> {
  static constexpr std::int64_t kLength = 2'500;
  Value<std::int64_t> open_buckets;
  Map<std::int64_t, std::int64_t> sums;
  List<Event> events;

  absl::Status open(Context& c) {
    open_buckets = c.value<std::int64_t>("open");
    sums = c.map<std::int64_t, std::int64_t>("sums");
    events = c.list<Event>("events");
    return absl::OkStatus();
  }
  void process(const Event& event, Context& c, Emitter<std::string>&) {
    const std::int64_t end = runtime::floor_to(event.time, Duration(kLength)).micros() + kLength;
    const std::int64_t* sum = sums.find(end);
    if (sum == nullptr) open_buckets.edit() += 1;
    sums.put(end, (sum == nullptr ? 0 : *sum) + event.value);
    events.add(event);
    c.set_event_timer(EventTime(end));
  }
  void on_timer(const Timer& timer, Context& c, Emitter<std::string>& out) {
    std::vector<Event> rest;
    std::int64_t seen = 0;
    for (const Event& event : *events.get()) {
      if (event.time.micros() < timer.time) {
        ++seen;
      } else {
        rest.push_back(event);
      }
    }
    out.emit(std::to_string(c.key()) + " until " + std::to_string(timer.time) + ": " +
             std::to_string(*sums.find(timer.time)) + " of " + std::to_string(seen));
    sums.remove(timer.time);
    rest.empty() ? events.clear() : events.set(rest);
    if (--open_buckets.edit() == 0) open_buckets.clear();
  }
};

template <class W>
std::string head_of(const W& w) {
  return std::to_string(w.key) + "@" + std::to_string(w.start.micros()) + " ";
}

void build(Topology& t, const Script<Event>& script, const std::shared_ptr<CommittedRows>& rows,
           const std::function<void()>& at_poll) {
  const auto as_is = [](const std::string& row) { return row; };
  const auto disordered = t.spout("disordered", ScriptSpout<Event>(script, at_poll))
                              .event_time(&Event::time, bounded_disorder(Duration(1'000)));
  disordered.key_by(&Event::key)
      .window(sliding(Duration(10'000), Duration(1'000)), late_to("late"))
      .aggregate("sums", count(), sum(&Event::value))
      .map("sum row",
           [](const auto& w) {
             return head_of(w) + std::to_string(std::get<0>(w.value)) + " " +
                    std::to_string(std::get<1>(w.value));
           })
      .sink("sums out", commit_rows<std::string>(rows, as_is));
  disordered.key_by(&Event::key)
      .window(sliding(Duration(8'000), Duration(1'000)), late_drop())
      .aggregate("extremes", min(&Event::value), max(&Event::value))
      .map("extreme row",
           [](const auto& w) {
             return head_of(w) + std::to_string(std::get<0>(w.value)) + " " +
                    std::to_string(std::get<1>(w.value));
           })
      .sink("extremes out", commit_rows<std::string>(rows, as_is));
  disordered.key_by(&Event::key)
      .window(tumbling(Duration(20'000)), late_drop())
      .aggregate("tumbling", count_distinct(&Event::value))
      .global()  // through a narrow channel, so that a window is emitted in many pieces
      .map("tumbling row", [](const auto& w) { return head_of(w) + std::to_string(w.value); })
      .sink("tumbling out", commit_rows<std::string>(rows, as_is));
  t.side<Event>("late").sink("late out", commit_rows<Event>(rows, [](const Event& e) {
                               return std::to_string(e.key) + " " + std::to_string(e.value);
                             }));
  const auto punctual = t.spout("punctual", ScriptSpout<Event>(script, at_poll))
                            .event_time(&Event::time, bounded_disorder(Duration(kDisorder)));
  punctual.key_by(&Event::key)
      .aggregate("running", count())
      .map("running row",
           [](const Keyed<std::int64_t, std::uint64_t>& k) {
             return std::to_string(k.key) + " " + std::to_string(k.value);
           })
      .sink("running out", commit_rows<std::string>(rows, as_is));
  punctual.key_by(&Event::key)
      .bolt("buckets", Buckets())
      .sink("buckets out", commit_rows<std::string>(rows, as_is));
}

std::vector<std::string> with_plenty(const Script<Event>& script) {
  auto rows = std::make_shared<CommittedRows>();
  JobOptions o;
  o.executor = ExecutorKind::kSingle;
  const JobResult result = run_embedded([&](Topology& t) { build(t, script, rows, nullptr); }, o);
  EXPECT_TRUE(result.ok()) << result.status;
  return rows->sorted();
}

JobOptions poor_options(std::mt19937_64& random, const TempDir& dir) {
  JobOptions o;
  constexpr std::uint32_t kBatchSizes[] = {1, 7, 256};
  o.executor = ExecutorKind::kSingle;
  o.seed = random();
  o.state_backend = StateBackend::kRocksDb;
  o.state_dir = dir / "state";
  o.memory_budget = random() % 2 == 0 ? 1 : 30'000;  // the state is about ten times as much
  o.batch_size = kBatchSizes[random() % 3];
  o.channel_bytes = random() % 2 == 0 ? 256 : 64 << 10;
  return o;
}

TEST(SmallBudget, GivesTheSameOutputAsPlentyOfMemory) {
  for (std::uint64_t seed = kSanitizer ? 3 : 1; seed <= 4; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    std::mt19937_64 random(seed);
    const Script<Event> script = random_script(seed);
    const std::vector<std::string> expected = with_plenty(script);
    ASSERT_GT(expected.size(), 5'000u);
    const TempDir dir(TempDir::On::kMemory);
    JobOptions o = poor_options(random, dir);
    o.parallelism = 1 + static_cast<std::uint32_t>(seed % 3);
    o.combine = seed % 2 == 0;
    if (seed == 4) o.executor = ExecutorKind::kThreads;
    auto rows = std::make_shared<CommittedRows>();
    const JobResult result = run_embedded([&](Topology& t) { build(t, script, rows, nullptr); }, o);
    ASSERT_TRUE(result.ok()) << result.status;
    ASSERT_EQ(difference(rows->sorted(), expected), "");
  }
}

TEST(SmallBudget, GivesTheSameOutputThroughCrashes) {
  std::uint64_t restores = 0;
  const std::uint64_t last_seed = kSanitizer ? 12 : 14;
  for (std::uint64_t seed = 11; seed <= last_seed; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    std::mt19937_64 random(seed);
    const Script<Event> script = random_script(seed);
    const std::vector<std::string> expected = with_plenty(script);
    auto rows = std::make_shared<CommittedRows>();
    const TempDir dir(TempDir::On::kMemory);
    for (int attempt = 0;; ++attempt) {
      ASSERT_LT(attempt, 10);
      runtime::ManualClock clock;
      JobOptions o = poor_options(random, dir);
      o.manual_clock = &clock;
      o.parallelism = 2 + static_cast<std::uint32_t>(seed % 2);
      o.combine = seed % 4 < 2;
      o.batch_size = 4;
      o.channel_bytes = 256;  // little under way, so that checkpoints complete soon
      o.checkpoint_interval = std::chrono::microseconds(100);
      std::uint64_t polls_left = attempt < 5 ? 150 + random() % 300 : ~std::uint64_t{0};
      const auto at_poll = [&] {
        clock.advance(std::chrono::microseconds(10));
        if (--polls_left == 0) throw std::runtime_error("the test wants it");
      };
      const JobResult result =
          run_embedded([&](Topology& t) { build(t, script, rows, at_poll); }, o);
      if (result.restored_from.value != 0) ++restores;
      if (result.ok()) break;
      ASSERT_NE(std::string(result.status.message()).find("the test wants it"), std::string::npos)
          << result.status;
    }
    ASSERT_EQ(difference(rows->sorted(), expected), "");
  }
  EXPECT_GT(restores, (last_seed - 10) * 3);
}

}  // namespace
}  // namespace weir::tests
