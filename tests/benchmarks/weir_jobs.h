// The workloads as topologies, run by weir::run_embedded: the public DSL with ordinary lambdas.
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "weir/coordinator/embedded_job.h"
#include "workloads.h"

namespace weir::bench {

// Each spout has as many partitions as options.parallelism. A job that fails ends the process.
Tally weir_map_filter(const Load& load, const JobOptions& options);       // A
Tally weir_running_sum(const Load& load, const JobOptions& options);      // B
Tally weir_running_by_name(const Load& load, const JobOptions& options);  // S
Tally weir_tumbling(const Load& load, const JobOptions& options);         // Ct
Tally weir_sliding(const Load& load, const JobOptions& options);          // Cs
Tally weir_ads(const Load& load, const JobOptions& options);              // D
Tally weir_long_window(const Load& load, const JobOptions& options);      // L

// B over a table that is filled first: keys 0 .. keys - 1 in turn, then load.records more, uniform
// or by Zipf's law. Returns the seconds that the latter took.
double weir_seconds_on_full_table(const Load& load, bool is_zipf, const JobOptions& options);

// Runs B over load.keys keys with a state folder and stops it; then restarts it, and returns the
// seconds from the start to the first record.
void weir_leave_state(const Load& load, const JobOptions& options);
double weir_seconds_to_restore(const Load& load, const JobOptions& options);

// Nanoseconds from the moment a record (A) or a window (D) was due to its arrival at the sink.
std::vector<std::uint32_t> weir_latencies_map_filter(std::uint64_t rate, double seconds);
std::vector<std::uint32_t> weir_latencies_ads(std::uint64_t rate, double seconds);

// Runs a topology, or ends the process with the message.
void run_or_exit(const std::function<void(runtime::Topology&)>& build, const JobOptions& options);
std::uint64_t monotonic_ns();

}  // namespace weir::bench
