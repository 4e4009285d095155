// Between worker processes: bench_cluster [--quick] [--json FILE] [--only NAME]
//
// Every figure is a ratio within this run: the two sides take turns, each run in two processes of
// its own, and medians are compared. Speed is counted in records of 64 bytes for both sides, so a
// ratio of records is one of bytes; the hashes and heads that Weir sends with them do not count.
#include <cstdio>
#include <string>

#include "arguments.h"
#include "cluster_exchange.h"
#include "measure.h"
#include "report.h"

namespace weir::bench {
namespace {

double cpu_ns_per_record(const std::vector<Run>& runs, std::uint64_t records) {
  std::vector<double> seconds;
  for (const Run& run : runs) seconds.push_back(run.values[0]);
  return median(seconds) * 1e9 / static_cast<double>(records);
}

void exchange(const Arguments& a, Report& report) {
  Exchange load;
  load.records = a.is_quick ? 20'000'000 : 60'000'000;
  const std::string name = "keyed exchange, 64-byte records";
  if (!a.wants(name)) return;
  report.heading("Two processes over loopback against a bare PUSH/PULL pair", "PUSH/PULL", "Weir");
  const Pair pair = run_in_turns(
      a.times(), [&](Run& run) { bare_exchange(load, run); },
      [&](Run& run) { links_exchange(load, run); });
  report.ratio({name, static_cast<double>(load.records), 0.6, 0, false, 0}, pair);
  report.figures("CPU of both processes", "| workload | PUSH/PULL ns/record | Weir ns/record | |");
  char row[96];
  std::snprintf(row, sizeof row, "%.1f | %.1f", cpu_ns_per_record(pair.base, load.records),
                cpu_ns_per_record(pair.tested, load.records));
  report.figure(name, row, pair.tested, true);
}

}  // namespace
}  // namespace weir::bench

int main(int argc, char** argv) {
  return weir::bench::run_program("bench_cluster", argc, argv, weir::bench::exchange);
}
