// Event-time windows against a reference that looks at one record after the other.
//
// What the reference says: a record with event time t of a partition counts in the window [s, e)
// that holds t if and only if the watermark of its own partition before it (the largest event time
// seen there before, minus the bound) is below e, plus what lateness is allowed. It is late if it
// counts in no window. Nothing else matters: neither parallelism, nor batches, nor who was first.
#include <gtest/gtest.h>

#include <random>
#include <set>

#include "support/committed_rows.h"
#include "support/executors.h"
#include "support/script_spout.h"
#include "support/temp_dir.h"
#include "weir/coordinator/embedded_job.h"
#include "weir/operators/dsl.h"

namespace weir::tests {
namespace {

struct Event {
  std::int64_t id = 0;  // unique
  std::int64_t key = 0;
  EventTime time;
  std::int64_t value = 0;
};
WEIR_RECORD(Event, id, key, time, value);

// One random case: the input and what is asked of it.
struct Case {
  std::uint64_t seed = 0;
  std::int64_t size = 0;  // all times in microseconds
  std::int64_t slide = 0;
  std::int64_t offset = 0;
  std::int64_t bound = 0;
  std::int64_t allowed = 0;
  Script<Event> input;
};

std::int64_t pick(std::mt19937_64& random, std::initializer_list<std::int64_t> from) {
  return *(from.begin() + random() % from.size());
}

std::vector<Event> random_partition(std::mt19937_64& random, const Case& c, std::int64_t first_id) {
  std::vector<Event> events;
  const std::size_t count = random() % 120;
  const std::int64_t disorder = pick(random, {0, c.bound, c.bound * 2, c.size * 3});
  const std::int64_t keys = pick(random, {1, 3, 12});
  std::int64_t now = pick(random, {-50'000, 0, 7'000, 123'456});
  for (std::size_t i = 0; i < count; ++i) {
    const std::uint64_t kind = random() % 100;
    if (kind < 3) now += c.size * static_cast<std::int64_t>(1 + random() % 5);  // a gap
    if (kind > 60) now += static_cast<std::int64_t>(random()) % (c.slide / 4 + 2);
    if (kind > 90) now = (now / c.slide + 1) * c.slide;  // exactly on an edge
    const std::int64_t back =
        disorder == 0
            ? 0
            : static_cast<std::int64_t>(random() % static_cast<std::uint64_t>(disorder + 1));
    events.push_back({first_id + static_cast<std::int64_t>(i),
                      static_cast<std::int64_t>(random() % static_cast<std::uint64_t>(keys)),
                      EventTime(now - back), static_cast<std::int64_t>(random() % 50) - 20});
  }
  return events;
}

Case random_case(std::uint64_t seed) {
  std::mt19937_64 random(seed);
  Case c;
  c.seed = seed;
  c.slide = pick(random, {1'000, 2'500, 3'000, 10'000});
  c.size = random() % 3 == 0 ? c.slide : c.slide * static_cast<std::int64_t>(1 + random() % 6);
  if (random() % 4 == 0) c.size += c.slide / 2;  // slide does not divide it
  c.offset = pick(random, {0, 0, 500});
  c.bound = pick(random, {0, 1, 700, 4'000, 20'000});
  auto input = std::make_shared<std::vector<std::vector<Event>>>();
  const std::size_t partitions = 1 + random() % 5;
  for (std::size_t p = 0; p < partitions; ++p) {
    input->push_back(random_partition(random, c, static_cast<std::int64_t>(p * 1'000)));
  }
  c.input = input;
  return c;
}

// --- the reference -------------------------------------------------------------------------------

struct Expected {
  std::map<std::pair<std::int64_t, std::int64_t>, std::vector<Event>> windows;  // (key, start)
  std::vector<Event> late;
};

Expected reference(const Case& c) {
  Expected out;
  for (const std::vector<Event>& partition : *c.input) {
    bool any = false;
    std::int64_t largest = 0;
    for (const Event& e : partition) {
      const std::int64_t t = e.time.micros();
      std::int64_t start = c.offset - 1'000 * c.slide;
      while (start + c.size <= t) start += c.slide;
      bool counted = false;
      for (; start <= t; start += c.slide) {
        if (any && largest - c.bound >= start + c.size + c.allowed) continue;
        out.windows[{e.key, start}].push_back(e);
        counted = true;
      }
      if (!counted) out.late.push_back(e);
      largest = any ? std::max(largest, t) : t;
      any = true;
    }
  }
  return out;
}

// --- rows as text --------------------------------------------------------------------------------

std::string text_of(std::int64_t v) { return std::to_string(v); }
std::string text_of(std::uint64_t v) { return std::to_string(v); }
std::string text_of(const std::vector<Event>& events) {
  std::string out = "[";
  for (const Event& e : events) out += std::to_string(e.id) + " ";
  return out + "]";
}
template <class... Xs>
std::string text_of(const std::tuple<Xs...>& values) {
  return std::apply([](const auto&... v) { return ((text_of(v) + "/") + ...); }, values);
}
std::string window_text(std::int64_t key, std::int64_t start, const std::string& value) {
  return "windows: " + std::to_string(key) + "@" + std::to_string(start) + " = " + value;
}
std::string late_text(const Event& e) { return std::to_string(e.id); }

// --- aggregates, each with its naive twin --------------------------------------------------------

struct ByValue {
  bool operator()(const Event& a, const Event& b) const {
    return a.value != b.value ? a.value > b.value : a.id < b.id;
  }
};
std::uint64_t naive_count(const std::vector<Event>& events) { return events.size(); }
std::int64_t naive_sum(const std::vector<Event>& events) {
  std::int64_t sum = 0;
  for (const Event& e : events) sum += e.value;
  return sum;
}
std::int64_t naive_max(const std::vector<Event>& events) {
  std::int64_t max = events.front().value;
  for (const Event& e : events) max = std::max(max, e.value);
  return max;
}
std::int64_t naive_min(const std::vector<Event>& events) {
  std::int64_t min = events.front().value;
  for (const Event& e : events) min = std::min(min, e.value);
  return min;
}
std::vector<Event> naive_top(std::vector<Event> events) {
  std::sort(events.begin(), events.end(), ByValue());
  if (events.size() > 3) events.resize(3);
  return events;
}
std::uint64_t naive_distinct(const std::vector<Event>& events) {
  std::set<std::int64_t> values;
  for (const Event& e : events) values.insert(e.value);
  return values.size();
}

using Naive = std::function<std::string(const std::vector<Event>&)>;
using Build = std::function<void(Topology&, const Case&, std::shared_ptr<CommittedRows>)>;
struct Aggregation {
  std::string name;
  Naive naive;
  Build build;
};

template <class... As>
Build windows_of(As... as) {
  return [=](Topology& t, const Case& c, std::shared_ptr<CommittedRows> rows) {
    operators::LatePolicy late = late_to("late");
    if (c.allowed != 0) late = refire_within(Duration(c.allowed), late);
    auto out = t.spout("script", ScriptSpout<Event>(c.input))
                   .event_time(&Event::time, bounded_disorder(Duration(c.bound)))
                   .key_by(&Event::key)
                   .window(sliding(Duration(c.size), Duration(c.slide), Duration(c.offset)), late)
                   .aggregate("window", as...);
    using Out = typename decltype(out)::Record;
    out.sink("windows", commit_rows<Out>(rows, [](const Out& w) {
               const std::string text = window_text(w.key, w.start.micros(), text_of(w.value));
               return text.substr(std::string("windows: ").size());
             }));
    t.side<Event>("late").sink("late", commit_rows<Event>(rows, late_text));
  };
}

std::vector<Aggregation> aggregations() {
  const auto naive = [](auto f) {
    return [f](const std::vector<Event>& events) { return text_of(f(events)); };
  };
  const auto several = [](const std::vector<Event>& e) {
    return std::tuple(naive_count(e), naive_sum(e), naive_min(e));
  };
  const auto invertible = [](const std::vector<Event>& e) {
    return std::tuple(naive_count(e), naive_sum(e));
  };
  return {{"count", naive(naive_count), windows_of(count())},
          {"sum", naive(naive_sum), windows_of(sum(&Event::value))},
          {"max", naive(naive_max), windows_of(max(&Event::value))},
          {"min", naive(naive_min), windows_of(min(&Event::value))},
          {"top 3", naive(naive_top), windows_of(top_k(3, ByValue()))},
          {"distinct", naive(naive_distinct), windows_of(count_distinct(&Event::value))},
          {"count, sum, min", naive(several),
           windows_of(count(), sum(&Event::value), min(&Event::value))},
          {"count, sum", naive(invertible), windows_of(count(), sum(&Event::value))}};
}

std::vector<std::string> expected_rows(const Case& c, const Naive& naive) {
  const Expected expected = reference(c);
  std::vector<std::string> rows;
  for (const auto& [at, events] : expected.windows) {
    rows.push_back(window_text(at.first, at.second, naive(events)));
  }
  for (const Event& e : expected.late) rows.push_back("late: " + late_text(e));
  std::sort(rows.begin(), rows.end());
  return rows;
}

// --- how it is run -------------------------------------------------------------------------------

JobOptions random_options(std::uint64_t seed, std::size_t run) {
  std::mt19937_64 random(seed * 1'000 + run);
  JobOptions o;
  constexpr ExecutorKind kKinds[] = {ExecutorKind::kSingle, ExecutorKind::kThreads,
                                     kParallelExecutor, ExecutorKind::kSingle};
  constexpr std::uint32_t kParallelisms[] = {1, 2, 4, 7};
  constexpr std::uint32_t kBatchSizes[] = {1, 7, 256};
  o.executor = kKinds[run % 4];
  o.threads = 2;
  o.seed = random();
  o.parallelism = kParallelisms[random() % 4];
  o.batch_size = kBatchSizes[random() % 3];
  o.combine = random() % 2 == 0;
  o.channel_bytes = random() % 2 == 0 ? 512 : 64 << 10;
  if (random() % 3 == 0) o.checkpoint_interval = std::chrono::microseconds(300);
  return o;
}

std::string describe(const Case& c, const JobOptions& o) {
  return "seed " + std::to_string(c.seed) + ", size " + std::to_string(c.size) + ", slide " +
         std::to_string(c.slide) + ", bound " + std::to_string(c.bound) + ", allowed " +
         std::to_string(c.allowed) + ", partitions " + std::to_string(c.input->size()) +
         "; executor " + std::to_string(static_cast<int>(o.executor)) + ", parallelism " +
         std::to_string(o.parallelism) + ", batch size " + std::to_string(o.batch_size) +
         (o.combine ? ", combined" : "") + ", order " + std::to_string(o.seed);
}

struct Ran {
  std::vector<std::string> rows;
  std::int64_t late = 0;
};

Ran run_case(const Case& c, const Aggregation& aggregation, const JobOptions& o) {
  auto rows = std::make_shared<CommittedRows>();
  const JobResult result = run_embedded([&](Topology& t) { aggregation.build(t, c, rows); }, o);
  EXPECT_TRUE(result.ok()) << result.status << describe(c, o);
  return {rows->sorted(), result.progress.late};
}

TEST(WindowsReference, CountsEachRecordInExactlyTheWindowsOpenForItsOwnPartition) {
  const std::vector<Aggregation> all = aggregations();
  std::size_t late = 0;
  for (std::uint64_t seed = 1; seed <= 160; ++seed) {
    const Case c = random_case(seed);
    const Aggregation& aggregation = all[seed % all.size()];
    const std::vector<std::string> expected = expected_rows(c, aggregation.naive);
    const auto expected_late = static_cast<std::int64_t>(reference(c).late.size());
    late += static_cast<std::size_t>(expected_late);
    for (std::size_t run = 0; run < 6; ++run) {
      const JobOptions o = random_options(seed, run);
      const Ran got = run_case(c, aggregation, o);
      ASSERT_EQ(difference(got.rows, expected), "") << aggregation.name << ": " << describe(c, o);
      ASSERT_EQ(got.late, expected_late) << describe(c, o);
    }
  }
  EXPECT_GT(late, 300u) << "the cases must have late records";
}

// The last result of each key and window: a refired window tells its full result again. Rows of
// one window come from one task in order, and each carries more records than the one before.
std::map<std::string, std::uint64_t> final_counts(const std::vector<std::string>& rows) {
  std::map<std::string, std::uint64_t> out;
  for (const std::string& row : rows) {
    const std::size_t eq = row.find(" = ");
    if (eq == std::string::npos) continue;
    std::uint64_t& count = out[row.substr(0, eq)];
    count = std::max<std::uint64_t>(count, std::stoull(row.substr(eq + 3)));
  }
  return out;
}

TEST(WindowsReference, RefiresWindowsUntilTheAllowedLatenessIsOver) {
  const std::vector<Aggregation> all = aggregations();
  for (std::uint64_t seed = 1; seed <= 80; ++seed) {
    Case c = random_case(seed);
    c.allowed = c.slide * static_cast<std::int64_t>(1 + seed % 4);
    const Aggregation& aggregation = seed % 2 == 0 ? all[6] : all[7];  // their rows tell the count
    const std::vector<std::string> expected = expected_rows(c, aggregation.naive);
    for (std::size_t run = 0; run < 4; ++run) {
      const JobOptions o = random_options(seed, run);
      const Ran got = run_case(c, aggregation, o);
      ASSERT_EQ(final_counts(got.rows), final_counts(expected)) << describe(c, o);
      ASSERT_TRUE(std::includes(got.rows.begin(), got.rows.end(), expected.begin(), expected.end()))
          << "a final result or a late record is missing: " << describe(c, o);
    }
  }
}

// Without any room in memory, slices are read back from the store when they are needed.
TEST(WindowsReference, HoldsForSlicesThatRestInTheStore) {
  const std::vector<Aggregation> all = aggregations();
  for (std::uint64_t seed = 1; seed <= 48; ++seed) {
    Case c = random_case(seed);
    if (seed % 3 == 0) c.allowed = c.slide * static_cast<std::int64_t>(1 + seed % 4);
    const Aggregation& aggregation = c.allowed == 0 ? all[seed % 8] : all[6 + seed % 2];
    const std::vector<std::string> expected = expected_rows(c, aggregation.naive);
    const TempDir dir(TempDir::On::kMemory);
    JobOptions o = random_options(seed, 0);
    o.parallelism = 1 + static_cast<std::uint32_t>(seed % 2);
    o.batch_size = 1 + static_cast<std::uint32_t>(seed % 5);
    o.channel_bytes = 256;
    o.state_backend = StateBackend::kRocksDb;
    o.state_dir = dir / "state";
    o.memory_budget = 1;
    const Ran got = run_case(c, aggregation, o);
    if (c.allowed == 0) {
      ASSERT_EQ(difference(got.rows, expected), "") << aggregation.name << ": " << describe(c, o);
      continue;
    }
    ASSERT_EQ(final_counts(got.rows), final_counts(expected)) << describe(c, o);
    ASSERT_TRUE(std::includes(got.rows.begin(), got.rows.end(), expected.begin(), expected.end()))
        << "a final result or a late record is missing: " << describe(c, o);
  }
}

}  // namespace
}  // namespace weir::tests
