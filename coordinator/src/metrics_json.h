// JobProgress as one JSON object, for programs: the file that --json-metrics names.
#pragma once

#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "weir/coordinator/job_progress.h"

namespace weir::coordinator {

// `state`: "starting", "running", "finished", "stopped", "complete", "failed". Times are
// microseconds since the epoch, lengths seconds; what is not known is null.
std::string metrics_json(const std::string& job, std::string_view state, std::string_view error,
                         const JobProgress& progress);

// Replaces `path` at once, so that a reader never sees half of it.
absl::Status write_metrics(const std::string& path, const std::string& json);

}  // namespace weir::coordinator
