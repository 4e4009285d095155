#include "measure.h"

#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <fstream>

#include "weir/runtime/clock.h"

namespace weir::bench {
namespace {

double seconds_now() {
  return std::chrono::duration<double>(runtime::system_clock().now()).count();
}

double peak_of_this_process_mb() {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);) {
    if (line.starts_with("VmHWM:")) return std::strtod(line.c_str() + 6, nullptr) / 1024;
  }
  return 0;
}

}  // namespace

Run run_in_child(const std::function<void(Run&)>& f) {
  int ends[2];
  if (pipe(ends) != 0) std::abort();
  std::fflush(nullptr);
  const pid_t child = fork();
  if (child == 0) {
    Run run;
    const double start = seconds_now();
    f(run);
    if (run.seconds == 0) run.seconds = seconds_now() - start;
    run.peak_mb = peak_of_this_process_mb();
    run.is_valid = true;
    const bool is_told = write(ends[1], &run, sizeof run) == sizeof run;
    _exit(is_told ? 0 : 1);
  }
  close(ends[1]);
  Run run;
  const bool is_told = child > 0 && read(ends[0], &run, sizeof run) == sizeof run;
  close(ends[0]);
  int status = 0;
  if (child > 0) waitpid(child, &status, 0);
  run.is_valid = is_told && run.is_valid && status == 0;
  return run;
}

Pair run_in_turns(int times, const std::function<void(Run&)>& base,
                  const std::function<void(Run&)>& tested) {
  Pair pair;
  for (int i = 0; i < times; ++i) {
    pair.base.push_back(run_in_child(base));
    pair.tested.push_back(run_in_child(tested));
  }
  return pair;
}

bool Pair::same_results() const {
  const Tally& expected = base.front().tally;
  const auto agrees = [&](const Run& r) {
    return r.is_valid && r.tally.checksum == expected.checksum &&
           r.tally.outputs == expected.outputs;
  };
  return std::all_of(base.begin(), base.end(), agrees) &&
         std::all_of(tested.begin(), tested.end(), agrees);
}

double median(std::vector<double> values) {
  if (values.empty()) return 0;
  std::sort(values.begin(), values.end());
  const std::size_t half = values.size() / 2;
  return values.size() % 2 == 1 ? values[half] : (values[half - 1] + values[half]) / 2;
}
double median_seconds(const std::vector<Run>& runs) {
  std::vector<double> values;
  for (const Run& r : runs) values.push_back(r.seconds);
  return median(std::move(values));
}
double median_peak_mb(const std::vector<Run>& runs) {
  std::vector<double> values;
  for (const Run& r : runs) values.push_back(r.peak_mb);
  return median(std::move(values));
}

}  // namespace weir::bench
