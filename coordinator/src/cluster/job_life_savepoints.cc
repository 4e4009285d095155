// Savepoints of a job, the one it ends with, and drain.
#include <algorithm>
#include <utility>

#include "cluster/job_life.h"

namespace weir::coordinator {

using runtime::CheckpointId;
using runtime::MonotonicTime;
using runtime::TaskCommand;
using wire::JobState;

// --- While the job goes on -----------------------------------------------------------------------

absl::StatusOr<life::Effects> JobLife::on_savepoint(std::uint64_t ticket, const std::string& dir,
                                                    MonotonicTime now) {
  const bool is_same = std::any_of(asks_.begin(), asks_.end(),
                                   [&](const SavepointAsk& ask) { return ask.dir == dir; });
  if (is_same || record_.last_savepoint.dir == dir) {
    return absl::AlreadyExistsError("a savepoint is being written to " + dir + " already");
  }
  const bool is_over = is_ended(state()) || state() == JobState::Paused;
  if (!is_over && record_.goal != JobGoal::kRun) return refuse("asked for a savepoint now");
  if (record_.goal == JobGoal::kDrain && state() != JobState::Finished) {
    return refuse("kept: it was being drained, so there is no way on from its state");
  }
  life::Effects out;
  if (phase_ != Phase::kRunning) {
    asks_.push_back({ticket, dir, SavepointAsk::Stage::kKeeping});
    out.push_back(life::KeepSavepoint{ticket, CheckpointId(0), dir});
    return out;
  }
  asks_.push_back({ticket, dir, SavepointAsk::Stage::kWaiting});
  apply(coordinator_->on_demand(now), now, out);
  return out;
}

// A checkpoint begins: it is the one for all who have asked before.
void JobLife::trigger_savepoints() {
  for (SavepointAsk& ask : asks_) {
    if (ask.stage == SavepointAsk::Stage::kWaiting) ask.stage = SavepointAsk::Stage::kTriggered;
  }
}

void JobLife::keep_triggered(CheckpointId checkpoint, life::Effects& out) {
  for (SavepointAsk& ask : asks_) {
    if (ask.stage != SavepointAsk::Stage::kTriggered) continue;
    ask.stage = SavepointAsk::Stage::kKeeping;
    out.push_back(life::KeepSavepoint{ask.ticket, checkpoint, ask.dir});
  }
}

// The job is over: there will be no other checkpoint than the last one.
void JobLife::keep_newest(life::Effects& out) {
  trigger_savepoints();
  keep_triggered(figures_.last, out);
}

void JobLife::give_up_savepoints(const absl::Status& why, bool triggered_only, life::Effects& out) {
  std::erase_if(asks_, [&](const SavepointAsk& ask) {
    const bool is_meant = ask.stage == SavepointAsk::Stage::kTriggered ||
                          (ask.stage == SavepointAsk::Stage::kWaiting && !triggered_only);
    if (is_meant) out.push_back(life::SavepointEnded{ask.ticket, ask.dir, why});
    return is_meant;
  });
}

life::Effects JobLife::on_savepoint_kept(std::uint64_t ticket,
                                         absl::StatusOr<life::KeptSavepoint> kept,
                                         MonotonicTime now) {
  life::Effects out;
  if (ticket == 0) {
    last_savepoint_kept(kept, now, out);
    return out;
  }
  const auto ask = std::find_if(asks_.begin(), asks_.end(),
                                [&](const SavepointAsk& a) { return a.ticket == ticket; });
  if (ask == asks_.end()) return out;
  if (kept.ok()) {
    // One that was asked for earlier may be whole after the one that the job has ended with.
    if (!is_ended(state()) || kept->checkpoint.value > record_.savepoint_checkpoint) {
      record_.savepoint = ask->dir;
      record_.savepoint_checkpoint = kept->checkpoint.value;
    }
    out.push_back(life::Note{"savepoint", "checkpoint " + std::to_string(kept->checkpoint.value) +
                                              " is kept in " + ask->dir});
    persist(out);
  }
  out.push_back(life::SavepointEnded{ticket, std::move(ask->dir), std::move(kept)});
  asks_.erase(ask);
  return out;
}

// --- At its end ----------------------------------------------------------------------------------

// All tasks have committed the last checkpoint. If it is to be kept, the job ends when it is.
void JobLife::end_with_savepoint(JobState then, MonotonicTime now, life::Effects& out) {
  LastSavepoint& wish = record_.last_savepoint;
  if (wish.dir.empty()) return close(then, now, out);
  wish.is_due = true;
  wish.checkpoint = figures_.last.value;
  wish.then = then;
  wish.otherwise = then == JobState::Finished ? then : JobState::Restarting;
  out.push_back(life::KeepSavepoint{0, figures_.last, wish.dir});
  close(JobState::Stopping, now, out);
}

absl::StatusOr<life::Effects> JobLife::stop_paused(const Stop& how, MonotonicTime now) {
  if (how.drain) return refuse("drained: resume it first");
  life::Effects out;
  record_.goal = JobGoal::kStop;
  if (how.savepoint.empty()) {
    set_state(JobState::Stopped, out);
    persist(out);
    return out;
  }
  record_.savepoint_failure.clear();
  record_.last_savepoint = {.dir = how.savepoint,
                            .is_due = true,
                            .checkpoint = 0,
                            .then = JobState::Stopped,
                            .otherwise = JobState::Paused};
  phase_ = Phase::kClosing;  // its workers may be, still
  out.push_back(life::KeepSavepoint{0, CheckpointId(0), how.savepoint});
  set_state(JobState::Stopping, out);
  persist(out);
  settle(now, out);
  return out;
}

void JobLife::last_savepoint_kept(const absl::StatusOr<life::KeptSavepoint>& kept,
                                  MonotonicTime now, life::Effects& out) {
  if (!record_.last_savepoint.is_due) return;  // cancelled
  const LastSavepoint wish = std::exchange(record_.last_savepoint, {});
  if (kept.ok()) {
    record_.savepoint = wish.dir;
    record_.savepoint_checkpoint = kept->checkpoint.value;
    out.push_back(life::Note{"savepoint", "checkpoint " + std::to_string(kept->checkpoint.value) +
                                              " is kept in " + wish.dir});
    set_state(wish.then, out);
  } else {
    // Nobody loses a job over a savepoint: it goes on.
    record_.savepoint_failure = std::string(kept.status().message());
    out.push_back(life::Note{"failure", "the savepoint: " + record_.savepoint_failure});
    if (wish.otherwise == JobState::Restarting) record_.goal = JobGoal::kRun;
    if (wish.otherwise == JobState::Paused) record_.goal = JobGoal::kPause;
    retry_at_ = now;
    set_state(wish.otherwise, out);
  }
  persist(out);
  settle(now, out);
}

// --- Drain ---------------------------------------------------------------------------------------

// Repeated without harm: a spout that has ended stays so.
void JobLife::drain_spouts(life::Effects& out) const {
  for (const CheckpointCoordinator::Task& task : tasks_.tasks) {
    if (!task.is_spout) continue;
    out.push_back(life::TellTask{
        workers_[worker_of_task_[task.id.value]].name, task.id, {TaskCommand::Kind::kDrain}});
  }
}

}  // namespace weir::coordinator
