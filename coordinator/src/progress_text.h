// JobProgress as text for people. Pure functions.
#pragma once

#include <chrono>
#include <string>

#include "weir/coordinator/embedded_job.h"
#include "weir/coordinator/job_progress.h"

namespace weir::coordinator {

std::string format_count(std::int64_t n);       // "1,234,567"
std::string format_rate(double per_second);     // "38.5 M/s"
std::string format_bytes(std::uint64_t bytes);  // "512 B", "38.5 MiB"
std::string format_time(runtime::EventTime t);  // "2015-01-31 09:05:00" (UTC); "-" if unbounded
std::string format_elapsed(runtime::MonotonicTime t);  // "14 ms", "3.2 s", "2m05s"

// What holds the job up, in a few words; empty if nothing does.
std::string what_blocks(const JobProgress& progress);

// One line about a running job, what matters most first. `rate` is of the last moments, records/s;
// `wall_now` tells a live stream, whose lag behind the clock matters, from a replay.
std::string progress_line(const JobProgress& progress, double rate,
                          std::chrono::microseconds wall_now);

// Several lines about a job that is over.
std::string summary(const std::string& job, const JobResult& result);

}  // namespace weir::coordinator
