// The job that tests move from one parallelism to another: windows, timers, and value, list and map
// state, over seven partitions. Every record is a function of its number, and no line of its output
// depends on the order of arrival, so any two runs that lose and repeat nothing write the same
// lines.
// --hold keeps back the second half of the records, for whoever wants to do things half way.
// --variant changes the program, for whoever wants to go on with another one.
#include <cstdint>
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "support/scrambled_records.h"
#include "weir/weir.h"

namespace {

using namespace std::chrono_literals;

struct Event {
  weir::EventTime at;
  std::uint64_t key = 0;
  std::int64_t value = 0;
};
WEIR_RECORD(Event, at, key, value);

struct Visit {
  std::uint64_t key = 0;
  std::int64_t start_us = 0;
  std::int64_t number = 0;  // of this key's visits, in time
  std::int64_t events = 0;
  std::int64_t sum = 0;
};
WEIR_RECORD(Visit, key, start_us, number, events, sum);

// Event time rises by 1 ms a record, disturbed by up to 500 ms; one in 64 lags by 10 s.
void fill(std::uint64_t i, std::uint64_t keys, Event& e) {
  const std::uint64_t h = weir::tests::scramble(i + 1);
  e.at = weir::tests::disturbed_time(
      i, h, {.step = 1'000, .most = 500'000, .one_in = 64, .lag = 10'000'000});
  e.key = (h >> 8) % keys;
  e.value = weir::tests::scrambled_value(h);
}

// Generated records, of which the second half waits until a file exists. However long that takes,
// it never counts as idle: what comes from idle partitions may be late for timers.
template <class Generator>
class HeldSpout : public weir::Spout<Event> {
 public:
  using Position = typename Generator::Position;

  HeldSpout(std::string file, Generator first_half, Generator all)
      : file_(std::move(file)), first_half_(std::move(first_half)), all_(std::move(all)) {}

  std::uint32_t partitions() const { return all_.partitions(); }
  absl::Status open(const weir::SpoutContext& context, const Position* resume) {
    context_ = context;
    is_free_ = file_.empty() || std::filesystem::exists(file_);
    return (is_free_ ? all_ : first_half_).open(context, resume);
  }
  weir::Poll poll(weir::SpoutOutput<Event>& out) {
    if (is_free_) return all_.poll(out);
    const weir::Poll poll = first_half_.poll(out);
    if (poll.state != weir::Poll::State::kEnd) return poll;
    if (!std::filesystem::exists(file_)) {
      has_waited_ = !has_waited_;
      return has_waited_ ? weir::Poll::wait_until(context_.clock->now() + 10ms)
                         : weir::Poll::more();
    }
    is_free_ = true;
    const Position half = first_half_.position();
    if (const absl::Status status = all_.open(context_, &half); !status.ok()) {
      context_.fail(status);
    }
    return weir::Poll::more();
  }
  Position position() const { return (is_free_ ? all_ : first_half_).position(); }

 private:
  std::string file_;
  Generator first_half_;
  Generator all_;
  weir::SpoutContext context_;
  bool is_free_ = true;
  bool has_waited_ = true;
};

// The events of a key in each second, told by a timer once nothing of that second can come any
// more.
template <class Sum>
struct Visits : weir::KeyedBolt<std::uint64_t, Event, Visit> {
  static constexpr std::int64_t kLength = 1'000'000;
  static constexpr std::int64_t kGrace = 11'000'000;
  Value<std::int64_t> told;
  Map<std::int64_t, Sum> sums;  // by start
  List<std::int64_t> starts;    // of the visit of each event

  absl::Status open(Context& c) {
    told = c.value<std::int64_t>("told");
    sums = c.map<std::int64_t, Sum>("sums");
    starts = c.list<std::int64_t>("starts");
    return absl::OkStatus();
  }
  void process(const Event& e, Context& c, weir::Emitter<Visit>&) {
    const std::int64_t start = e.at.micros() - ((e.at.micros() % kLength) + kLength) % kLength;
    const Sum* sum = sums.find(start);
    if (sum == nullptr) c.set_event_timer(weir::EventTime(start + kLength + kGrace));
    sums.put(start, static_cast<Sum>((sum == nullptr ? Sum{0} : *sum) + static_cast<Sum>(e.value)));
    starts.add(start);
  }
  void on_timer(const weir::Timer& t, Context& c, weir::Emitter<Visit>& out) {
    const std::int64_t start = t.time - kGrace - kLength;
    std::vector<std::int64_t> rest = *starts.get();
    const auto events = static_cast<std::int64_t>(std::erase(rest, start));
    out.emit({c.key(), start, ++told.edit(), events, static_cast<std::int64_t>(*sums.find(start))});
    sums.remove(start);
    rest.empty() ? starts.clear() : starts.set(rest);
  }
};

template <class Events>
void add_visits(Events& events, const std::string& variant, const std::string& output) {
  const auto visits = [&](auto bolt) {
    events.key_by(&Event::key)
        .bolt(variant == "renamed" ? "stays" : "visits", bolt)
        .sink("visit-files", weir::csv_files(output + "/visits"));
  };
  if (variant == "retyped") {
    visits(Visits<double>{});
  } else {
    visits(Visits<std::int64_t>{});
  }
}

void build(weir::Topology& t) {
  const auto records = t.param<std::uint64_t>("records", "how many; 0: without end", 6'000);
  const auto keys = t.param<std::uint64_t>("keys", "distinct keys", 50);
  const auto rate = t.param<double>("max-rate", "records per second; 0: no limit", 0.0);
  const auto partitions = t.param<std::uint32_t>("partitions", "of the input", 7);
  const auto hold = t.param<std::string>("hold", "until this file exists, only half is read", "");
  const auto output = t.param<std::string>("output", "folder for the results");
  const auto variant =
      t.param<std::string>("variant", "same, or: wider, fewer, renamed, retyped", "same");
  const std::uint64_t count = records == 0 ? UINT64_MAX : records;
  const auto generate = [&](std::uint64_t n) {
    return weir::generate<Event>(n, [keys](std::uint64_t i, Event& e) { fill(i, keys, e); },
                                 {.partitions = partitions, .rate = rate});
  };
  auto events = t.spout("events", HeldSpout(hold, generate(count / 2), generate(count)))
                    .event_time(&Event::at, weir::bounded_disorder(600ms));
  events.key_by(&Event::key)
      .window(weir::sliding(3s, 1s), weir::late_to("late"))
      .aggregate("windows", weir::count(), weir::sum(&Event::value), weir::max(&Event::value))
      .sink("window-files", weir::csv_files(output + "/windows"));
  t.side<Event>("late").sink("late-files", weir::csv_files(output + "/late"));
  if (variant != "fewer") add_visits(events, variant, output);
  if (variant == "wider") {
    events.key_by(&Event::key)
        .window(weir::tumbling(10s), weir::late_drop())
        .aggregate("tens", weir::count())
        .sink("ten-files", weir::csv_files(output + "/tens"));
  }
}

}  // namespace

int main(int argc, char** argv) { return weir::main(argc, argv, build); }
