// The job that scripts/chaos kills: two spout partitions, an exchange, windows and keyed state with
// timers, two exactly-once outputs. Every record is a function of its number, so any two runs that
// lose and repeat nothing write the same lines.
#include <cstdint>
#include <string>
#include <tuple>

#include "support/scrambled_records.h"
#include "weir/weir.h"

namespace {

using namespace std::chrono_literals;

struct Event {
  weir::EventTime at;
  std::uint64_t key = 0;
  std::int64_t value = 0;
  bool is_straggler = false;
};
WEIR_RECORD(Event, at, key, value, is_straggler);

struct Visit {
  std::uint64_t key = 0;
  std::int64_t opened_us = 0;
  std::uint64_t events = 0;
  std::int64_t sum = 0;
};
WEIR_RECORD(Visit, key, opened_us, events, sum);

constexpr std::uint64_t kStragglers = 4'096;  // one of so many records

// Event time rises by 50 us a record and is disturbed by up to 4 s; one record in 4,096 lags by a
// minute and is late for all its windows.
void fill(std::uint64_t i, std::uint64_t keys, Event& e) {
  const std::uint64_t h = weir::tests::scramble(i + 1);
  e.at = weir::tests::disturbed_time(
      i, h, {.step = 50, .most = 4'000'000, .one_in = kStragglers, .lag = 60'000'000});
  e.is_straggler = (h & (kStragglers - 1)) == 0;
  e.key = h % keys;
  e.value = weir::tests::scrambled_value(h);
}

// Counts the events of a key from its first one on, for 20 s of event time; what belongs to a visit
// is decided by event time alone, so the result does not depend on the order of arrival.
struct Visits : weir::KeyedBolt<std::uint64_t, Event, Visit> {
  static constexpr std::int64_t kLength = 20'000'000;
  Map<std::int64_t, std::pair<std::uint64_t, std::int64_t>> open_visits;

  absl::Status open(Context& c) {
    open_visits = c.map<std::int64_t, std::pair<std::uint64_t, std::int64_t>>("visits");
    return absl::OkStatus();
  }
  void process(const Event& e, Context& c, weir::Emitter<Visit>&) {
    const std::int64_t start = e.at.micros() - ((e.at.micros() % kLength) + kLength) % kLength;
    auto& visit = open_visits.edit()[start];
    if (visit.first == 0) c.set_event_timer(weir::EventTime(start + kLength + 4'000'000));
    ++visit.first;
    visit.second += e.value;
  }
  void on_timer(const weir::Timer& t, Context& c, weir::Emitter<Visit>& out) {
    const std::int64_t start = t.time - 4'000'000 - kLength;
    const auto* visit = open_visits.find(start);
    if (visit == nullptr) return;
    out.emit({c.key(), start, visit->first, visit->second});
    open_visits.remove(start);
  }
};

void build(weir::Topology& t) {
  const auto records = t.param<std::uint64_t>("records", "how many", 20'000'000);
  const auto keys = t.param<std::uint64_t>("keys", "distinct keys", 20'000);
  const auto rate = t.param<double>("max-rate", "records per second; 0: no limit", 0.0);
  const auto output = t.param<std::string>("output", "folder for the results");
  auto events =
      t.spout("events", weir::generate<Event>(
                            records, [keys](std::uint64_t i, Event& e) { fill(i, keys, e); },
                            {.partitions = 2, .rate = rate}))
          .event_time(&Event::at, weir::bounded_disorder(3s));
  events.key_by(&Event::key)
      .window(weir::sliding(30s, 10s), weir::late_to("late"))
      .aggregate("windows", weir::count(), weir::sum(&Event::value), weir::max(&Event::value))
      .sink("window-files", weir::csv_files(output + "/windows"));
  events.filter([](const Event& e) { return !e.is_straggler; })
      .key_by(&Event::key)
      .bolt("visits", Visits{})
      .sink("visit-files", weir::csv_files(output + "/visits"));
  t.side<Event>("late").sink("late-files", weir::csv_files(output + "/late"));
}

}  // namespace

int main(int argc, char** argv) { return weir::main(argc, argv, build); }
