// The short way from a topology to a job that is over.
#include <utility>

#include "weir/coordinator/embedded_job.h"

namespace weir::coordinator {

JobResult run_embedded(const runtime::Topology& topology, const JobOptions& options) {
  absl::StatusOr<runtime::Plan> plan =
      runtime::make_plan(topology, {options.parallelism, options.combine});
  if (!plan.ok()) {
    JobResult result;
    result.status = plan.status();
    return result;
  }
  return run(*plan, options);
}

JobResult run_embedded(const std::function<void(runtime::Topology&)>& build,
                       const JobOptions& options, std::map<std::string, std::string> params) {
  runtime::Params values(std::move(params));
  runtime::Topology topology(values);
  build(topology);
  return run_embedded(topology, options);
}

}  // namespace weir::coordinator
