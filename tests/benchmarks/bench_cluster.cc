// Between worker processes: bench_cluster [--quick] [--json FILE] [--only NAME]
//
// Every figure is a ratio within this run: the two sides take turns, each run in two processes of
// its own, and medians are compared. Speed is counted in records of 64 bytes for both sides, so a
// ratio of records is one of bytes; the hashes and heads that Weir sends with them do not count.
#include <cstdio>
#include <string>

#include "cluster_exchange.h"
#include "measure.h"
#include "report.h"

namespace weir::bench {
namespace {

struct Arguments {
  bool is_quick = false;
  std::string json;
  std::string only;  // a part of the workload's name
  int times() const { return is_quick ? 5 : 7; }
  bool wants(const std::string& workload) const {
    return only.empty() || workload.find(only) != std::string::npos;
  }
};

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

int run(int argc, char** argv) {
  Arguments a;
  for (int i = 1; i < argc; ++i) {
    const std::string word = argv[i];
    if (word == "--quick") {
      a.is_quick = true;
    } else if (word == "--json" && i + 1 < argc) {
      a.json = argv[++i];
    } else if (word == "--only" && i + 1 < argc) {
      a.only = argv[++i];
    } else {
      std::printf("bench_cluster [--quick] [--json FILE] [--only PART-OF-A-WORKLOAD'S-NAME]\n");
      return word == "--help" ? 0 : 2;
    }
  }
  Report report;
  exchange(a, report);
  std::printf("\n%d figures miss what is required.%s\n", report.below(),
              report.is_valid() ? "" : " Some are INVALID.");
  if (!a.json.empty() && !report.write_json(a.json)) {
    std::fprintf(stderr, "cannot write %s\n", a.json.c_str());
    return 1;
  }
  return report.is_valid() ? 0 : 1;
}

}  // namespace
}  // namespace weir::bench

int main(int argc, char** argv) { return weir::bench::run(argc, argv); }
