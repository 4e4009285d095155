// The program that `scripts/bench cluster` runs on a cluster of real processes, and embedded.
//
//   ads        D: views of ads, counted by campaign; a combiner stands before the exchange
//   exchange   B: events are projected to 16 bytes and summed up by key, through the exchange
//   latency    records at a pace, by key; of those that change the process, how late they arrive
//   keep       1 KiB of state per key: all keys at once, then changes at a pace, without end
//   rounds     the same state; then exactly 1 % of the keys change between two checkpoints
//   idle       the same state with the pace of an idle job
#include <unistd.h>

#include <array>
#include <chrono>
#include <cstdint>
#include <memory>
#include <string>

#include "ads_topology.h"
#include "paced_spout.h"
#include "process_figures.h"
#include "weir/weir.h"
#include "workloads.h"

namespace {

using namespace weir::bench;
using namespace std::chrono_literals;

constexpr std::uint32_t kPartitions = 2;    // of every spout, whatever the parallelism
constexpr std::uint64_t kClockEvery = 256;  // outputs

struct Settings {
  std::uint64_t records = 0;
  std::uint64_t keys = 0;
  double rate = 0;
  std::uint64_t pause_us = 0;

  Schedule schedule() const {
    return {.period_ns = 1e9 / rate,
            .records = records,
            .partitions = kPartitions,
            .pause_ns = pause_us * 1000};
  }
};

// Both partitions begin with one of the first records.
void note_first(std::uint64_t i) {
  if (i < kPartitions) process_figures().note_first_record();
}

void ads(weir::Topology& t, const Settings& s) {
  const auto ids = std::make_shared<const std::vector<std::uint64_t>>(make_ads());
  const Load load{.records = s.records};
  count_ads(t,
            weir::generate<AdEvent>(s.records,
                                    [load, ids](std::uint64_t i, AdEvent& e) {
                                      note_first(i);
                                      make_ad_event(load, ids->data(), i, e);
                                    },
                                    {.partitions = kPartitions}),
            weir::at_least_once(weir::call([seen = SinkFigures(1)](const CampaignCount& o) mutable {
              seen.add(campaign_part(o));
            })));
}

struct Amount {
  std::uint64_t key = 0;
  std::uint64_t value = 0;
};
static_assert(sizeof(Amount) == 16);

// The values of a key are all equal, so its sums do not depend on the order in which two partitions
// arrive, and checksums can be compared.
Amount amount_of(const Event& e) { return {e.key, (e.key & 0xffff) | 1}; }

void exchange(weir::Topology& t, const Settings& s) {
  using Out = weir::Keyed<std::uint64_t, std::uint64_t>;
  const Load load{.records = s.records, .keys = s.keys};
  t.spout("events", weir::generate<Event>(s.records,
                                          [load](std::uint64_t i, Event& e) {
                                            note_first(i);
                                            make_event(load, i, e);
                                          },
                                          {.partitions = kPartitions}))
      .map(amount_of)
      .key_by(&Amount::key)
      .aggregate("sums", weir::sum(&Amount::value))
      .sink("out",
            weir::at_least_once(weir::call([seen = SinkFigures(kClockEvery)](const Out& o) mutable {
              seen.add(running_part(o.key, o.value));
            })));
}

struct Timed {
  std::uint64_t key = 0;
  std::uint64_t number = 0;
  std::uint64_t due_ns = 0;
  std::int64_t made_by = 0;  // process
};

struct Counter : weir::KeyedBolt<std::uint64_t, Timed, Timed> {
  Value<std::uint64_t> seen;
  absl::Status open(Context& c) {
    seen = c.value<std::uint64_t>("seen");
    return absl::OkStatus();
  }
  void process(const Timed& e, Context&, weir::Emitter<Timed>& out) {
    ++seen.edit();
    out.emit(e);
  }
};

// Records of the first second are not counted: that is how far apart two workers may begin.
void latency(weir::Topology& t, const Settings& s) {
  const auto counted_from = static_cast<std::uint64_t>(s.rate);
  const std::int64_t self = ::getpid();
  t.spout("events",
          paced<Timed>(s.schedule(),
                       [keys = s.keys, self](std::uint64_t i, std::uint64_t due, Timed& e) {
                         note_first(i);
                         e = {key_of(scaled(scramble(i), keys)), i, due, self};
                       }))
      .key_by(&Timed::key)
      .bolt("counter", Counter{})
      .sink("out", weir::at_least_once(weir::call([seen = SinkFigures(kClockEvery), counted_from,
                                                   self](const Timed& e) mutable {
              seen.add(scramble(e.number));
              const bool has_crossed = e.made_by != self;
              if (has_crossed && e.number >= counted_from) seen.add_latency(e.due_ns);
            })));
}

struct Change {
  std::uint64_t key = 0;
  std::uint64_t changes = 0;  // of this key
};

// 1 KiB per key that no compression makes smaller.
struct Bulk {
  std::uint64_t changes = 0;
  std::array<std::uint64_t, 127> filler{};
};
static_assert(sizeof(Bulk) == 1024);

struct Keeper : weir::KeyedBolt<std::uint64_t, Change, Change> {
  Value<Bulk> bulk;
  absl::Status open(Context& c) {
    bulk = c.value<Bulk>("bulk");
    return absl::OkStatus();
  }
  void process(const Change& e, Context&, weir::Emitter<Change>& out) {
    Bulk& kept = bulk.edit();
    if (kept.changes++ == 0) {
      for (std::uint64_t j = 0; j < kept.filler.size(); ++j) kept.filler[j] = scramble(e.key + j);
    }
    out.emit({e.key, kept.changes});
  }
};

template <class S>
void keep(weir::Topology& t, S spout) {
  t.spout("changes", std::move(spout))
      .key_by(&Change::key)
      .bolt("keeper", Keeper{})
      .sink("out", weir::at_least_once(
                       weir::call([seen = SinkFigures(kClockEvery)](const Change& e) mutable {
                         seen.add(running_part(e.key, e.changes));
                       })));
}

void keep_at_a_pace(weir::Topology& t, const Settings& s) {
  Schedule schedule = s.schedule();
  schedule.at_once = s.keys;
  keep(t, paced<Change>(schedule, [keys = s.keys](std::uint64_t i, std::uint64_t, Change& e) {
         note_first(i);
         e.key = key_of(i < keys ? i : scaled(scramble(i), keys));
       }));
}

// All keys of its partition in turn, then 1 % of them after each barrier. Being asked for its
// position is how a spout learns of a barrier.
class RoundSpout : public weir::Spout<Change> {
 public:
  using Position = std::uint64_t;  // records delivered by this partition
  explicit RoundSpout(std::uint64_t keys) : keys_(keys / kPartitions), allowed_(keys_) {}

