// Random topologies: whatever is built from the words of the DSL gives one output, in every order
// of execution, at every parallelism, and however often it crashes.
//
// The generator keeps account of what is determined about a stream, and uses a word only where its
// result is: records and times (kExact), the order within a partition (kOrdered).
#include <gtest/gtest.h>

#include <random>

#include "support/committed_rows.h"
#include "support/executors.h"
#include "support/sanitizers.h"
#include "support/script_spout.h"
#include "support/temp_dir.h"
#include "weir/coordinator/embedded_job.h"
#include "weir/operators/dsl.h"
#include "weir/runtime/simulated_storage.h"

namespace weir::tests {
namespace {

struct Item {
  std::int64_t origin = 0;  // partition
  std::int64_t key = 0;
  std::int64_t value = 0;
  EventTime time;
};
WEIR_RECORD(Item, origin, key, value, time);
using Items = Stream<Item, true>;

std::int64_t mix(std::int64_t a, std::int64_t b) {
  auto x = static_cast<std::uint64_t>(a) * 0x9e3779b97f4a7c15u + static_cast<std::uint64_t>(b);
  x ^= x >> 29;
  return static_cast<std::int64_t>((x * 0xbf58476d1ce4e5b9u) >> 40);
}
std::string text_of(const Item& item) {
  return std::to_string(item.origin) + " " + std::to_string(item.key) + " " +
         std::to_string(item.value) + " " + std::to_string(item.time.micros());
}

// What each bucket of time holds, kept in all three kinds of state and emitted by a timer at its
// end. Needs records that are on time, and does not ask in which order they come.
struct BucketSums : KeyedBolt<std::int64_t, Item, Item> {
  std::int64_t length = 1'000;
  Value<std::int64_t> open_buckets;
  Map<std::int64_t, std::int64_t> sums;
  List<std::int64_t> ends;  // of the bucket of each record

  absl::Status open(Context& c) {
    open_buckets = c.value<std::int64_t>("open");
    sums = c.map<std::int64_t, std::int64_t>("sums");
    ends = c.list<std::int64_t>("ends");
    return absl::OkStatus();
  }
  void process(const Item& item, Context& c, Emitter<Item>&) {
    const std::int64_t end = runtime::floor_to(item.time, Duration(length)).micros() + length;
    const std::int64_t* sum = sums.find(end);
    if (sum == nullptr) ++open_buckets.edit();
    sums.put(end, (sum == nullptr ? 0 : *sum) + item.value);
    ends.add(end);
    c.set_event_timer(EventTime(end));
  }
  void on_timer(const Timer& timer, Context& c, Emitter<Item>& out) {
    std::vector<std::int64_t> rest = *ends.get();
    const auto seen = static_cast<std::int64_t>(std::erase(rest, timer.time));
    out.emit({seen, c.key(), *sums.find(timer.time), timer.event_time()});
    sums.remove(timer.time);
    rest.empty() ? ends.clear() : ends.set(rest);
    if (--open_buckets.edit() == 0) open_buckets.clear();
  }
};

// Behind a broadcast: each record passes at one of the tasks that see it.
struct OneOfAll : Bolt<Item, Item> {
  std::uint32_t index = 0;
  std::uint32_t tasks = 1;
  absl::Status open(const BoltContext& context) {
    index = context.task_index;
    tasks = context.parallelism;
    return absl::OkStatus();
  }
  void process(const Item& item, Emitter<Item>& out) {
    if (static_cast<std::uint64_t>(mix(item.value, item.key)) % tasks == index) out.emit(item);
  }
};

// The stream's records and the time and lateness of each are determined / so is the order of those
// of one origin / none is late, not even for a timer.
struct Facts {
  bool exact = true;
  bool ordered = true;
  bool on_time = true;
};
struct Branch {
  Items stream;
  Facts facts;
};

class Generator {
 public:
  Generator(std::uint64_t seed, std::shared_ptr<CommittedRows> rows, std::function<void()> at_poll)
      : random_(seed), rows_(std::move(rows)), at_poll_(std::move(at_poll)) {}

  void build(Topology& t) {
    const std::size_t spouts = 1 + random_() % 2;
    for (std::size_t i = 0; i < spouts; ++i) branches_.push_back(spout(t, i));
    const std::size_t words = 2 + random_() % 6;
    for (std::size_t i = 0; i < words; ++i) add_word(t);
    for (Branch& b : branches_) b.stream.sink(name("sink"), commit_rows<Item>(rows_, text_of));
  }

 private:
  std::string name(const char* kind) { return kind + std::to_string(++names_); }

