#include "job_setup.h"

#include <sched.h>

#include <algorithm>

namespace weir::coordinator {
namespace {

#if defined(__SANITIZE_THREAD__)
constexpr bool kMayUseTbb = false;  // ThreadSanitizer cannot see into it: plain threads stand in
#else
constexpr bool kMayUseTbb = true;
#endif

// Cores that this process may use.
std::uint32_t usable_cores() {
  cpu_set_t cores;
  CPU_ZERO(&cores);
  if (sched_getaffinity(0, sizeof(cores), &cores) != 0) return 1;
  return static_cast<std::uint32_t>(std::max(1, CPU_COUNT(&cores)));
}

}  // namespace

absl::Status validate(const JobOptions& options) {
  const auto refuse = [](const char* what) { return absl::InvalidArgumentError(what); };
  if (options.batch_size == 0 || options.batch_size > 1u << 20) {
    return refuse("the batch size must lie between 1 and 1048576 records");
  }
  if (options.channel_bytes == 0) return refuse("a channel must hold at least one byte");
  if (options.threads > 1024) return refuse("at most 1024 threads");
  if (options.checkpoint_interval < runtime::MonotonicTime(0)) {
    return refuse("the checkpoint interval must not be negative");
  }
  return absl::OkStatus();
}

std::unique_ptr<runtime::Executor> make_executor(const JobOptions& options, runtime::Clock& clock) {
  const std::uint32_t threads = options.threads == 0 ? usable_cores() : options.threads;
  switch (options.executor) {
    case ExecutorKind::kTbb:
      if (kMayUseTbb) return runtime::make_tbb_executor(threads, clock);
      [[fallthrough]];
    case ExecutorKind::kThreads: return runtime::make_thread_executor(threads, clock);
    case ExecutorKind::kSingle: break;
  }
  return runtime::make_single_executor(options.seed, clock, options.manual_clock);
}

}  // namespace weir::coordinator