  std::uint32_t partitions() const { return kPartitions; }
  std::string fault() const {
    return keys_ % 100 == 0 ? "" : "1 % of the keys of a partition is no whole number";
  }
  absl::Status open(const weir::SpoutContext& context, const Position* resume) {
    clock_ = context.clock;
    partition_ = context.partition;
    if (resume != nullptr) next_ = *resume;
    allowed_ = std::max(keys_, next_);
    return absl::OkStatus();
  }
  weir::Poll poll(weir::SpoutOutput<Change>& out) {
    if (next_ == allowed_) return weir::Poll::wait_until(clock_->now() + 10ms);
    for (; next_ < allowed_ && out.room() > 0; ++next_) {
      out.next().key = key_of(next_ % keys_ * kPartitions + partition_);
      out.keep();
    }
    return weir::Poll::more();
  }
  Position position() const {
    if (next_ == allowed_) allowed_ += keys_ / 100;
    return next_;
  }

 private:
  std::uint64_t keys_;  // of one partition
  mutable std::uint64_t allowed_;
  weir::runtime::Clock* clock_ = nullptr;
  std::uint32_t partition_ = 0;
  std::uint64_t next_ = 0;
};

void build(weir::Topology& t) {
  const auto workload = t.param<std::string>("workload", "as at the head of the source");
  const auto figures = t.param<std::string>("figures", "folder for what each process sees", "");
  Settings s;
  s.records = t.param<std::uint64_t>("records", "how many; 0: without end", 0);
  s.keys = t.param<std::uint64_t>("keys", "distinct keys", 10'000);
  s.rate = t.param<double>("rate", "records per second, of those that are paced", 1.0);
  s.pause_us = t.param<std::uint64_t>("pause-us", "least time between looks at the clock", 0);
  if (s.records == 0) s.records = UINT64_MAX;
  process_figures().write_into(figures);
  if (workload == "ads") ads(t, s);
  if (workload == "exchange") exchange(t, s);
  if (workload == "latency") latency(t, s);
  if (workload == "keep" || workload == "idle") keep_at_a_pace(t, s);
  if (workload == "rounds") keep(t, RoundSpout(s.keys));
}

}  // namespace

int main(int argc, char** argv) {
  const int code = weir::main(argc, argv, build);
  process_figures().write_end();
  return code;
}
