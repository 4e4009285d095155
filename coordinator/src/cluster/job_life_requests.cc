// What people ask of a job.
#include <utility>

#include "cluster/job_life.h"

namespace weir::coordinator {

using runtime::MonotonicTime;
using wire::JobState;

absl::Status JobLife::refuse(const char* what) const {
  return absl::FailedPreconditionError(
      "job " + id() + " is " + std::string(state_name(state())) +
      (record_.goal == JobGoal::kCancel ? " and being cancelled" : "") + ": it cannot be " + what);
}

// A last checkpoint, then the end or the pause that `goal` names.
absl::StatusOr<life::Effects> JobLife::request_end(JobGoal goal, MonotonicTime now) {
  life::Effects out;
  const bool was_asked = record_.goal != JobGoal::kRun;
  record_.goal = goal;
  if (phase_ == Phase::kWaiting || phase_ == Phase::kResting) {
    const bool must_commit = goal == JobGoal::kStop && record_.epoch != 0;
    if (goal == JobGoal::kPause) {
      end(JobState::Paused, out);
    } else if (goal == JobGoal::kRescale) {
      apply_rescale(out);
    } else if (!must_commit) {
      end(JobState::Stopped, out);
    } else {
      // Whether sinks have committed the latest checkpoint is not known: it runs once more.
      persist(out);
    }
    return out;
  }
  persist(out);
  if (phase_ != Phase::kRunning) return out;  // as soon as it runs, or once the workers are gone
  set_state(JobState::Stopping, out);
  if (!was_asked) apply(coordinator_->on_stop(now), now, out);
  return out;
}

absl::StatusOr<life::Effects> JobLife::on_stop(MonotonicTime now) {
  if (is_ended(state()) || record_.goal == JobGoal::kCancel) return refuse("stopped");
  life::Effects out;
  if (record_.goal == JobGoal::kStop) return out;
  if (state() == JobState::Paused) {
    record_.goal = JobGoal::kStop;
    set_state(JobState::Stopped, out);
    persist(out);
    return out;
  }
  record_.next = nullptr;
  return request_end(JobGoal::kStop, now);
}

absl::StatusOr<life::Effects> JobLife::on_pause(MonotonicTime now) {
  if (record_.goal == JobGoal::kPause) return life::Effects{};
  if (is_ended(state()) || record_.goal != JobGoal::kRun) return refuse("paused");
  return request_end(JobGoal::kPause, now);
}

absl::StatusOr<life::Effects> JobLife::on_resume(MonotonicTime) {
  if (state() != JobState::Paused) return refuse("resumed");
  life::Effects out;
  record_.goal = JobGoal::kRun;
  if (phase_ == Phase::kOver) {
    wait_for_slots(out);
  } else {
    set_state(JobState::Waiting, out);  // for its old workers to exit, then for slots
    persist(out);
  }
  return out;
}

absl::StatusOr<life::Effects> JobLife::on_cancel(MonotonicTime now) {
  life::Effects out;
  if (record_.goal == JobGoal::kCancel && !is_ended(state())) return out;
  if (is_ended(state())) return refuse("cancelled");
  record_.goal = JobGoal::kCancel;
  switch (phase_) {
    case Phase::kWaiting:
    case Phase::kResting:
    case Phase::kOver: end(JobState::Cancelled, out); return out;
    case Phase::kOpening:
    case Phase::kFencing:
    case Phase::kClosing:
      if (state() == JobState::Paused) set_state(JobState::Cancelled, out);  // workers still exit
      persist(out);
      return out;
    default: break;
  }
  set_state(JobState::Stopping, out);
  persist(out);
  out.push_back(life::CloseAttempt{});
  fence(now, out);
  return out;
}

absl::StatusOr<life::Effects> JobLife::on_rescale(std::shared_ptr<const JobSpec> next,
                                                  MonotonicTime now) {
  if (is_ended(state())) return refuse("rescaled");
  life::Effects out;
  if (state() == JobState::Paused) {
    record_.spec = std::move(next);
    tasks_ = tasks_of(record_.spec->plan);
    persist(out);
    return out;
  }
  if (record_.goal != JobGoal::kRun) return refuse("rescaled");
  record_.next = std::move(next);
  return request_end(JobGoal::kRescale, now);
}

}  // namespace weir::coordinator
