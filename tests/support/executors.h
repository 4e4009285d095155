// Executors for tests that run a job on several of them.
#pragma once

#include "sanitizers.h"
#include "weir/coordinator/embedded_job.h"

namespace weir::tests {

// TBB's, or where ThreadSanitizer is at work, which cannot see into TBB, that on plain threads.
inline constexpr coordinator::ExecutorKind kParallelExecutor =
    kThreadSanitizer ? coordinator::ExecutorKind::kThreads : coordinator::ExecutorKind::kTbb;

}  // namespace weir::tests
