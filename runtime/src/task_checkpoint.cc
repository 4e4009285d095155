// A task's part in checkpoints: its snapshot at the barrier, encoded between batches, and commits.
#include <memory>
#include <utility>

#include "weir/runtime/task.h"
#include "weir/runtime/user_error.h"

namespace weir::runtime {

void Task::take_checkpoint(CheckpointId id) {
  if (snapshot_.has_value()) encode_snapshot(SIZE_MAX);
  flush_chain(FlushReason::kBarrier);
  PendingSnapshot pending{id, {}, {}};
  pending.value.uid = spec_.uid;
  pending.value.index = spec_.index;
  pending.value.parallelism = spec_.parallelism;
  pending.value.channels = merger_->snapshot();
  for (TaskNode& node : spec_.nodes) {
    OperatorSnapshot& part = pending.value.operators.emplace_back();
    part.uid = node.context.uid;
    call(node).snapshot(id, part, pending.io);
  }
  if (spec_.state != nullptr) spec_.state->freeze();
  last_checkpoint_ = id;
  // Nobody reads behind END: consumers learn of this checkpoint by command.
  if (phase_ != Phase::kEnded) {
    for (TaskOutput& out : spec_.outputs) out.router->send_barrier(id);
  }
  snapshot_ = std::move(pending);
  if (spec_.state == nullptr) encode_snapshot(SIZE_MAX);
}

void Task::encode_snapshot(std::size_t max_rows) {
  if (spec_.state != nullptr && !spec_.state->encode_frozen(max_rows)) return;
  // std::function wants copyable captures, so the parts travel behind a shared_ptr.
  auto pending = std::make_shared<PendingSnapshot>(std::move(*snapshot_));
  snapshot_.reset();
  std::function<absl::StatusOr<RowSnapshot>()> persist;
  if (spec_.state != nullptr) persist = spec_.state->persist(pending->id);
  spec_.executor->submit_io([pending, persist, events = spec_.events, task = spec_.id] {
    absl::Status status = absl::OkStatus();
    if (persist) {
      absl::StatusOr<RowSnapshot> rows = persist();
      if (rows.ok()) {
        pending->value.rows = *std::move(rows);
      } else {
        status = rows.status();
      }
    }
    for (std::size_t i = 0; i < pending->io.size() && status.ok(); ++i) {
      status = run_guarded(pending->io[i]);
    }
    if (status.ok()) {
      events->snapshot_done(task, pending->id, std::move(pending->value));
    } else {
      events->snapshot_done(task, pending->id, status);
    }
  });
}

void Task::commit(CheckpointId id) {
  auto work = std::make_shared<IoWork>();
  for (TaskNode& node : spec_.nodes) call(node).committed(id, *work);
  if (work->empty()) {
    spec_.events->task_committed(spec_.id, id);
    return;
  }
  spec_.executor->submit_io([work, id, events = spec_.events, task = spec_.id] {
    for (const std::function<absl::Status()>& job : *work) {
      const absl::Status status = run_guarded(job);
      if (status.ok()) continue;
      events->task_failed(task, status);  // rule 18: a refused commit stops the job
      return;
    }
    events->task_committed(task, id);
  });
}

}  // namespace weir::runtime
