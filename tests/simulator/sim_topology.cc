#include "simulator/sim_topology.h"

#include <algorithm>
#include <sstream>

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

// Events per key and second of event time, told a second later by a timer; what comes even later
// opens the second once more, so the sink sees the same totals only if nothing is lost or repeated.
struct Visits : KeyedBolt<std::uint64_t, SimEvent, SimVisit> {
  static constexpr std::int64_t kLength = 1'000'000;
  static constexpr std::int64_t kGrace = 20'000'000;  // beyond every delay
  Map<std::int64_t, std::pair<std::uint64_t, std::int64_t>> seconds;

  absl::Status open(Context& c) {
    seconds = c.map<std::int64_t, std::pair<std::uint64_t, std::int64_t>>("seconds");
    return absl::OkStatus();
  }
  void process(const SimEvent& e, Context& c, Emitter<SimVisit>&) {
    const std::int64_t start = e.at.micros() - ((e.at.micros() % kLength) + kLength) % kLength;
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

void build(Topology& t, const SimLoad& load) {
  const std::string output = kOutput;
  auto events =
      t.spout("events", generate<SimEvent>(
                            load.records,
                            [keys = load.keys](std::uint64_t i, SimEvent& e) { fill(i, keys, e); },
                            {.partitions = 2, .rate = load.rate}))
          .event_time(&SimEvent::at, bounded_disorder(2s));
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

}  // namespace

std::shared_ptr<const runtime::Plan> sim_plan(const SimLoad& load) {
  struct Owned {
    runtime::Params params;
    Topology topology{params};
    runtime::Plan plan;
  };
  const auto owned = std::make_shared<Owned>();
  build(owned->topology, load);
  auto plan = runtime::make_plan(owned->topology, {load.parallelism, true});
  WEIR_CHECK(plan.ok(), "the simulated topology has no faults");
  owned->plan = *std::move(plan);
  return {owned, &owned->plan};
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
  runtime::SimulatedStorage storage(1);
  runtime::ManualClock clock;
  JobOptions options;
  options.executor = ExecutorKind::kSingle;
  options.manual_clock = &clock;
  options.storage = &storage;
  const auto plan = sim_plan(calm);
  const JobResult result = coordinator::run(*plan, options);
  WEIR_CHECK(result.ok(), "a run without faults succeeds");
  return committed_lines(storage);
}

}  // namespace weir::simulation
