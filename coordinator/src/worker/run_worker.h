// A topology program in the role of a worker: from the environment that its supervisor has made to
// the exit code.
#pragma once

#include <optional>

#include "weir/coordinator/embedded_job.h"
#include "weir/runtime/plan.h"
#include "worker/worker.h"

namespace weir::coordinator {

// What WEIR_WORKER and its companions say; nullopt: this process is no worker.
std::optional<WorkerIdentity> worker_identity_from_environment();

// Blocks until the attempt is over for this worker. 0: ended in good order.
int run_worker(const runtime::Plan& plan, const JobOptions& options,
               const WorkerIdentity& identity);

}  // namespace weir::coordinator
