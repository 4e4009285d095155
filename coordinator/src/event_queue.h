// EventQueue: everything that the event loop of a job has to hear about, in order of arrival.
// Tasks, I/O jobs and signals put, from any thread; the loop takes.
#pragma once

#include <utility>
#include <variant>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "weir/runtime/executor.h"
#include "weir/runtime/ids.h"
#include "weir/runtime/mutex.h"
#include "weir/runtime/snapshot.h"
#include "weir/runtime/task.h"

namespace weir::coordinator {

struct TaskRunning {
  runtime::TaskId task;
};
struct TaskEnded {
  runtime::TaskId task;
};
struct SnapshotDone {
  runtime::TaskId task;
  runtime::CheckpointId id;
  absl::StatusOr<runtime::TaskSnapshot> snapshot;
};
struct TaskCommitted {
  runtime::TaskId task;
  runtime::CheckpointId id;
};
struct TaskFailed {
  runtime::TaskId task;
  absl::Status status;
};
struct TaskClosed {
  runtime::TaskId task;
  absl::Status status;
};
struct IdReady {
  absl::StatusOr<runtime::CheckpointId> id;
};
struct ManifestDone {
  runtime::CheckpointId id;
  absl::Status status;
  bool is_fatal = false;  // nobody knows whether it is complete: this process must not go on
};

// Something that people should know, although the job goes on.
struct Warning {
  absl::Status status;
};

using JobEvent = std::variant<TaskRunning, TaskEnded, SnapshotDone, TaskCommitted, TaskFailed,
                              TaskClosed, IdReady, ManifestDone, Warning>;

class EventQueue final : public runtime::TaskEvents {
 public:
  // `executor` is notified of each event; it outlives the queue's use.
  explicit EventQueue(runtime::Executor& executor) : executor_(executor) {}

  void put(JobEvent event) {
    {
      runtime::MutexLock lock(mutex_);
      events_.push_back(std::move(event));
    }
    executor_.notify();
  }
  std::vector<JobEvent> take() {
    runtime::MutexLock lock(mutex_);
    return std::exchange(events_, {});
  }
  bool empty() const {
    runtime::MutexLock lock(mutex_);
    return events_.empty();
  }

  void task_running(runtime::TaskId task) override { put(TaskRunning{task}); }
  void task_ended(runtime::TaskId task) override { put(TaskEnded{task}); }
  void snapshot_done(runtime::TaskId task, runtime::CheckpointId id,
                     absl::StatusOr<runtime::TaskSnapshot> snapshot) override {
    put(SnapshotDone{task, id, std::move(snapshot)});
  }
  void task_committed(runtime::TaskId task, runtime::CheckpointId id) override {
    put(TaskCommitted{task, id});
  }
  void task_failed(runtime::TaskId task, absl::Status status) override {
    put(TaskFailed{task, std::move(status)});
  }
  void task_closed(runtime::TaskId task, absl::Status status) override {
    put(TaskClosed{task, std::move(status)});
  }

 private:
  runtime::Executor& executor_;
  mutable runtime::Mutex mutex_;
  std::vector<JobEvent> events_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace weir::coordinator
