// The course of a job: from phase to phase. Workers and tasks: job_life_workers.cc; what people ask
// for: job_life_requests.cc.
#include "cluster/job_life.h"

#include <algorithm>
#include <utility>

#include "weir/runtime/check.h"

namespace weir::coordinator {

using runtime::CheckpointId;
using runtime::MonotonicTime;
using wire::JobState;

namespace {

// Errors that another try would meet again: rule 10, better stop and ask.
bool is_hopeless(const absl::Status& status) {
  return status.code() == absl::StatusCode::kDataLoss ||
         status.code() == absl::StatusCode::kFailedPrecondition;
}

std::string text_of(const absl::Status& status) { return std::string(status.message()); }

}  // namespace

JobLife::JobLife(JobRecord record, Options options)
    : options_(options),
      record_(std::move(record)),
      tasks_(tasks_of(record_.spec->plan)),
      strategy_(options.restart, options.seed),
      drain_is_durable_(record_.goal == JobGoal::kDrain) {}

life::Effects JobLife::begin(MonotonicTime now) {
  life::Effects out;
  set_workers(record_.workers);
  for (Worker& worker : workers_) worker.stage = Worker::Stage::kAsked;
  const LastSavepoint& wish = record_.last_savepoint;
  const bool is_done = is_ended(state()) || state() == JobState::Paused || wish.is_due;
  if (wish.is_due) {
    out.push_back(life::KeepSavepoint{0, CheckpointId(wish.checkpoint), wish.dir});
  }
  if (is_done) {
    phase_ = workers_.empty() && !wish.is_due ? Phase::kOver : Phase::kClosing;
    deadline_ = repeat_at_ = now;
    return out;
  }
  if (workers_.empty()) {
    if (record_.epoch == 0 && record_.goal == JobGoal::kRun) {
      out.push_back(life::Note{"state", "submitted"});
    }
    phase_ = Phase::kFencing;  // nobody is left of what was
    settle(now, out);
    return out;
  }
  if (record_.goal == JobGoal::kCancel) {
    fence(now, out);
    return out;
  }
  out.push_back(life::Note{"state", "the coordinator was started again"});
  phase_ = Phase::kAdopting;
  deadline_ = now + options_.start_timeout;
  out.push_back(life::OpenAttempt{++ticket_, record_.epoch});
  return out;
}

life::Effects JobLife::on_slots(const std::vector<PlacedWorker>& workers, MonotonicTime) {
  WEIR_CHECK(phase_ == Phase::kWaiting && !workers.empty(), "slots come when they are wanted");
  life::Effects out;
  placed_ = workers;
  ++record_.attempt;
  phase_ = Phase::kOpening;
  set_state(JobState::Starting, out, "attempt " + std::to_string(record_.attempt));
  out.push_back(life::OpenAttempt{++ticket_, 0});
  return out;
}

life::Effects JobLife::on_opened(std::uint64_t ticket, absl::StatusOr<life::Opened> opened,
                                 MonotonicTime now) {
  life::Effects out;
  if (ticket != ticket_) return out;
  if (phase_ != Phase::kOpening && phase_ != Phase::kAdopting) return out;
  if (record_.goal == JobGoal::kCancel) {
    fence(now, out);
    return out;
  }
  if (!opened.ok()) {
    fail("the checkpoint folder: " + text_of(opened.status()), now, out,
         is_hopeless(opened.status()));
    return out;
  }
  restored_ = opened->restored;
  restored_is_final_ = opened->is_final;
  final_committed_.assign(tasks_.tasks.size(), false);
  figures_.last = restored_;
  figures_.at = now;
  if (phase_ == Phase::kAdopting) {
    WEIR_CHECK(opened->epoch == record_.epoch, "an attempt goes on in its own epoch");
    is_opened_ = true;
    begin_checkpoints();
    deploy_when_ready(now, out);
    return out;
  }
  WEIR_CHECK(opened->epoch > record_.epoch, "epochs rise");
  record_.epoch = opened->epoch;
  begin_checkpoints();
  std::vector<WorkerRecord> workers;
  for (const PlacedWorker& place : placed_) {
    workers.push_back(
        {id() + "-e" + std::to_string(record_.epoch) + "-" + std::to_string(workers.size()),
         place.supervisor, place.slots});
  }
  set_workers(workers);
  record_.workers = std::move(workers);
  phase_ = Phase::kRecording;
  persist(out);
  attempt_version_ = version_;
  return out;
}

life::Effects JobLife::on_recorded(std::uint64_t version, const absl::Status& status,
                                   MonotonicTime now) {
  life::Effects out;
  if (status.ok() && record_.goal == JobGoal::kDrain && version >= drain_version_ &&
      !drain_is_durable_) {
    drain_is_durable_ = true;
    if (phase_ == Phase::kRunning) drain_spouts(out);
  }
  if (phase_ != Phase::kRecording || version < attempt_version_) return out;
  if (status.ok()) {
    start_workers(now, out);
  } else {
    fail("the coordinator's folder: " + text_of(status), now, out);
  }
  return out;
}

// --- Ends ----------------------------------------------------------------------------------------

void JobLife::apply_over(const JobOver& over, MonotonicTime now, life::Effects& out) {
  if (over.how == JobOver::How::kFinished) {
    end_with_savepoint(JobState::Finished, now, out);
  } else if (!over.status.ok() || over.how == JobOver::How::kFailed) {
    fail("the last checkpoint failed: " + text_of(over.status), now, out);
  } else if (record_.goal == JobGoal::kPause) {
    close(JobState::Paused, now, out);
  } else if (record_.goal == JobGoal::kRescale) {
    close(JobState::Restarting, now, out);
  } else {
    end_with_savepoint(JobState::Stopped, now, out);
  }
}

void JobLife::close(JobState state, MonotonicTime now, life::Effects& out) {
  phase_ = Phase::kClosing;
  coordinator_.reset();
  keep_newest(out);
  set_state(state, out,
            figures_.last.value == 0 ? "" : "checkpoint " + std::to_string(figures_.last.value));
  for (const Worker& worker : workers_) {
    if (!worker.is_gone()) out.push_back(life::EndWorker{worker.name});
  }
  deadline_ = repeat_at_ = now + options_.end_timeout;
  out.push_back(life::CloseAttempt{});
  persist(out);
  settle(now, out);
}

void JobLife::fail(const std::string& why, MonotonicTime now, life::Effects& out, bool for_ever) {
  if (!is_under_way()) return;
  ++record_.restarts;
  record_.last_failure = why;
  out.push_back(life::Note{"failure", why});
  const RestartStrategy::Verdict verdict = strategy_.on_failure(now);
  if (for_ever) {
    fatal_ = "another try would end the same way";
  } else if (!verdict.pause.has_value()) {
    fatal_ = verdict.why;
  }
  retry_at_ = now + verdict.pause.value_or(MonotonicTime(0));
  set_state(JobState::Restarting, out);
  out.push_back(life::CloseAttempt{});
  fence(now, out);
}

bool JobLife::is_under_way() const {
  return phase_ == Phase::kOpening || phase_ == Phase::kRecording || phase_ == Phase::kAdopting ||
         phase_ == Phase::kStarting || phase_ == Phase::kDeploying || phase_ == Phase::kRunning;
}

life::Effects JobLife::on_shutdown(MonotonicTime now) {
  life::Effects out;
  if (!is_under_way()) return out;
  out.push_back(life::Note{"state", "the cluster is being shut down"});
  out.push_back(life::CloseAttempt{});
  fence(now, out);
  return out;
}

void JobLife::fence(MonotonicTime now, life::Effects& out) {
  phase_ = Phase::kFencing;
  coordinator_.reset();
  give_up_savepoints(absl::AbortedError("the attempt ended before the savepoint was complete; "
                                        "ask again when the job runs"),
                     false, out);
  for (Worker& worker : workers_) {
    if (worker.stage == Worker::Stage::kPlanned) worker.stage = Worker::Stage::kGone;
    if (worker.is_gone()) continue;
    out.push_back(life::FenceWorker{worker.name});
    out.push_back(life::StopWorker{worker.name, worker.supervisor});
  }
  repeat_at_ = now + options_.repeat;
  settle(now, out);
}

void JobLife::settle(MonotonicTime now, life::Effects& out) {
  if (!all_gone() || (phase_ != Phase::kFencing && phase_ != Phase::kClosing)) return;
  const bool had_workers = !record_.workers.empty();
  workers_.clear();
  record_.workers.clear();
  deadline_ = repeat_at_ = MonotonicTime::max();
  if (record_.last_savepoint.is_due) {  // waits for it
    if (had_workers) persist(out);
    return;
  }
  if (is_ended(state()) || state() == JobState::Paused) {
    phase_ = Phase::kOver;
    persist(out);
    return;
  }
  if (record_.goal == JobGoal::kCancel) return end(JobState::Cancelled, out);
  if (!fatal_.empty()) {
    record_.last_failure += " (" + fatal_ + ")";
    return end(JobState::Failed, out);
  }
  const bool never_ran = record_.epoch == 0;
  if (record_.goal == JobGoal::kPause) return end(JobState::Paused, out);
  const bool must_end = record_.goal == JobGoal::kStop || record_.goal == JobGoal::kDrain;
  if (must_end && never_ran) return end(JobState::Stopped, out);
  if (record_.goal == JobGoal::kRescale) return apply_rescale(out);
  if (retry_at_ <= now) return wait_for_slots(out);
  phase_ = Phase::kResting;
  deadline_ = retry_at_;
  persist(out);
}

void JobLife::end(JobState state, life::Effects& out) {
  phase_ = Phase::kOver;
  set_state(state, out, state == JobState::Failed ? record_.last_failure : "");
  out.push_back(life::CloseAttempt{});
  persist(out);
}

void JobLife::apply_rescale(life::Effects& out) {
  record_.spec = std::exchange(record_.next, nullptr);
  record_.goal = JobGoal::kRun;
  tasks_ = tasks_of(record_.spec->plan);
  out.push_back(
      life::Note{"state", "parallelism is " + std::to_string(record_.spec->parallelism) + " now"});
  wait_for_slots(out);
}

void JobLife::wait_for_slots(life::Effects& out) {
  phase_ = Phase::kWaiting;
  deadline_ = MonotonicTime::max();
  set_state(JobState::Waiting, out);
  persist(out);
}

// --- Time ----------------------------------------------------------------------------------------

life::Effects JobLife::on_tick(MonotonicTime now) {
  life::Effects out;
  if (phase_ == Phase::kResting && now >= deadline_) {
    wait_for_slots(out);
  } else if ((phase_ == Phase::kStarting || phase_ == Phase::kAdopting) && now >= deadline_) {
    std::string missing;
    for (const Worker& worker : workers_) {
      if (worker.stage != Worker::Stage::kReady) missing += " " + worker.name;
    }
    fail("no word in time from" + missing, now, out);
  }
  if (coordinator_.has_value()) apply(coordinator_->on_tick(now), now, out);
  if (now < repeat_at_) return out;
  const bool is_patient = phase_ == Phase::kDeploying || phase_ == Phase::kStarting;
  repeat_at_ = now + options_.repeat * (is_patient ? 5 : 1);
  for (const Worker& worker : workers_) {
    if (worker.is_gone()) continue;
    if (phase_ == Phase::kFencing) out.push_back(life::FenceWorker{worker.name});
    if (phase_ == Phase::kFencing || phase_ == Phase::kClosing) {
      out.push_back(life::StopWorker{worker.name, worker.supervisor});
    }
    if (phase_ == Phase::kStarting && worker.stage == Worker::Stage::kAsked) {
      out.push_back(life::StartWorker{worker.name, worker.supervisor, worker.slots});
    }
    if (phase_ == Phase::kDeploying) out.push_back(life::DeployWorker{worker.name});
  }
  return out;
}

MonotonicTime JobLife::next_tick() const {
  MonotonicTime next = MonotonicTime::max();
  const auto at = [&](MonotonicTime time) { next = std::min(next, time); };
  switch (phase_) {
    case Phase::kResting: at(deadline_); break;
    case Phase::kStarting: at(repeat_at_); [[fallthrough]];
    case Phase::kAdopting: at(deadline_); break;
    case Phase::kDeploying:
    case Phase::kFencing:
    case Phase::kClosing: at(repeat_at_); break;
    default: break;
  }
  if (coordinator_.has_value()) at(coordinator_->next_tick());
  return next;
}

// --- Record --------------------------------------------------------------------------------------

void JobLife::set_state(JobState state, life::Effects& out, const std::string& why) {
  if (record_.state == state && why.empty()) return;
  record_.state = state;
  std::string text(state_name(state));
  if (!why.empty()) text += ": " + why;
  out.push_back(life::Note{"state", std::move(text)});
}

void JobLife::persist(life::Effects& out) { out.push_back(life::Persist{++version_}); }

}  // namespace weir::coordinator
