#include "simulator/sim_topology.h"

#include <algorithm>
#include <cstdio>
#include <map>
#include <sstream>
#include <utility>

#include "support/scrambled_records.h"
#include "weir/runtime/check.h"
#include "weir/runtime/simulated_storage.h"
#include "weir/weir.h"

namespace weir::simulation {

using namespace std::chrono_literals;  // NOLINT(google-build-using-namespace)

struct SimEvent {
  EventTime at;
  std::uint64_t key = 0;
  std::int64_t value = 0;
};
WEIR_RECORD(SimEvent, at, key, value);

struct SimVisit {
  std::uint64_t key = 0;
  std::int64_t second = 0;
  std::uint64_t events = 0;
  std::int64_t sum = 0;
};
WEIR_RECORD(SimVisit, key, second, events, sum);

namespace {

// Event time rises by 10 ms a record, disturbed by up to 2 s; one record in 32 is later still.
void fill(std::uint64_t i, std::uint64_t keys, SimEvent& e) {
  const std::uint64_t h = tests::scramble(i + 1);
  e.at = tests::disturbed_time(i, h,
                               {.step = 10'000, .most = 2'000'000, .one_in = 32, .lag = 8'000'000});
  e.key = (h >> 8) % keys;
  e.value = tests::scrambled_value(h);
}

constexpr std::int64_t kLength = 1'000'000;  // a second of event time

std::int64_t second_of(EventTime at) {
  return at.micros() - ((at.micros() % kLength) + kLength) % kLength;
}

// The first records of each partition, and no more.
struct Beginning : Spout<SimEvent> {
  using Position = std::uint64_t;
  std::uint32_t partitions() const { return kPartitions; }
  absl::Status open(const SpoutContext& context, const Position*) {
    partition = context.partition;
    return absl::OkStatus();
  }
  Poll poll(SpoutOutput<SimEvent>& out);
  Position position() const { return done; }

  std::uint64_t keys = 1;
  Lengths lengths{};
  std::uint32_t partition = 0;
  std::uint64_t done = 0;
};

Poll Beginning::poll(SpoutOutput<SimEvent>& out) {
  for (; out.room() != 0 && done < lengths[partition]; ++done) {
    fill(done * kPartitions + partition, keys, out.next());
    out.keep();
  }
  return done == lengths[partition] ? Poll::end() : Poll::more();
}

// Events per key and second of event time, told a second later by a timer; what comes even later
// opens the second once more, so the sink sees the same totals only if nothing is lost or repeated.
struct Visits : KeyedBolt<std::uint64_t, SimEvent, SimVisit> {
  static constexpr std::int64_t kGrace = 20'000'000;  // beyond every delay
  Map<std::int64_t, std::pair<std::uint64_t, std::int64_t>> seconds;

  absl::Status open(Context& c) {
    seconds = c.map<std::int64_t, std::pair<std::uint64_t, std::int64_t>>("seconds");
    return absl::OkStatus();
  }
  void process(const SimEvent& e, Context& c, Emitter<SimVisit>&) {
    const std::int64_t start = second_of(e.at);
    auto& second = seconds.edit()[start];
    if (second.first == 0) c.set_event_timer(EventTime(start + kLength + kGrace));
    ++second.first;
    second.second += e.value;
  }
  void on_timer(const Timer& t, Context& c, Emitter<SimVisit>& out) {
    const std::int64_t start = t.time - kGrace - kLength;
    const auto* second = seconds.find(start);
    if (second == nullptr) return;
    out.emit({c.key(), start, second->first, second->second});
    seconds.remove(start);
  }
};

auto generated(const SimLoad& load) {
  return generate<SimEvent>(load.records,
                            [keys = load.keys](std::uint64_t i, SimEvent& e) { fill(i, keys, e); },
                            {.partitions = kPartitions, .rate = load.rate});
}

template <class Events>
void build(Topology& t, Events spout) {
  const std::string output = kOutput;
  auto events = t.spout("events", std::move(spout)).event_time(&SimEvent::at, bounded_disorder(2s));
  events.key_by(&SimEvent::key)
      .window(sliding(3s, 1s), late_to("late"))
      .aggregate("windows", count(), sum(&SimEvent::value), max(&SimEvent::value))
      .sink("window-files", csv_files(output + "/windows"));
  events.key_by(&SimEvent::key)
      .bolt("visits", Visits{})
      .sink("visit-files", csv_files(output + "/visits"));
  t.side<SimEvent>("late").sink("late-files", csv_files(output + "/late"));
}

constexpr const char* kOutputs[] = {"windows", "visits", "late"};

// Names of the published files of one output.
std::vector<std::string> published(runtime::Storage& storage, const std::string& folder) {
  std::vector<std::string> names;
  if (!storage.exists(folder)) return names;
  const auto listed = storage.list(folder);
  if (!listed.ok()) return names;
  for (const std::string& name : *listed) {
    if (name.ends_with(".csv")) names.push_back(name);
  }
  return names;
}

template <class Events>
std::shared_ptr<const runtime::Plan> plan_of(Events spout, std::uint32_t parallelism) {
  struct Owned {
    runtime::Params params;
    Topology topology{params};
    runtime::Plan plan;
  };
  const auto owned = std::make_shared<Owned>();
  build(owned->topology, std::move(spout));
  auto plan = runtime::make_plan(owned->topology, {parallelism, true});
  WEIR_CHECK(plan.ok(), "the simulated topology has no faults");
  owned->plan = *std::move(plan);
  return {owned, &owned->plan};
}

std::vector<std::string> lines_of_run(const runtime::Plan& plan) {
  runtime::SimulatedStorage storage(1);
  runtime::ManualClock clock;
  JobOptions options;
  options.executor = ExecutorKind::kSingle;
  options.manual_clock = &clock;
  options.storage = &storage;
  const JobResult result = coordinator::run(plan, options);
  WEIR_CHECK(result.ok(), "a run without faults succeeds");
  return committed_lines(storage);
}

// What visits are committed, less those of some records: all zero if these were the ones.
class Rest {
 public:
  explicit Rest(std::uint64_t keys) : keys_(keys) {}
  void add(std::uint64_t key, std::int64_t second, std::int64_t events, std::int64_t sum) {
    auto& [count, total] = left_[{key, second}];
    const bool was_zero = count == 0 && total == 0;
    count += events;
    total += sum;
    const bool is_zero = count == 0 && total == 0;
    not_zero_ += static_cast<std::int64_t>(was_zero) - static_cast<std::int64_t>(is_zero);
  }
  // Record `number`, `times` (1 or -1).
  void add_record(std::uint64_t number, std::int64_t times) {
    SimEvent e;
    fill(number, keys_, e);
    add(e.key, second_of(e.at), times, times * e.value);
  }
  bool is_zero() const { return not_zero_ == 0; }

 private:
  const std::uint64_t keys_;
  std::map<std::pair<std::uint64_t, std::int64_t>, std::pair<std::int64_t, std::int64_t>> left_;
  std::int64_t not_zero_ = 0;
};

}  // namespace

std::shared_ptr<const runtime::Plan> sim_plan(const SimLoad& load) {
  return plan_of(generated(load), load.parallelism);
}

std::vector<std::string> committed_lines(runtime::Storage& storage) {
  std::vector<std::string> lines;
  for (const char* output : kOutputs) {
    const std::string folder = std::string(kOutput) + "/" + output;
    for (const std::string& name : published(storage, folder)) {
      const auto text = storage.read(folder + "/" + name);
      std::istringstream in(text.ok() ? *text : "unreadable: " + name);
      for (std::string line; std::getline(in, line);) {
        lines.push_back(std::string(output) + ": " + line);
      }
    }
  }
  std::sort(lines.begin(), lines.end());
  return lines;
}

// Names are sink-task-checkpoint-number.csv.
std::uint64_t newest_published(runtime::Storage& storage) {
  std::uint64_t newest = 0;
  for (const char* output : kOutputs) {
    for (const std::string& name : published(storage, std::string(kOutput) + "/" + output)) {
      const std::size_t last = name.rfind('-');
      const std::size_t before = name.rfind('-', last - 1);
      newest =
          std::max<std::uint64_t>(newest, std::strtoull(name.c_str() + before + 1, nullptr, 10));
    }
  }
  return newest;
}

std::vector<std::string> expected_lines(const SimLoad& load) {
  SimLoad calm = load;
  calm.rate = 0;
  return lines_of_run(*sim_plan(calm));
}

std::vector<std::string> expected_lines(const SimLoad& load, const Lengths& lengths) {
  Beginning beginning;
  beginning.keys = load.keys;
  beginning.lengths = lengths;
  return lines_of_run(*plan_of(beginning, load.parallelism));
}

std::optional<Lengths> lengths_read(const SimLoad& load, const std::vector<std::string>& lines) {
  Rest rest(load.keys);
  std::uint64_t read = 0;
  for (const std::string& line : lines) {
    unsigned long long key = 0;
    unsigned long long events = 0;
    long long second = 0;
    long long sum = 0;
    if (std::sscanf(line.c_str(), "visits: %llu,%lld,%llu,%lld", &key, &second, &events, &sum) != 4)
      continue;
    rest.add(key, second, static_cast<std::int64_t>(events), sum);
    read += events;
  }
  if (read > load.records) return std::nullopt;
  // From as few as possible of the first partition to as many as possible.
  const Lengths most = {(load.records + 1) / 2, load.records / 2};
  Lengths tried = {read - std::min(read, most[1]), std::min(read, most[1])};
  for (std::uint32_t p = 0; p < kPartitions; ++p) {
    for (std::uint64_t i = 0; i < tried[p]; ++i) rest.add_record(i * kPartitions + p, -1);
  }
  while (!rest.is_zero()) {
    if (tried[1] == 0 || tried[0] == most[0]) return std::nullopt;
    rest.add_record(tried[0]++ * kPartitions, -1);
    rest.add_record(--tried[1] * kPartitions + 1, 1);
  }
  return tried;
}

}  // namespace weir::simulation
