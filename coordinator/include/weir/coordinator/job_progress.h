// JobProgress: what is known about a running job at one moment, as a value for people and for
// metrics; and JobObserver, who is told.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "weir/runtime/clock.h"
#include "weir/runtime/ids.h"
#include "weir/runtime/metrics.h"
#include "weir/runtime/plan.h"
#include "weir/runtime/time.h"

namespace weir::coordinator {

class TaskGraph;

// Sums over the tasks of one operator.
struct OperatorProgress {
  std::string uid;
  std::string kind;
  std::string detail;
  bool is_spout = false;
  bool is_sink = false;  // nothing follows it
  std::int64_t records_in = 0;
  std::int64_t records_out = 0;
  std::int64_t late = 0;
  std::int64_t bad = 0;
  runtime::EventTime largest_time = runtime::EventTime::min();
};

struct TaskProgress {
  runtime::TaskId id;
  std::string name;  // "delays 1/2"
  runtime::EventTime watermark = runtime::EventTime::min();
  runtime::BlockingReason blocking = runtime::BlockingReason::kNone;
  std::int64_t state_bytes = 0;
  // The task that holds back the watermark of this one; empty: none.
  std::string held_by;
};

struct JobProgress {
  runtime::MonotonicTime elapsed{0};
  std::int64_t records_read = 0;     // by all spouts
  std::int64_t records_written = 0;  // reached a sink
  std::int64_t late = 0;
  std::int64_t bad = 0;
  runtime::EventTime watermark = runtime::EventTime::min();  // lowest of all tasks; min(): none
  // Largest event time that any record had; min(): none. What the watermark lags behind.
  runtime::EventTime largest_time = runtime::EventTime::min();
  std::vector<OperatorProgress> operators;  // in the order of the plan
  std::vector<TaskProgress> tasks;

  std::uint64_t checkpoints = 0;  // completed by this run
  std::uint64_t failed_checkpoints = 0;
  runtime::CheckpointId last_checkpoint{0};        // newest complete one
  runtime::MonotonicTime last_checkpoint_took{0};  // from trigger to complete
  runtime::MonotonicTime last_checkpoint_age{0};   // since it was complete
};

// Reads the counters of the graph's tasks. Any thread; values are a moment old.
void read_metrics(const TaskGraph& graph, JobProgress& progress);

// Hears about a job while it runs. All calls come from the thread that runs the job.
class JobObserver {
 public:
  virtual ~JobObserver() = default;
  // Before the first record. `restored` is 0 for a start from nothing.
  virtual void job_started(const runtime::Plan& /*plan*/, runtime::CheckpointId /*restored*/) {}
  virtual void job_progress(const JobProgress& /*progress*/) {}
  virtual void checkpoint_failed(runtime::CheckpointId /*id*/, const absl::Status& /*why*/) {}
  // Something went wrong that does not matter yet.
  virtual void job_warning(const absl::Status& /*what*/) {}
  // The job will end soon, after a last checkpoint.
  virtual void job_stopping() {}
};

}  // namespace weir::coordinator
