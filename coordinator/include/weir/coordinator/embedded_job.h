// Embedded jobs: a topology run inside this process, from start to end. The same tasks and the same
// checkpoint coordinator as in a cluster, over in-memory channels.
//
//   Topology -> Plan -> Deployment -> TaskGraph -> event loop { executor, CheckpointCoordinator }
//
// run() blocks the calling thread until the job is over. It never throws; what went wrong is in
// JobResult::status, with operator, task and what to do.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "weir/coordinator/job_progress.h"
#include "weir/runtime/clock.h"
#include "weir/runtime/executor.h"
#include "weir/runtime/ids.h"
#include "weir/runtime/mutex.h"
#include "weir/runtime/plan.h"
#include "weir/runtime/storage.h"
#include "weir/runtime/topology.h"

namespace weir::coordinator {

enum class ExecutorKind : std::uint8_t {
  kTbb,      // production
  kThreads,  // plain threads, for ThreadSanitizer
  kSingle,   // everything in the calling thread, in an order drawn from a seed
};

// Where keyed state rests.
enum class StateBackend : std::uint8_t {
  kMemory,   // in the tasks' tables; a checkpoint writes what has changed
  kRocksDb,  // on disk behind a cache, so it may outgrow memory; needs a state folder
};

// Stops a running job from outside; from any thread. One job at a time.
class JobControl {
 public:
  // One last checkpoint, then the end. Calls after the first have no effect.
  void stop();
  bool is_stop_requested() const { return stop_.load(); }

 private:
  friend class EmbeddedJob;
  void attach(runtime::Executor* executor);

  std::atomic<bool> stop_{false};
  runtime::Mutex mutex_;
  runtime::Executor* executor_ ABSL_GUARDED_BY(mutex_) = nullptr;
};

struct JobOptions {
  std::string job = "job";

  // Who runs it.
  ExecutorKind executor = ExecutorKind::kTbb;
  std::uint32_t threads = 0;  // of kTbb and kThreads; 0: one per core
  std::uint64_t seed = 1;     // of kSingle
  runtime::Clock* clock = &runtime::system_clock();
  runtime::ManualClock* manual_clock = nullptr;  // with kSingle: replaces `clock`

  // How records move.
  std::uint32_t parallelism = 1;
  bool combine = true;
  std::uint32_t batch_size = 256;                      // records
  std::size_t channel_bytes = std::size_t{512} << 10;  // between two tasks
  runtime::MonotonicTime linger{1'000'000};
  std::size_t memory_budget = std::size_t{512} << 20;  // of keyed state, bytes

  // Checkpoints. Without a state folder nothing is restored; sinks still commit by checkpoints.
  std::string state_dir;
  StateBackend state_backend = StateBackend::kMemory;
  bool fresh = false;  // forget what the state folder holds, and start from nothing
  runtime::MonotonicTime checkpoint_interval{0};  // 0: only one, at the end
  runtime::MonotonicTime checkpoint_timeout = std::chrono::minutes(10);
  runtime::Storage* storage = &runtime::local_storage();

  // SIGINT and SIGTERM stop the job with a last checkpoint; a second one ends the process at once.
  bool handle_signals = false;
  JobControl* control = nullptr;    // may be null
  JobObserver* observer = nullptr;  // may be null; called by the thread that called run()
  runtime::MonotonicTime progress_interval = std::chrono::milliseconds(250);
};

struct JobResult {
  enum class Outcome : std::uint8_t {
    kFinished,         // all input processed, all output committed
    kStopped,          // on request; starting it again goes on from the last checkpoint
    kAlreadyComplete,  // an earlier run had finished it; nothing was done
    kFailed,           // see status
  };
  Outcome outcome = Outcome::kFailed;
  absl::Status status;                     // of kStopped: an error if the last checkpoint failed
  runtime::CheckpointId restored_from{0};  // 0: started from nothing
  JobProgress progress;                    // as it was at the end

  bool ok() const { return status.ok(); }
};

// Runs `plan` until it is over.
JobResult run(const runtime::Plan& plan, const JobOptions& options);

// The same from a topology, or from the function that builds it (with `params` as from the command
// line). A topology with faults gives an InvalidArgument status and runs nothing.
JobResult run_embedded(const runtime::Topology& topology, const JobOptions& options);
JobResult run_embedded(const std::function<void(runtime::Topology&)>& build,
                       const JobOptions& options, std::map<std::string, std::string> params = {});

}  // namespace weir::coordinator

namespace weir {
using coordinator::ExecutorKind;
using coordinator::JobControl;
using coordinator::JobOptions;
using coordinator::JobResult;
using coordinator::run_embedded;
using coordinator::StateBackend;
}  // namespace weir
