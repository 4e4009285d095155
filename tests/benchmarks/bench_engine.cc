// The data plane against hand-written loops: bench_engine [--quick] [--json FILE] [--only NAME]
//
// Every figure is a ratio within this run: the two sides take turns, five times or more, each run
// in a process of its own, and medians are compared. A figure counts only if both sides' results
// have the same checksum; otherwise it says INVALID and the exit code is 1. Misses of a required
// minimum are marked, but are no error.
#include <algorithm>
#include <cstdio>
#include <cstring>
#include <string>

#include "arguments.h"
#include "flights_files.h"
#include "hand_loops.h"
#include "hand_rocksdb.h"
#include "measure.h"
#include "report.h"
#include "support/temp_dir.h"
#include "weir_jobs.h"

namespace weir::bench {
namespace {

using Job = Tally (*)(const Load&, const JobOptions&);
using Loop = Tally (*)(const Load&);

// A line of a table.
struct Case {
  const char* workload;
  Load load;
  Job job;
  double least;    // ratio
  double aim = 0;  // ratio; 0 if there is none
  Loop loop = nullptr;
  StateBackend backend = StateBackend::kMemory;
};

std::function<void(Run&)> run_of(Job job, const Load& load, const JobOptions& options = {}) {
  return [=](Run& run) { run.tally = job(load, options); };
}
// The same with a fresh state folder.
std::function<void(Run&)> run_with_state(Job job, const Load& load, JobOptions options) {
  return [=](Run& run) mutable {
    const tests::TempDir folder;
    options.state_dir = folder.path();
    const std::uint64_t start = monotonic_ns();
    run.tally = job(load, options);
    run.seconds = static_cast<double>(monotonic_ns() - start) / 1e9;
  };
}

// Windowed workloads: as many records per second of event time in a quick run as in a full one.
constexpr std::uint64_t kStepUs = 8;
Load at_pace(std::uint64_t records, std::uint64_t keys) { return {records, keys, kStepUs}; }
// Three days, ten records per key and minute.
Load long_load() { return {43'200'000, 1000, 6000}; }

void flights(const Arguments& a, Report& report) {
  const tests::TempDir folder;
  const std::string file = folder.path() + "/flights.csv";
  const std::uint64_t records =
      write_flights(WEIR_SOURCE_DIR "/tests/data/flights.csv.gz", a.is_quick ? 8 : 32, file);
  const auto side = [&](auto&& run_side) {
    return [&, run_side](Run& run) {
      const tests::TempDir results;
      const std::uint64_t start = monotonic_ns();
      run_side(file, results.path());
      run.seconds = static_cast<double>(monotonic_ns() - start) / 1e9;
      run.tally = tally_of_lines(results.path());
    };
  };
  const Pair pair = run_in_turns(
      a.times(), side(hand_flights),
      side([](const std::string& from, const std::string& to) { weir_flights(from, to, {}); }));
  report.ratio({"F flights file to result files", static_cast<double>(records), 0.5, 0.8, true, 0},
               pair);
}

void against_loops(const Arguments& a, Report& report) {
  const std::uint64_t n = a.records(30'000'000);
  const std::uint64_t fewer = a.records(12'000'000);
  const Case cases[] = {
      {"A map, filter, count", {n}, weir_map_filter, 0.8, 1.0, hand_map_filter},
      {"B 100 keys", {n, 100}, weir_running_sum, 0.6, 1.0, hand_running_sum},
      {"B 10k keys", {n, 10'000}, weir_running_sum, 0.6, 1.0, hand_running_sum},
      {"B 1M keys", {fewer, 1'000'000}, weir_running_sum, 1.0, 1.9, hand_running_sum},
      {"S 10k text keys", {fewer}, weir_running_by_name, 0.5, 0.8, hand_running_by_name},
      {"Ct tumbling 10 s", at_pace(n, 10'000), weir_tumbling, 0.7, 1.0, hand_tumbling},
      {"Cs sliding 60 s / 1 s", at_pace(n, 1000), weir_sliding, 0.6, 1.0, hand_sliding},
      {"D ads", at_pace(n, 0), weir_ads, 0.7, 1.0, hand_ads},
      {"L sliding 24 h / 1 min", long_load(), weir_long_window, 0.6, 0.9, hand_long_window},
  };
  report.heading("Parallelism 1 against the hand-written loop", "loop", "Weir");
  for (const Case& c : cases) {
    if (!a.wants(c.workload)) continue;
    const auto loop = [&](Run& run) { run.tally = c.loop(c.load); };
    const Pair pair = run_in_turns(a.times(), loop, run_of(c.job, c.load));
    Load twice = c.load;
    twice.records *= 2;
    const Run longer = run_in_child(run_of(c.job, twice));
    report.ratio(
        {c.workload, static_cast<double>(c.load.records), c.least, c.aim, true, longer.peak_mb},
        pair);
  }
  if (a.wants("F flights")) flights(a, report);
}

void two_tasks(const Arguments& a, Report& report) {
  const std::uint64_t n = a.records(60'000'000);
  const Case cases[] = {
      {"A, 2 tasks", {n}, weir_map_filter, 1.4, 1.9},
      {"D, 2 tasks", at_pace(n, 0), weir_ads, 1.4, 1.6},
      {"Ct, 2 tasks", at_pace(n, 10'000), weir_tumbling, 1.4},
      {"L, 2 tasks", long_load(), weir_long_window, 1.4},
      {"B 10k keys, 2 tasks", {n, 10'000}, weir_running_sum, 1.1, 1.4},
  };
  report.heading("Parallelism 2 against parallelism 1", "1 task", "2 tasks");
  JobOptions two;
  two.parallelism = 2;
  for (const Case& c : cases) {
    if (!a.wants(c.workload)) continue;
    Pair pair = run_in_turns(a.times(), run_of(c.job, c.load), run_of(c.job, c.load, two));
    // The running sums of B depend on the order in which two partitions arrive.
    const bool must_agree = c.job != weir_running_sum;
    report.ratio({c.workload, static_cast<double>(c.load.records), c.least, c.aim, must_agree, 0},
                 pair);
  }
}

void with_checkpoints(const Arguments& a, Report& report) {
  const Case cases[] = {
      {.workload = "B 10k keys, RocksDB",
       .load = {a.records(150'000'000), 10'000},
       .job = weir_running_sum,
       .least = 0.6,
       .backend = StateBackend::kRocksDb},
      {.workload = "B 1M keys, RocksDB",  // long enough that the last checkpoint does not weigh
       .load = {240'000'000, 1'000'000},
       .job = weir_running_sum,
       .least = 0.6,
       .backend = StateBackend::kRocksDb},
      {"D, memory", at_pace(a.records(200'000'000), 0), weir_ads, 0.97},
  };
  report.heading("A checkpoint every second against memory without checkpoints", "without", "with");
  for (const Case& c : cases) {
    if (!a.wants(c.workload)) continue;
    JobOptions options;
    options.state_backend = c.backend;
    options.checkpoint_interval = std::chrono::seconds(1);
    const Pair pair =
        run_in_turns(a.times(), run_of(c.job, c.load), run_with_state(c.job, c.load, options));
    report.ratio({c.workload, static_cast<double>(c.load.records), c.least, 0, true, 0}, pair);
  }
}

void small_budget(const Arguments& a, Report& report) {
  const Load load{a.is_quick ? 300'000ull : 3'000'000ull, 1'000'000};
  // A row of a million keys takes 17 bytes of a table that is half empty.
  const std::size_t budget = 17 * 2 * load.keys / 10;
  report.heading("A budget of a tenth of the state against get, modify, put on RocksDB", "RocksDB",
                 "Weir");
  for (const bool is_zipf : {false, true}) {
    const std::string name = is_zipf ? "budget, Zipf keys" : "budget, uniform keys";
    if (!a.wants(name)) continue;
    JobOptions options;
    options.state_backend = StateBackend::kRocksDb;
    options.checkpoint_interval = std::chrono::seconds(1);
    options.memory_budget = budget;
    const Pair pair = run_in_turns(
        a.times(),
        [&](Run& run) {
          const tests::TempDir folder;
          run.seconds = rocksdb_seconds_on_full_table(load, is_zipf, budget, folder.path());
        },
        [&](Run& run) {
          const tests::TempDir folder;
          options.state_dir = folder.path();
          run.seconds = weir_seconds_on_full_table(load, is_zipf, options);
        });
    report.ratio({name, static_cast<double>(load.records), is_zipf ? 10.0 : 3.0, 0, false, 0},
                 pair);
  }
}

void restoring(const Arguments& a, Report& report) {
  const Load load{0, 1'000'000};
  report.figures("Restoring 1,000,000 keys", "| backend | seconds to the first record | below | |");
  for (const StateBackend backend : {StateBackend::kMemory, StateBackend::kRocksDb}) {
    const std::string name =
        backend == StateBackend::kMemory ? "restore, memory" : "restore, RocksDB";
    if (!a.wants(name)) continue;
    std::vector<Run> runs;
    for (int i = 0; i < a.times(); ++i) {
      const tests::TempDir folder;
      JobOptions options;
      options.state_dir = folder.path();
      options.state_backend = backend;
      const Run prepared = run_in_child([&](Run&) { weir_leave_state(load, options); });
      runs.push_back(
          run_in_child([&](Run& run) { run.seconds = weir_seconds_to_restore(load, options); }));
      runs.back().is_valid = runs.back().is_valid && prepared.is_valid;
    }
    const double seconds = median_seconds(runs);
    char row[64];
    std::snprintf(row, sizeof row, "%.3f | 1", seconds);
    report.figure(name, row, runs, seconds < 1);
  }
}

// Microseconds at p50, p99 and p99.9.
void note_quantiles(std::vector<std::uint32_t> latencies, Run& run) {
  if (latencies.empty()) return;
  std::sort(latencies.begin(), latencies.end());
  const double ranks[] = {0.5, 0.99, 0.999};
  for (int q = 0; q < 3; ++q) {
    const auto at = static_cast<std::size_t>(ranks[q] * static_cast<double>(latencies.size()));
    run.values[q] = latencies[std::min(at, latencies.size() - 1)] / 1000.0;
  }
}

void latency(const Arguments& a, Report& report) {
  report.figures("Latency from each record's due time, microseconds",
                 "| workload | p50 | p99 | p99.9 | p50 below | p99 below | |");
  const double seconds = a.is_quick ? 3 : 10;
  for (const char workload : {'A', 'D'}) {
    for (const std::uint64_t rate : {100'000u, 1'000'000u}) {
      const std::string name = std::string("latency ") + workload + ", " +
                               (rate == 100'000 ? "100,000/s" : "1,000,000/s");
      if (!a.wants(name)) continue;
      std::vector<Run> runs;
      for (int i = 0; i < a.times(); ++i) {
        runs.push_back(run_in_child([&](Run& run) {
          note_quantiles(workload == 'A' ? weir_latencies_map_filter(rate, seconds)
                                         : weir_latencies_ads(rate, seconds),
                         run);
        }));
      }
      double q[3];
      for (int i = 0; i < 3; ++i) {
        std::vector<double> all;
        for (const Run& r : runs) all.push_back(r.values[i]);
        q[i] = median(all);
      }
      const bool is_bounded = rate == 100'000;
      char row[128];
      std::snprintf(row, sizeof row, "%.1f | %.1f | %.1f | %s", q[0], q[1], q[2],
                    is_bounded ? "200 | 2000" : " | ");
      report.figure(name, row, runs, !is_bounded || (q[0] < 200 && q[1] < 2000));
    }
  }
}

void measure(const Arguments& a, Report& report) {
  against_loops(a, report);
  two_tasks(a, report);
  with_checkpoints(a, report);
  small_budget(a, report);
  restoring(a, report);
  latency(a, report);
}

}  // namespace
}  // namespace weir::bench

int main(int argc, char** argv) {
  return weir::bench::run_program("bench_engine", argc, argv, weir::bench::measure);
}