  Branch spout(Topology& t, std::size_t number) {
    const bool on_time = random_() % 2 == 0;
    const std::int64_t disorder = static_cast<std::int64_t>(random_() % 3) * 2'000;
    auto script = std::make_shared<std::vector<std::vector<Item>>>(1 + random_() % 4);
    std::int64_t origin = static_cast<std::int64_t>(number) * 10;
    for (std::vector<Item>& partition : *script) {
      const std::size_t count = random_() % 160;
      std::int64_t now = static_cast<std::int64_t>(random_() % 5'000);
      for (std::size_t i = 0; i < count; ++i) {
        now += static_cast<std::int64_t>(random_() % 400);
        const std::int64_t back =
            disorder == 0 ? 0 : static_cast<std::int64_t>(random_()) % disorder;
        partition.push_back({origin, static_cast<std::int64_t>(random_() % 9),
                             static_cast<std::int64_t>(random_() % 1'000),
                             EventTime(now - std::abs(back))});
      }
      ++origin;
    }
    const std::int64_t bound = on_time ? disorder : disorder / 3;
    auto stream = t.spout(name("script"), ScriptSpout<Item>(script, at_poll_))
                      .event_time(&Item::time, bounded_disorder(Duration(bound)));
    return {stream, {true, true, on_time}};
  }

  void add_word(Topology& t) {
    const std::size_t at = random_() % branches_.size();
    Branch& b = branches_[at];
    switch (random_() % 12) {
      case 0:
        b.stream = b.stream.map(name("map"), [](Item& item) { item.value += item.key; });
        return;
      case 1:
        b.stream =
            b.stream.filter(name("filter"), [](const Item& item) { return item.value % 7 != 0; });
        return;
      case 2:
        b.stream = b.stream.flat_map<Item>(name("flat"), [](const Item& item, Emitter<Item>& out) {
          for (std::int64_t i = 0; i <= item.key % 3; ++i) {
            out.emit({item.origin, item.key + i, mix(item.value, i), item.time});
          }
        });
        return;
      case 3: return add_split(b);
      case 4: return add_merge(at);
      case 5: return add_regrouping(b);
      case 6: return add_running(b);
      case 7: return add_ordered_fold(b);
      case 8: return add_buckets(b);
      default: return add_window(t, b);
    }
  }

  void add_split(Branch& b) {
    auto [yes, no] =
        b.stream.split(name("split"), [](const Item& item) { return item.value % 2 == 0; });
    const Facts facts = b.facts;
    b.stream = yes;
    branches_.push_back({no, facts});
  }
  void add_merge(std::size_t at) {
    if (branches_.size() < 2) return;
    const std::size_t other = (at + 1) % branches_.size();
    Branch& a = branches_[at];
    const Branch& b = branches_[other];
    a.stream = a.stream.merge(b.stream);
    a.facts = {a.facts.exact && b.facts.exact, false, a.facts.on_time && b.facts.on_time};
    branches_.erase(branches_.begin() + static_cast<std::ptrdiff_t>(other));
  }
  void add_regrouping(Branch& b) {
    const std::uint64_t kind = random_() % 4;
    b.facts.ordered = false;
    if (kind == 0) b.stream = b.stream.shuffle().map(name("shuffled"), [](Item& i) { ++i.value; });
    if (kind == 1) b.stream = b.stream.global().map(name("global"), [](Item& i) { ++i.value; });
    if (kind == 2) b.stream = b.stream.broadcast().bolt(name("broadcast"), OneOfAll());
    if (kind == 3) {
      b.stream =
          b.stream.key_by(&Item::key).partial().map(name("partial"), [](Item& i) { ++i.value; });
    }
  }
  // The n-th record of a key is told as n: whichever record it is.
  void add_running(Branch& b) {
    if (random_() % 2 == 0) {
      b.stream = b.stream.key_by(&Item::key)
                     .aggregate(name("running"), count())
                     .map(name("counted"), [](const Keyed<std::int64_t, std::uint64_t>& k) {
                       return Item{0, k.key, static_cast<std::int64_t>(k.value), EventTime(0)};
                     });
    } else {
      b.stream = b.stream.map(name("ones"),
                              [](Item& i) {
                                i = {0, i.key, 1, EventTime(0)};
                              })
                     .key_by(&Item::key)
                     .reduce(name("reduce"), [](const Item& x, const Item& y) {
                       return Item{0, x.key, x.value + y.value, EventTime(0)};
                     });
    }
    b.facts = {false, false, false};
  }
  // Depends on the order of each origin's records, and so shows it.
  void add_ordered_fold(Branch& b) {
    if (!b.facts.ordered) return;
    b.stream =
        b.stream.key_by(&Item::origin).reduce(name("fold"), [](const Item& x, const Item& y) {
          return Item{y.origin, y.key, mix(x.value, y.value), y.time};
        });
  }
  void add_buckets(Branch& b) {
    if (!b.facts.exact || !b.facts.on_time) return;
    BucketSums bolt;
    bolt.length = static_cast<std::int64_t>(1 + random_() % 5) * 700;
    b.stream = b.stream.key_by(&Item::key).bolt(name("buckets"), bolt);
    // A bucket's sum carries the end of the bucket as its time: past the watermark that fired it.
    b.facts = {false, false, false};
  }
  void add_window(Topology& t, Branch& b) {
    if (!b.facts.exact) return;
    const std::int64_t slide = static_cast<std::int64_t>(1 + random_() % 4) * 500;
    const std::int64_t size =
        slide * static_cast<std::int64_t>(1 + random_() % 4) + (random_() % 4 == 0 ? slide / 2 : 0);
    const std::string late = name("late");
    const bool has_late_stream = random_() % 2 == 0;
    auto windows = b.stream.key_by(&Item::key)
                       .window(sliding(Duration(size), Duration(slide)),
                               has_late_stream ? late_to(late) : late_drop());
    const auto as_item = [](const auto& w, std::int64_t value) {
      return Item{0, w.key, value, w.end - Duration(1)};
    };
    if (random_() % 2 == 0) {
      b.stream = windows.aggregate(name("sums"), sum(&Item::value))
                     .map(name("window"), [=](const Windowed<std::int64_t, std::int64_t>& w) {
                       return as_item(w, w.value);
                     });
    } else {
      b.stream =
          windows.aggregate(name("tops"), max(&Item::value), count_distinct(&Item::value))
              .map(name("window"),
                   [=](const Windowed<std::int64_t, std::tuple<std::int64_t, std::uint64_t>>& w) {
                     return as_item(w, std::get<0>(w.value) * 1'000 +
                                           static_cast<std::int64_t>(std::get<1>(w.value)));
                   });
    }
    b.facts.ordered = false;
    b.facts.on_time = true;
    if (has_late_stream) {
      branches_.push_back({Items(t.side<Item>(late).source()), {false, false, false}});
    }
  }

  std::mt19937_64 random_;
  std::shared_ptr<CommittedRows> rows_;
  std::function<void()> at_poll_;
  std::vector<Branch> branches_;
  int names_ = 0;
};

struct Ran {
  JobResult result;
  std::vector<std::string> rows;
};
Ran run_topology(std::uint64_t seed, const JobOptions& o) {
  auto rows = std::make_shared<CommittedRows>();
  JobResult result = run_embedded([&](Topology& t) { Generator(seed, rows, nullptr).build(t); }, o);
  return {std::move(result), rows->sorted()};
}

JobOptions random_options(std::mt19937_64& random, ExecutorKind executor) {
  JobOptions o;
  constexpr std::uint32_t kParallelisms[] = {1, 2, 3, 4, 7};
  constexpr std::uint32_t kBatchSizes[] = {1, 3, 16, 256};
  o.executor = executor;
  o.threads = 2;
  o.seed = random();
  o.parallelism = kParallelisms[random() % 5];
  o.batch_size = kBatchSizes[random() % 4];
  o.combine = random() % 2 == 0;
  o.channel_bytes = random() % 2 == 0 ? 256 : 64 << 10;
  if (random() % 2 == 0) o.checkpoint_interval = std::chrono::microseconds(500);
  return o;
}
std::string describe(std::uint64_t seed, const JobOptions& o) {
  return "seed " + std::to_string(seed) + ": executor " +
         std::to_string(static_cast<int>(o.executor)) + ", parallelism " +
         std::to_string(o.parallelism) + ", batch size " + std::to_string(o.batch_size) +
         (o.combine ? ", combined" : "") + ", order " + std::to_string(o.seed);
}

constexpr std::uint64_t kSeeds = kSanitizer ? 60 : 200;

TEST(RandomTopologies, GiveTheSameOutputInEveryOrderOfExecution) {
  std::size_t rows = 0;
  for (std::uint64_t seed = 1; seed <= kSeeds; ++seed) {
    std::mt19937_64 random(seed);
    JobOptions plain;
    plain.executor = ExecutorKind::kSingle;
    const Ran expected = run_topology(seed, plain);
    ASSERT_TRUE(expected.result.ok()) << "seed " << seed << ": " << expected.result.status;
    rows += expected.rows.size();
    for (const ExecutorKind kind : {ExecutorKind::kSingle, ExecutorKind::kSingle,
                                    ExecutorKind::kThreads, kParallelExecutor}) {
      const JobOptions o = random_options(random, kind);
      const Ran got = run_topology(seed, o);
      ASSERT_TRUE(got.result.ok()) << describe(seed, o) << got.result.status;
      ASSERT_EQ(difference(got.rows, expected.rows), "") << describe(seed, o);
    }
  }
  EXPECT_GT(rows, kSeeds * 30);
}

// What the job with `seed` commits when it crashes some times and is started again each time; each
// attempt's options pass through `change`. Counts the attempts that went on from a checkpoint.
std::vector<std::string> rows_through_crashes(
    std::uint64_t seed, const std::function<void(JobOptions&, std::mt19937_64&)>& change,
    const std::function<void()>& after_crash, std::uint64_t* restores) {
  std::mt19937_64 random(seed);
  auto rows = std::make_shared<CommittedRows>();
  const std::uint32_t parallelism = 1 + static_cast<std::uint32_t>(random() % 4);
  const bool combine = random() % 2 == 0;
  for (int attempt = 0; attempt < 20; ++attempt) {
    runtime::ManualClock clock;
    JobOptions o = random_options(random, ExecutorKind::kSingle);
    o.manual_clock = &clock;
    o.state_dir = "/state";
    o.parallelism = parallelism;
    o.combine = combine;
    o.batch_size = 1 + static_cast<std::uint32_t>(random() % 2);
    o.channel_bytes = 256;
    o.checkpoint_interval = std::chrono::microseconds(10 + random() % 60);
    change(o, random);
    std::uint64_t polls_left = attempt < 6 ? 40 + random() % 160 : ~std::uint64_t{0};
    const auto at_poll = [&] {
      clock.advance(std::chrono::microseconds(10));
      if (--polls_left == 0) throw std::runtime_error("the test wants it");
    };
    const JobResult result =
        run_embedded([&](Topology& t) { Generator(seed, rows, at_poll).build(t); }, o);
    if (result.restored_from.value != 0) ++*restores;
    if (result.ok()) break;
    const bool is_wanted =
        std::string(result.status.message()).find("the test wants it") != std::string::npos;
    EXPECT_TRUE(is_wanted) << describe(seed, o) << result.status;
    if (!is_wanted) break;
    after_crash();
  }
  return rows->sorted();
}

std::vector<std::string> rows_of_calm(std::uint64_t seed) {
  JobOptions plain;
  plain.executor = ExecutorKind::kSingle;
  return run_topology(seed, plain).rows;
}

TEST(RandomTopologies, GiveTheSameOutputThroughCrashes) {
  std::uint64_t restores = 0;
  for (std::uint64_t seed = 1; seed <= kSeeds; ++seed) {
    runtime::SimulatedStorage storage(seed);
    const std::vector<std::string> rows = rows_through_crashes(
        seed, [&](JobOptions& o, std::mt19937_64&) { o.storage = &storage; },
        [&] { storage.crash(); }, &restores);
    ASSERT_EQ(difference(rows, rows_of_calm(seed)), "") << "seed " << seed;
  }
  EXPECT_GT(restores, kSeeds / 2);
}

// Key groups, timers, slices and what waits for a generation move between tasks; from and to one
// task, chains join and part.
TEST(RandomTopologies, GiveTheSameOutputWithAnotherParallelismAfterEachCrash) {
  std::uint64_t restores = 0;
  for (std::uint64_t seed = 1; seed <= kSeeds; ++seed) {
    runtime::SimulatedStorage storage(seed);
    const std::vector<std::string> rows = rows_through_crashes(
        seed,
        [&](JobOptions& o, std::mt19937_64& random) {
          o.storage = &storage;
          o.parallelism = 1 + static_cast<std::uint32_t>(random() % 6);
        },
        [&] { storage.crash(); }, &restores);
    ASSERT_EQ(difference(rows, rows_of_calm(seed)), "") << "seed " << seed;
  }
  EXPECT_GT(restores, kSeeds / 2);
}

TEST(RandomTopologies, GiveTheSameOutputFromRocksDbWithoutRoomInMemory) {
  std::uint64_t restores = 0;
  const std::uint64_t seeds = kSanitizer ? 12 : 24;
  for (std::uint64_t seed = 1; seed <= seeds; ++seed) {
    const TempDir dir(TempDir::On::kMemory);
    const std::vector<std::string> rows = rows_through_crashes(
        seed,
        [&](JobOptions& o, std::mt19937_64&) {
          o.state_dir = dir / "state";
          o.state_backend = StateBackend::kRocksDb;
          o.memory_budget = 1;
          if (seed % 2 == 0) o.parallelism = 1 + static_cast<std::uint32_t>(o.seed % 4);
        },
        [] {}, &restores);
    ASSERT_EQ(difference(rows, rows_of_calm(seed)), "") << "seed " << seed;
  }
  EXPECT_GT(restores, seeds / 2);
}

}  // namespace
}  // namespace weir::tests
