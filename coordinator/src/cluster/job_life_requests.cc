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
    const bool ends = goal == JobGoal::kStop || goal == JobGoal::kDrain;
    const bool must_commit = ends && record_.epoch != 0;
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
  if (goal == JobGoal::kDrain) return out;  // spouts are told when the wish is durable
  if (!was_asked) apply(coordinator_->on_stop(now), now, out);
  return out;
}

absl::StatusOr<life::Effects> JobLife::on_stop(const Stop& how, MonotonicTime now) {
  if (is_ended(state()) || record_.goal == JobGoal::kCancel) return refuse("stopped");
  if (state() == JobState::Paused) return stop_paused(how, now);
  const bool is_ending = record_.goal == JobGoal::kStop || record_.goal == JobGoal::kDrain;
  const bool is_plain = !how.drain && how.savepoint.empty();
  if (is_ending && is_plain) return life::Effects{};
  if (is_ending) return refuse("stopped in another way than it is");
  if (how.drain && record_.goal != JobGoal::kRun) return refuse("drained");
  if (!how.savepoint.empty() && record_.epoch == 0) {
    return absl::FailedPreconditionError("job " + id() +
                                         " has never run: there is nothing that a savepoint could "
                                         "hold; stop it without one");
  }
  record_.next = nullptr;
  record_.savepoint_failure.clear();
  record_.last_savepoint = {.dir = how.savepoint};
  drain_version_ = version_ + 1;  // the next to be persisted
  return request_end(how.drain ? JobGoal::kDrain : JobGoal::kStop, now);
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
  record_.last_savepoint = {};
  switch (phase_) {
    case Phase::kWaiting:
    case Phase::kResting:
    case Phase::kOver: end(JobState::Cancelled, out); return out;
    case Phase::kOpening:
    case Phase::kFencing:
    case Phase::kClosing:
      if (state() == JobState::Paused) set_state(JobState::Cancelled, out);  // workers still exit
      persist(out);
      settle(now, out);
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
