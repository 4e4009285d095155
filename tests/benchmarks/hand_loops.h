// The yardstick: each workload as a hand-written loop on one thread. A generator that is not
// inlined writes blocks of 256 records to memory, a second loop reads them.
#pragma once

#include "workloads.h"

namespace weir::bench {

Tally hand_map_filter(const Load& load);       // A
Tally hand_running_sum(const Load& load);      // B
Tally hand_running_by_name(const Load& load);  // S
Tally hand_tumbling(const Load& load);         // Ct: 10 s
Tally hand_sliding(const Load& load);          // Cs: 60 s every 1 s
Tally hand_ads(const Load& load);              // D
Tally hand_long_window(const Load& load);      // L: 24 h every 1 min

}  // namespace weir::bench
