// Spouts that fall silent and come back, against a reference: which windows fire, when, with what,
// and what comes too late. The clock moves only when nothing else can.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <map>
#include <memory>
#include <random>
#include <set>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "weir/coordinator/embedded_job.h"
#include "weir/operators/dsl.h"

namespace weir {
namespace {

using runtime::ManualClock;
using runtime::MonotonicTime;
using runtime::Topology;
using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr MonotonicTime kIdleAfter = seconds(5);
constexpr Duration kBound = seconds(2);

struct Reading {
  std::int64_t key = 0;
  EventTime time;
};
WEIR_RECORD(Reading, key, time);

// A partition delivers each reading when its moment has come, and ends behind the last.
struct Arrival {
  MonotonicTime at;
  Reading reading;
};
struct Partition {
  std::vector<Arrival> arrivals;
  MonotonicTime end;
};
using Schedule = std::vector<Partition>;

class ScheduledSpout : public Spout<Reading> {
 public:
  using Position = std::uint64_t;
  explicit ScheduledSpout(std::shared_ptr<const Schedule> schedule)
      : schedule_(std::move(schedule)) {}

  std::uint32_t partitions() const { return static_cast<std::uint32_t>(schedule_->size()); }
  absl::Status open(const SpoutContext& context, const Position* resume) {
    partition_ = &(*schedule_)[context.partition];
    clock_ = context.clock;
    if (resume != nullptr) next_ = *resume;
    return absl::OkStatus();
  }
  Poll poll(SpoutOutput<Reading>& out) {
    const auto& arrivals = partition_->arrivals;
    while (next_ < arrivals.size() && arrivals[next_].at <= clock_->now() && out.room() != 0) {
      out.emit(arrivals[next_++].reading);
    }
    const bool is_all = next_ == arrivals.size();
    const MonotonicTime then = is_all ? partition_->end : arrivals[next_].at;
    if (is_all && then <= clock_->now()) return Poll::end();
    return Poll::wait_until(then);
  }
  Position position() const { return next_; }

 private:
  std::shared_ptr<const Schedule> schedule_;
  const Partition* partition_ = nullptr;
  runtime::Clock* clock_ = nullptr;
  std::uint64_t next_ = 0;
};

// What a run shows: per fired window its moment, end, key and count; and how many readings counted
// nowhere.
struct Outcome {
  std::multiset<std::tuple<MonotonicTime, EventTime, std::int64_t, std::uint64_t>> fired;
  std::int64_t late = 0;
};

std::string text(const Outcome& outcome) {
  std::string out = "late " + std::to_string(outcome.late) + "\n";
  for (const auto& [at, end, key, count] : outcome.fired) {
    out += std::to_string(at / milliseconds(1)) + " ms: window to " +
           std::to_string(end.seconds()) + " s, key " + std::to_string(key) + ": " +
           std::to_string(count) + "\n";
  }
  return out;
}

// The definition, one event after the other.
class Reference {
 public:
  Reference(const Schedule& schedule, Duration size, Duration slide)
      : size_(size), slide_(slide), states_(schedule.size()) {
    // Moments of different partitions never coincide, see random_schedule().
    std::multimap<MonotonicTime, std::pair<std::size_t, const Arrival*>> events;
    for (std::size_t p = 0; p < schedule.size(); ++p) {
      for (const Arrival& a : schedule[p].arrivals) events.emplace(a.at, std::pair(p, &a));
      events.emplace(schedule[p].end, std::pair(p, nullptr));
    }
    for (const auto& [at, event] : events) {
      let_idle_before(at);
      State& state = states_[event.first];
      state.last = at;
      state.idle = false;
      if (event.second == nullptr) {
        state.ended = true;
      } else {
        count(state, event.second->reading);
      }
      fire(at);
    }
  }
  const Outcome& outcome() const { return outcome_; }

