#include "weir/coordinator/checkpoint_coordinator.h"

#include <algorithm>
#include <utility>

#include "weir/runtime/check.h"

namespace weir::coordinator {

using runtime::CheckpointId;
using runtime::MonotonicTime;
using runtime::TaskCommand;
using runtime::TaskId;
using runtime::TaskSnapshot;

CheckpointCoordinator::CheckpointCoordinator(const std::vector<Task>& tasks, Options options)
    : options_(options), last_complete_(options.restored) {
  WEIR_CHECK(!tasks.empty(), "a job has tasks");
  for (const Task& task : tasks) {
    TaskState& state = tasks_.emplace_back();
    state.id = task.id;
    state.is_spout = task.is_spout;
  }
}

CheckpointCoordinator::TaskState* CheckpointCoordinator::find(TaskId task) {
  const auto it =
      std::find_if(tasks_.begin(), tasks_.end(), [&](const TaskState& t) { return t.id == task; });
  return it == tasks_.end() ? nullptr : &*it;
}

void CheckpointCoordinator::send_all(TaskCommand::Kind kind, CheckpointId id, Effects& out) const {
  for (const TaskState& task : tasks_) out.push_back(SendCommand{task.id, {kind, id}});
}

Effects CheckpointCoordinator::on_task_running(TaskId task, MonotonicTime now) {
  Effects out;
  TaskState* state = find(task);
  if (phase_ == Phase::kOver || state == nullptr || state->is_running) return out;
  state->is_running = true;
  ++running_;
  if (!all_running()) return out;
  phase_ = Phase::kIdle;
  if (options_.interval > MonotonicTime(0)) due_ = now + options_.interval;
  // The notice may have been lost with the attempt before this one.
  if (options_.restored.value != 0) {
    send_all(TaskCommand::Kind::kCommit, options_.restored, out);
  }
  trigger_if_due(now, out);
  return out;
}

Effects CheckpointCoordinator::on_task_ended(TaskId task, MonotonicTime now) {
  Effects out;
  TaskState* state = find(task);
  if (phase_ == Phase::kOver || state == nullptr || state->has_ended) return out;
  state->has_ended = true;
  ++ended_;
  // Its inputs may have ended before the barrier could come: then only a command brings it.
  if (phase_ == Phase::kCollecting && !state->snapshot.has_value() && !state->is_spout) {
    out.push_back(SendCommand{task, {TaskCommand::Kind::kCheckpoint, pending_}});
  }
  trigger_if_due(now, out);
  return out;
}

void CheckpointCoordinator::trigger_if_due(MonotonicTime now, Effects& out) {
  if (phase_ != Phase::kIdle || closing_.value != 0) return;
  const bool is_due = wants_last() ? now >= retry_at_ : is_demanded_ || now >= due_;
  if (!is_due) return;
  is_demanded_ = false;
  phase_ = Phase::kAwaitingId;
  triggered_at_ = now;
  pending_ = CheckpointId(0);
  pending_is_final_ = all_ended();
  pending_is_last_ = wants_last();
  out.push_back(RequestId{});
}

Effects CheckpointCoordinator::on_id(absl::StatusOr<CheckpointId> id, MonotonicTime now) {
  Effects out;
  if (phase_ != Phase::kAwaitingId) return out;
  if (!id.ok()) {
    abort(id.status(), now, out);
    return out;
  }
  WEIR_CHECK(*id > last_complete_, "checkpoint ids rise");
  phase_ = Phase::kCollecting;
  pending_ = *id;
  // What has happened while the id was being fetched counts: the barrier starts only now.
  pending_is_final_ = all_ended();
  pending_is_last_ = wants_last();
  acks_missing_ = tasks_.size();
  for (TaskState& task : tasks_) {
    task.snapshot.reset();
    if (task.is_spout || task.has_ended) {
      out.push_back(SendCommand{task.id, {TaskCommand::Kind::kCheckpoint, pending_}});
    }
  }
  return out;
}

Effects CheckpointCoordinator::on_snapshot(TaskId task, CheckpointId id,
                                           absl::StatusOr<TaskSnapshot> snapshot,
                                           MonotonicTime now) {
  Effects out;
  TaskState* state = find(task);
  if (phase_ != Phase::kCollecting || id != pending_ || state == nullptr) return out;
  if (!snapshot.ok()) {
    abort(snapshot.status(), now, out);
    return out;
  }
  if (state->snapshot.has_value()) return out;
  state->snapshot = *std::move(snapshot);
  --acks_missing_;
  complete_if_acked(out);
  return out;
}

void CheckpointCoordinator::complete_if_acked(Effects& out) {
  if (acks_missing_ != 0) return;
  phase_ = Phase::kWriting;
  WriteManifest write{pending_, pending_is_final_, {}};
  for (TaskState& task : tasks_) {
    write.snapshots.push_back(*std::move(task.snapshot));
    task.snapshot.reset();
  }
  out.push_back(std::move(write));
}

Effects CheckpointCoordinator::on_manifest(CheckpointId id, const absl::Status& status,
                                           MonotonicTime now) {
  Effects out;
  if (phase_ != Phase::kWriting || id != pending_) return out;
  if (!status.ok()) {
    abort(status, now, out);
    return out;
  }
  phase_ = Phase::kIdle;
  last_complete_ = id;
  last_failures_ = 0;
  if (options_.interval > MonotonicTime(0)) {
    // A checkpoint that takes longer than the interval must leave time for work.
    due_ = std::max(triggered_at_ + options_.interval, now + options_.interval / 2);
  }
  out.push_back(CheckpointEnded{id, now - triggered_at_, absl::OkStatus()});
  if (pending_is_last_) {
    closing_ = id;
    closing_is_final_ = pending_is_final_;
    if (options_.commit_repeat > MonotonicTime(0)) commit_again_at_ = now + options_.commit_repeat;
  }
  send_all(TaskCommand::Kind::kCommit, id, out);
  trigger_if_due(now, out);
  return out;
}

Effects CheckpointCoordinator::on_committed(TaskId task, CheckpointId id) {
  Effects out;
  TaskState* state = find(task);
  if (phase_ == Phase::kOver || state == nullptr) return out;
  state->committed = std::max(state->committed, id);
  finish_if_committed(out);
  return out;
}

void CheckpointCoordinator::finish_if_committed(Effects& out) {
  if (closing_.value == 0) return;
  for (const TaskState& task : tasks_) {
    if (task.committed < closing_) return;
  }
  finish(closing_is_final_ ? JobOver::How::kFinished : JobOver::How::kStopped, absl::OkStatus(),
         out);
}

void CheckpointCoordinator::abort(const absl::Status& why, MonotonicTime now, Effects& out) {
  out.push_back(CheckpointEnded{pending_, now - triggered_at_, why});
  if (pending_.value != 0) send_all(TaskCommand::Kind::kAbort, pending_, out);
  for (TaskState& task : tasks_) task.snapshot.reset();
  phase_ = Phase::kIdle;
  if (options_.interval > MonotonicTime(0)) due_ = now + options_.interval;
  retry_at_ = now + options_.retry_pause;
  if (pending_is_last_ && stop_requested_) {
    finish(JobOver::How::kStopped, why, out);
  } else if (pending_is_last_ && ++last_failures_ >= options_.final_attempts) {
    finish(JobOver::How::kFailed, why, out);
  } else if (stop_requested_) {
    retry_at_ = now;  // the failed one was not the stop's own
    trigger_if_due(now, out);
  }
}

void CheckpointCoordinator::finish(JobOver::How how, absl::Status status, Effects& out) {
  phase_ = Phase::kOver;
  out.push_back(JobOver{how, std::move(status)});
}

Effects CheckpointCoordinator::on_loss(const absl::Status& why, MonotonicTime now) {
  Effects out;
  if (phase_ == Phase::kCollecting) abort(why, now, out);
  return out;
}

Effects CheckpointCoordinator::on_demand(MonotonicTime now) {
  Effects out;
  if (phase_ == Phase::kOver) return out;
  is_demanded_ = true;
  trigger_if_due(now, out);
  return out;
}

Effects CheckpointCoordinator::on_stop(MonotonicTime now) {
  Effects out;
  if (phase_ == Phase::kOver || stop_requested_) return out;
  stop_requested_ = true;
  if (phase_ == Phase::kStarting) {
    finish(JobOver::How::kStopped, absl::OkStatus(), out);
    return out;
  }
  retry_at_ = now;
  trigger_if_due(now, out);
  return out;
}

Effects CheckpointCoordinator::on_tick(MonotonicTime now) {
  Effects out;
  if (phase_ == Phase::kIdle && now >= commit_again_at_) {
    commit_again_at_ = now + options_.commit_repeat;
    for (const TaskState& task : tasks_) {
      if (task.committed >= closing_) continue;
      out.push_back(SendCommand{task.id, {TaskCommand::Kind::kCommit, closing_}});
    }
  }
  if ((phase_ == Phase::kCollecting) && now - triggered_at_ >= options_.timeout) {
    std::string missing;
    for (const TaskState& task : tasks_) {
      if (!task.snapshot.has_value()) missing += " " + std::to_string(task.id.value);
    }
    abort(absl::DeadlineExceededError("no answer in time from tasks" + missing), now, out);
    return out;
  }
  trigger_if_due(now, out);
  return out;
}

MonotonicTime CheckpointCoordinator::next_tick() const {
  switch (phase_) {
    case Phase::kIdle:
      if (closing_.value != 0) return commit_again_at_;
      if (wants_last()) return retry_at_;
      return is_demanded_ ? MonotonicTime(0) : due_;
    case Phase::kCollecting: return triggered_at_ + options_.timeout;
    default: return MonotonicTime::max();
  }
}

}  // namespace weir::coordinator
