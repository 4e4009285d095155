// Measuring: every run happens in a forked child, so that heaps, caches of the allocator and peaks
// of memory do not mix; the two sides of a ratio take turns, and medians are compared.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "workloads.h"

namespace weir::bench {

// What one run hands back.
struct Run {
  bool is_valid = false;  // the child ended in order
  double seconds = 0;
  double peak_mb = 0;  // VmHWM of the child
  Tally tally;
  double values[6] = {};  // of runs that are not about throughput
};

// Runs `f` in a child; seconds is the time it took, unless `f` sets it.
Run run_in_child(const std::function<void(Run&)>& f);

// Runs of two sides in turns.
struct Pair {
  std::vector<Run> base;
  std::vector<Run> tested;
  bool same_results() const;
};
Pair run_in_turns(int times, const std::function<void(Run&)>& base,
                  const std::function<void(Run&)>& tested);

double median(std::vector<double> values);
double median_seconds(const std::vector<Run>& runs);
double median_peak_mb(const std::vector<Run>& runs);

}  // namespace weir::bench