 private:
  struct State {
    EventTime watermark = EventTime::min();
    MonotonicTime last{0};
    bool idle = false;
    bool ended = false;
  };

  void let_idle_before(MonotonicTime at) {
    for (;;) {
      State* first = nullptr;
      for (State& s : states_) {
        if (!s.idle && !s.ended && (first == nullptr || s.last < first->last)) first = &s;
      }
      if (first == nullptr || first->last + kIdleAfter >= at) return;
      first->idle = true;
      fire(first->last + kIdleAfter);
    }
  }
  void count(State& state, const Reading& reading) {
    const EventTime gone = std::max(state.watermark, merged_);
    bool counts = false;
    for (EventTime end = runtime::floor_to(reading.time, slide_) + slide_;
         end <= reading.time + size_; end = end + slide_) {
      if (end <= gone) continue;
      ++windows_[end][reading.key];
      counts = true;
    }
    outcome_.late += counts ? 0 : 1;
    state.watermark = std::max(state.watermark, reading.time - kBound);
  }
  void fire(MonotonicTime at) {
    EventTime lowest = EventTime::max();
    EventTime highest_idle = EventTime::min();
    bool any_active = false;
    bool any_idle = false;
    for (const State& s : states_) {
      if (s.ended) continue;
      if (s.idle) {
        any_idle = true;
        highest_idle = std::max(highest_idle, s.watermark);
      } else {
        any_active = true;
        lowest = std::min(lowest, s.watermark);
      }
    }
    merged_ = std::max(merged_, !any_active && any_idle ? highest_idle : lowest);
    while (!windows_.empty() && windows_.begin()->first <= merged_) {
      for (const auto& [key, n] : windows_.begin()->second) {
        outcome_.fired.emplace(at, windows_.begin()->first, key, n);
      }
      windows_.erase(windows_.begin());
    }
  }

