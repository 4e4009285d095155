// CheckpointCoordinator: decides when a checkpoint begins, is complete, has failed, and when the
// job is over. A pure state machine: event in, effects out; no I/O, no clock (time comes with
// events).
//
//   starting --all run--> idle --due--> awaiting id --> collecting acks --> writing manifest -->
//   idle
//                                            any failure, decline or timeout: abort, back to idle
//
// Rules it keeps: a trigger only when all tasks run (2); a task stays until a checkpoint that
// covers its last output is committed (3); an ack counts only if it is in the pending set (4);
// sinks are told only after the manifest is durable (7); ids never repeat (11); a lost commit
// notice is covered by the next one (13). At most one checkpoint is pending. Files of a late ack
// need no effect: no manifest names them, so the sweep takes them. Thread-compatible: belongs to
// the job's event loop.
#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <variant>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "weir/runtime/clock.h"
#include "weir/runtime/ids.h"
#include "weir/runtime/snapshot.h"
#include "weir/runtime/task.h"

namespace weir::coordinator {

// --- Effects: what the event loop has to do, in this order
// -----------------------------------------

// Asks for an id that was never used; answered by on_id().
struct RequestId {};

struct SendCommand {
  runtime::TaskId task;
  runtime::TaskCommand command;
};

// All tasks have acked; answered by on_manifest().
struct WriteManifest {
  runtime::CheckpointId id;
  bool is_final = false;  // nothing is left to do after it
  std::vector<runtime::TaskSnapshot> snapshots;
};

// For people: a checkpoint is complete, or has failed.
struct CheckpointEnded {
  runtime::CheckpointId id;  // 0: there was none yet
  runtime::MonotonicTime took{0};
  absl::Status status;
};

// The job is over; nothing will be sent any more.
struct JobOver {
  enum class How : std::uint8_t {
    kFinished,  // all input processed, all output committed
    kStopped,   // on request; `status` is an error if the last checkpoint failed
    kFailed,    // the last checkpoint could not be taken
  };
  How how;
  absl::Status status;
};

using Effect = std::variant<RequestId, SendCommand, WriteManifest, CheckpointEnded, JobOver>;
using Effects = std::vector<Effect>;

class CheckpointCoordinator {
 public:
  struct Task {
    runtime::TaskId id;
    bool is_spout = false;
  };
  struct Options {
    runtime::MonotonicTime interval{0};  // between triggers; 0: only at the end
    runtime::MonotonicTime timeout = std::chrono::minutes(10);
    // Before another try of the last checkpoint, and how often it is tried.
    runtime::MonotonicTime retry_pause = std::chrono::seconds(1);
    std::uint32_t final_attempts = 10;
    // How soon the last commit is sent again to tasks that have not confirmed it; 0: never.
    runtime::MonotonicTime commit_repeat{0};
    runtime::CheckpointId restored{0};  // its commit is repeated once all tasks run
  };

  CheckpointCoordinator(const std::vector<Task>& tasks, Options options);

  Effects on_task_running(runtime::TaskId task, runtime::MonotonicTime now);
  Effects on_task_ended(runtime::TaskId task, runtime::MonotonicTime now);
  Effects on_id(absl::StatusOr<runtime::CheckpointId> id, runtime::MonotonicTime now);
  // An error is the task's way to decline.
  Effects on_snapshot(runtime::TaskId task, runtime::CheckpointId id,
                      absl::StatusOr<runtime::TaskSnapshot> snapshot, runtime::MonotonicTime now);
  Effects on_manifest(runtime::CheckpointId id, const absl::Status& status,
                      runtime::MonotonicTime now);
  Effects on_committed(runtime::TaskId task, runtime::CheckpointId id);
  // Commands or acks may have been lost: what is being collected is given up.
  Effects on_loss(const absl::Status& why, runtime::MonotonicTime now);
  // Somebody wants a checkpoint whose barrier is still to come, as soon as possible.
  Effects on_demand(runtime::MonotonicTime now);
  // Somebody wants the job to stop: one last checkpoint, then the end.
  Effects on_stop(runtime::MonotonicTime now);
  Effects on_tick(runtime::MonotonicTime now);

  // When on_tick() may have something to do; max(): not before another event.
  runtime::MonotonicTime next_tick() const;

  bool all_running() const { return running_ == tasks_.size(); }
  bool all_ended() const { return ended_ == tasks_.size(); }
  runtime::CheckpointId last_complete() const { return last_complete_; }

 private:
  enum class Phase : std::uint8_t { kStarting, kIdle, kAwaitingId, kCollecting, kWriting, kOver };
  struct TaskState {
    runtime::TaskId id;
    bool is_spout = false;
    bool is_running = false;
    bool has_ended = false;
    runtime::CheckpointId committed{0};
    std::optional<runtime::TaskSnapshot> snapshot;  // of the pending checkpoint
  };

  TaskState* find(runtime::TaskId task);
  bool wants_last() const { return all_ended() || stop_requested_; }
  void trigger_if_due(runtime::MonotonicTime now, Effects& out);
  void complete_if_acked(Effects& out);
  void abort(const absl::Status& why, runtime::MonotonicTime now, Effects& out);
  void finish_if_committed(Effects& out);
  void finish(JobOver::How how, absl::Status status, Effects& out);
  void send_all(runtime::TaskCommand::Kind kind, runtime::CheckpointId id, Effects& out) const;

  const Options options_;
  std::vector<TaskState> tasks_;
  std::size_t running_ = 0;
  std::size_t ended_ = 0;

  Phase phase_ = Phase::kStarting;
  runtime::CheckpointId pending_{0};  // of kCollecting and kWriting
  bool pending_is_final_ = false;     // all tasks had ended at the trigger
  bool pending_is_last_ = false;      // final, or asked for by a stop
  std::size_t acks_missing_ = 0;
  runtime::MonotonicTime triggered_at_{0};
  runtime::MonotonicTime due_ = runtime::MonotonicTime::max();
  bool is_demanded_ = false;            // due at once
  runtime::MonotonicTime retry_at_{0};  // the last checkpoint not before
  std::uint32_t last_failures_ = 0;     // of the last checkpoint
  bool stop_requested_ = false;
  runtime::CheckpointId last_complete_{0};
  runtime::CheckpointId closing_{0};  // the job is over when this one is committed
  bool closing_is_final_ = false;
  runtime::MonotonicTime commit_again_at_ = runtime::MonotonicTime::max();
};

}  // namespace weir::coordinator
