#include "support/random_topology.h"

#include "support/script_spout.h"

namespace weir::tests {
namespace {

std::int64_t mix(std::int64_t a, std::int64_t b) {
  auto x = static_cast<std::uint64_t>(a) * 0x9e3779b97f4a7c15u + static_cast<std::uint64_t>(b);
  x ^= x >> 29;
  return static_cast<std::int64_t>((x * 0xbf58476d1ce4e5b9u) >> 40);
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

}  // namespace

void RandomTopology::build(Topology& t) {
  const std::size_t spouts = 1 + random_() % 2;
  for (std::size_t i = 0; i < spouts; ++i) branches_.push_back(spout(t, i));
  const std::size_t words = 2 + random_() % 6;
  for (std::size_t i = 0; i < words; ++i) add_word(t);
  for (const RandomBranch& b : branches_) sink_(b.stream, name("sink"));
}

RandomBranch RandomTopology::spout(Topology& t, std::size_t number) {
  const bool on_time = random_() % 2 == 0;
  const std::int64_t disorder = static_cast<std::int64_t>(random_() % 3) * 2'000;
  auto script = std::make_shared<std::vector<std::vector<Item>>>(1 + random_() % 4);
  std::int64_t origin = static_cast<std::int64_t>(number) * 10;
  for (std::vector<Item>& partition : *script) {
    const std::size_t count = random_() % 160;
    std::int64_t now = static_cast<std::int64_t>(random_() % 5'000);
    for (std::size_t i = 0; i < count; ++i) {
      now += static_cast<std::int64_t>(random_() % 400);
      const std::int64_t back = disorder == 0 ? 0 : static_cast<std::int64_t>(random_()) % disorder;
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

void RandomTopology::add_word(Topology& t) {
  const std::size_t at = random_() % branches_.size();
  RandomBranch& b = branches_[at];
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

void RandomTopology::add_split(RandomBranch& b) {
  auto [yes, no] =
      b.stream.split(name("split"), [](const Item& item) { return item.value % 2 == 0; });
  const StreamFacts facts = b.facts;
  b.stream = yes;
  branches_.push_back({no, facts});
}

void RandomTopology::add_merge(std::size_t at) {
  if (branches_.size() < 2) return;
  const std::size_t other = (at + 1) % branches_.size();
  RandomBranch& a = branches_[at];
  const RandomBranch& b = branches_[other];
  a.stream = a.stream.merge(b.stream);
  a.facts = {a.facts.exact && b.facts.exact, false, a.facts.on_time && b.facts.on_time};
  branches_.erase(branches_.begin() + static_cast<std::ptrdiff_t>(other));
}

void RandomTopology::add_regrouping(RandomBranch& b) {
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
void RandomTopology::add_running(RandomBranch& b) {
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
void RandomTopology::add_ordered_fold(RandomBranch& b) {
  if (!b.facts.ordered) return;
  b.stream = b.stream.key_by(&Item::origin).reduce(name("fold"), [](const Item& x, const Item& y) {
    return Item{y.origin, y.key, mix(x.value, y.value), y.time};
  });
}

void RandomTopology::add_buckets(RandomBranch& b) {
  if (!b.facts.exact || !b.facts.on_time) return;
  BucketSums bolt;
  bolt.length = static_cast<std::int64_t>(1 + random_() % 5) * 700;
  b.stream = b.stream.key_by(&Item::key).bolt(name("buckets"), bolt);
  // A bucket's sum carries the end of the bucket as its time: past the watermark that fired it.
  b.facts = {false, false, false};
}

void RandomTopology::add_window(Topology& t, RandomBranch& b) {
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

}  // namespace weir::tests