  const Duration size_;
  const Duration slide_;
  std::vector<State> states_;
  EventTime merged_ = EventTime::min();
  std::map<EventTime, std::map<std::int64_t, std::uint64_t>> windows_;  // by end
  Outcome outcome_;
};

// Busy stretches and silences of a partition; event time runs with the clock, with some disorder.
Schedule random_schedule(std::uint64_t seed, std::uint32_t partitions) {
  std::mt19937_64 random(seed);
  const auto below = [&](std::uint64_t n) { return static_cast<std::int64_t>(random() % n); };
  Schedule schedule(partitions);
  for (std::uint32_t p = 0; p < partitions; ++p) {
    // Partition p acts at moments of its own, modulo 8 ms.
    const auto moment = [&](std::int64_t ms) { return milliseconds(ms / 8 * 8 + p); };
    std::int64_t ms = 8 + below(9'000);
    for (std::int64_t i = below(40); i > 0; --i) {
      const std::int64_t time_ms = ms - below(4'000) - (below(6) == 0 ? 15'000 : 0);
      schedule[p].arrivals.push_back({moment(ms), {below(5), EventTime::from_millis(time_ms)}});
      ms += below(7) == 0 ? 3'000 + below(20'000) : 8 + below(1'500);
    }
    schedule[p].end = moment(ms);
  }
  return schedule;
}

struct Setting {
  std::uint32_t parallelism = 1;
  bool combine = true;
  Duration slide = seconds(10);
};

Outcome run(const Schedule& schedule, std::uint64_t seed, const Setting& setting) {
  ManualClock clock;
  JobOptions options;
  options.executor = ExecutorKind::kSingle;
  options.manual_clock = &clock;
  options.seed = seed;
  options.parallelism = setting.parallelism;
  options.combine = setting.combine;
  Outcome outcome;
  const auto shared = std::make_shared<const Schedule>(schedule);
  const JobResult result = run_embedded(
      [&](Topology& t) {
        t.spout("readings", ScheduledSpout(shared))
            .event_time(&Reading::time, bounded_disorder(kBound))
            .key_by(&Reading::key)
            .window(sliding(seconds(10), setting.slide), late_drop())
            .aggregate("counts", count())
            .sink("fired", at_least_once(call([&](const Windowed<std::int64_t, std::uint64_t>& w) {
                    outcome.fired.emplace(clock.now(), w.end, w.key, w.value);
                  })));
      },
      options);
  EXPECT_TRUE(result.ok()) << result.status;
  for (const auto& op : result.progress.operators) outcome.late += op.late;
  return outcome;
}

TEST(IdleSpouts, HoldNobodyBackAndComeBackWithoutDamage) {
  std::int64_t late = 0;
  for (std::uint64_t seed = 1; seed <= 300; ++seed) {
    SCOPED_TRACE(seed);
    const auto partitions = static_cast<std::uint32_t>(2 + seed % 2);
    const Schedule schedule = random_schedule(seed, partitions);
    for (const Duration slide : {Duration(seconds(10)), Duration(seconds(2))}) {
      const Outcome expected = Reference(schedule, seconds(10), slide).outcome();
      late += expected.late;
      for (const std::uint32_t parallelism : {1u, partitions}) {
        for (const bool combine : {true, false}) {
          const Outcome got = run(schedule, seed, {parallelism, combine, slide});
          ASSERT_EQ(got.fired, expected.fired)
              << "parallelism " << parallelism << ", combine " << combine << ", slide "
              << slide.count() << " us\ngot " << text(got) << "expected " << text(expected);
          // With pre-aggregation, several readings may come too late as one contribution.
          if (!combine) {
            EXPECT_EQ(got.late, expected.late) << "parallelism " << parallelism;
          }
        }
      }
    }
  }
  EXPECT_GT(late, 500);
}

TEST(IdleSpouts, TellTasksBehindTheNextOnes) {
  // Partition 0 is silent from the start and comes back late; the other one drives event time. The
  // news must pass a task that keeps no time of its own.
  const EventTime t0 = EventTime::from_seconds(100);
  Schedule schedule(2);
  schedule[0] = {{{seconds(60), {1, t0 + Duration(seconds(50))}}}, seconds(61)};
  for (int s = 0; s < 50; ++s) {
    schedule[1].arrivals.push_back({seconds(s) + milliseconds(1), {2, t0 + Duration(seconds(s))}});
  }
  schedule[1].end = seconds(62);
  ManualClock clock;
  JobOptions options;
  options.executor = ExecutorKind::kSingle;
  options.manual_clock = &clock;
  options.parallelism = 2;
  std::map<EventTime, MonotonicTime> fired;
  const auto shared = std::make_shared<const Schedule>(schedule);
  const JobResult result = run_embedded(
      [&](Topology& t) {
        t.spout("readings", ScheduledSpout(shared))
            .event_time(&Reading::time, bounded_disorder(kBound))
            .shuffle()
            .map("same", [](const Reading& r) { return r; })
            .key_by(&Reading::key)
            .window(tumbling(seconds(10)), late_drop())
            .aggregate("counts", count())
            .sink("fired", at_least_once(call([&](const Windowed<std::int64_t, std::uint64_t>& w) {
                    fired[w.end] = clock.now();
                  })));
      },
      options);
  ASSERT_TRUE(result.ok()) << result.status;
  // The window to 110 s is over when 112 s are read, 12 s after the start, since the silent
  // partition was given up 5 s after the start; that to 140 s when 142 s are.
  EXPECT_EQ(fired[t0 + Duration(seconds(10))], seconds(12) + milliseconds(1));
  EXPECT_EQ(fired[t0 + Duration(seconds(40))], seconds(42) + milliseconds(1));
  // Both are silent from 54 s on, so nothing holds 147 s back but the bound: 150 s comes at the
  // end.
  EXPECT_EQ(fired[t0 + Duration(seconds(50))], seconds(62));
}

}  // namespace
}  // namespace weir
