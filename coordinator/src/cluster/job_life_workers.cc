// Workers and tasks of the attempt under way.
#include <algorithm>
#include <utility>

#include "cluster/job_life.h"

namespace weir::coordinator {

using runtime::CheckpointId;
using runtime::MonotonicTime;
using runtime::TaskCommand;
using runtime::TaskId;
using wire::JobState;

const JobLife::Worker* JobLife::worker(const std::string& name) const {
  const auto it = std::find_if(workers_.begin(), workers_.end(),
                               [&](const Worker& w) { return w.name == name; });
  return it == workers_.end() ? nullptr : &*it;
}

JobLife::Worker* JobLife::find(const std::string& name) {
  return const_cast<Worker*>(std::as_const(*this).worker(name));
}

bool JobLife::is_live(std::uint64_t epoch) const {
  return epoch == record_.epoch && (phase_ == Phase::kAdopting || phase_ == Phase::kStarting ||
                                    phase_ == Phase::kDeploying || phase_ == Phase::kRunning);
}

bool JobLife::is_current(const std::string& name) const {
  const Worker* found = worker(name);
  if (found == nullptr || found->is_gone()) return false;
  return is_live(record_.epoch) || phase_ == Phase::kClosing;
}

bool JobLife::all_in(Worker::Stage stage) const {
  return std::all_of(workers_.begin(), workers_.end(),
                     [&](const Worker& w) { return w.stage == stage; });
}

bool JobLife::all_gone() const { return all_in(Worker::Stage::kGone); }

void JobLife::set_workers(const std::vector<WorkerRecord>& workers) {
  workers_.clear();
  placed_.clear();
  for (const WorkerRecord& record : workers) {
    Worker& worker = workers_.emplace_back();
    worker.name = record.worker;
    worker.supervisor = record.supervisor;
    worker.slots = record.slots;
    placed_.push_back({record.supervisor, record.slots});
  }
  worker_of_task_ =
      workers.empty() ? std::vector<std::uint32_t>() : worker_of_tasks(tasks_.index, placed_);
}

std::vector<PlacedWorker> JobLife::held_slots() const {
  if (workers_.empty()) return phase_ == Phase::kOpening ? placed_ : std::vector<PlacedWorker>();
  std::vector<PlacedWorker> held;
  for (const Worker& worker : workers_) {
    if (!worker.is_gone()) held.push_back({worker.supervisor, worker.slots});
  }
  return held;
}

void JobLife::start_workers(MonotonicTime now, life::Effects& out) {
  phase_ = Phase::kStarting;
  deadline_ = now + options_.start_timeout;
  repeat_at_ = now + options_.repeat * 5;
  for (Worker& worker : workers_) {
    worker.stage = Worker::Stage::kAsked;
    out.push_back(life::StartWorker{worker.name, worker.supervisor, worker.slots});
  }
}

life::Effects JobLife::on_worker_started(std::uint64_t epoch, const std::string& name,
                                         std::int32_t pid) {
  life::Effects out;
  Worker* found = find(name);
  if (found == nullptr || epoch != record_.epoch || found->is_gone()) return out;
  found->pid = pid;
  if (found->stage == Worker::Stage::kAsked) {
    found->stage = Worker::Stage::kStarted;
    out.push_back(life::Note{
        "worker", name + " runs on " + found->supervisor + " as process " + std::to_string(pid)});
  }
  return out;
}

life::Effects JobLife::on_worker_hello(std::uint64_t epoch, const std::string& name,
                                       std::int32_t pid, const std::string& address,
                                       const std::string& fingerprint, MonotonicTime now) {
  life::Effects out;
  Worker* found = find(name);
  if (!is_live(epoch) || found == nullptr || found->is_gone()) return out;
  if (fingerprint != spec().plan.fingerprint) {
    fail("worker " + name +
             " has made another plan than the one that was submitted: the program must declare the "
             "same topology whenever it is started with the same arguments",
         now, out);
    return out;
  }
  found->pid = pid;
  found->address = address;
  found->stage = Worker::Stage::kReady;
  if (phase_ == Phase::kDeploying || phase_ == Phase::kRunning) {
    // It was out of reach: it reports its tasks again; commands and acks may be lost.
    out.push_back(life::DeployWorker{name});
    const absl::Status why = absl::UnavailableError("worker " + name + " was out of reach");
    if (phase_ == Phase::kRunning) apply(coordinator_->on_loss(why, now), now, out);
  } else {
    deploy_when_ready(now, out);
  }
  return out;
}

void JobLife::deploy_when_ready(MonotonicTime now, life::Effects& out) {
  const bool was_running = phase_ == Phase::kAdopting;
  if (!all_in(Worker::Stage::kReady) || (was_running && !is_opened_)) return;
  phase_ = Phase::kDeploying;
  repeat_at_ = now + options_.repeat * 5;
  for (const Worker& worker : workers_) out.push_back(life::DeployWorker{worker.name});
  if (!restored_is_final_ || was_running) return;
  // The job had finished; only whether its sinks have heard of it is not known (rule 13).
  for (std::uint32_t i = 0; i < worker_of_task_.size(); ++i) {
    const std::string& name = workers_[worker_of_task_[i]].name;
    out.push_back(life::TellTask{name, TaskId(i), {TaskCommand::Kind::kCommit, restored_}});
    out.push_back(life::TellTask{name, TaskId(i), {TaskCommand::Kind::kCancel}});
  }
}

void JobLife::begin_checkpoints() {
  CheckpointCoordinator::Options options;
  options.interval = std::chrono::microseconds(spec().plan.checkpoint_interval_us);
  options.timeout = options_.checkpoint_timeout;
  options.commit_repeat = options_.repeat;
  options.restored = restored_;
  coordinator_.emplace(tasks_.tasks, options);
}

life::Effects JobLife::on_worker_gone(const std::string& name, const std::string& why,
                                      MonotonicTime now) {
  life::Effects out;
  Worker* found = find(name);
  if (found == nullptr || found->is_gone()) return out;
  found->stage = Worker::Stage::kGone;
  out.push_back(life::Note{"worker", name + " on " + found->supervisor + ": " + why});
  fail("worker " + name + " on " + found->supervisor + ": " + why, now, out);
  settle(now, out);
  return out;
}

life::Effects JobLife::on_worker_failed(std::uint64_t epoch, const absl::Status& why,
                                        MonotonicTime now) {
  life::Effects out;
  // Rule 10: if what was restored is damaged, rather than fall back behind what sinks may have
  // committed, stop and ask. Once all tasks run, it is a disk that has refused something, and the
  // next attempt finds out what is left.
  const bool is_hopeless = absl::IsDataLoss(why) && phase_ != Phase::kRunning;
  if (is_live(epoch)) fail(std::string(why.message()), now, out, is_hopeless);
  return out;
}

life::Effects JobLife::on_task_event(std::uint64_t epoch, TaskId task, wire::TaskEventKind kind,
                                     CheckpointId id, const absl::Status& error,
                                     MonotonicTime now) {
  life::Effects out;
  if (!is_live(epoch) || task.value >= tasks_.tasks.size()) return out;
  if (kind == wire::TaskEventKind::Failed) {
    return on_worker_failed(epoch, error, now);
  }
  if (!coordinator_.has_value()) return out;  // it is asked again once the folder is open
  switch (kind) {
    case wire::TaskEventKind::Running:
      apply(coordinator_->on_task_running(task, now), now, out);
      when_all_run(now, out);
      break;
    case wire::TaskEventKind::Ended: apply(coordinator_->on_task_ended(task, now), now, out); break;
    case wire::TaskEventKind::Committed:
      if (restored_is_final_ && id >= restored_) final_committed_[task.value] = true;
      apply(coordinator_->on_committed(task, id), now, out);
      finish_if_final_is_committed(now, out);
      break;
    default: break;
  }
  return out;
}

void JobLife::when_all_run(MonotonicTime now, life::Effects& out) {
  if (phase_ != Phase::kDeploying || !coordinator_.has_value() || !coordinator_->all_running()) {
    return;
  }
  phase_ = Phase::kRunning;
  strategy_.on_running(now);
  const std::string from =
      restored_.value == 0 ? "" : "from checkpoint " + std::to_string(restored_.value);
  if (record_.goal == JobGoal::kRun) {
    if (state() == JobState::Running) return;
    set_state(JobState::Running, out, from);
    persist(out);
    return;
  }
  set_state(JobState::Stopping, out);
  if (record_.goal != JobGoal::kDrain) return apply(coordinator_->on_stop(now), now, out);
  if (drain_is_durable_) drain_spouts(out);
}

void JobLife::finish_if_final_is_committed(MonotonicTime now, life::Effects& out) {
  if (!restored_is_final_ || !coordinator_.has_value()) return;
  const bool by_all = std::all_of(final_committed_.begin(), final_committed_.end(),
                                  [](bool committed) { return committed; });
  if (by_all) end_with_savepoint(JobState::Finished, now, out);
}

life::Effects JobLife::on_snapshot(std::uint64_t epoch, TaskId task, CheckpointId id,
                                   absl::StatusOr<runtime::TaskSnapshot> snapshot,
                                   MonotonicTime now) {
  life::Effects out;
  if (!is_live(epoch) || !coordinator_.has_value()) return out;
  apply(coordinator_->on_snapshot(task, id, std::move(snapshot), now), now, out);
  return out;
}

life::Effects JobLife::on_id(std::uint64_t epoch, absl::StatusOr<CheckpointId> id,
                             MonotonicTime now) {
  life::Effects out;
  if (!is_live(epoch) || !coordinator_.has_value()) return out;
  apply(coordinator_->on_id(std::move(id), now), now, out);
  return out;
}

life::Effects JobLife::on_manifest(std::uint64_t epoch, CheckpointId id, const absl::Status& status,
                                   bool in_doubt, MonotonicTime now) {
  life::Effects out;
  if (!is_live(epoch) || !coordinator_.has_value()) return out;
  if (in_doubt) {
    fail("checkpoint " + std::to_string(id.value) + ": " + std::string(status.message()), now, out);
  } else {
    apply(coordinator_->on_manifest(id, status, now), now, out);
  }
  return out;
}

void JobLife::apply(Effects effects, MonotonicTime now, life::Effects& out) {
  for (Effect& effect : effects) {
    if (std::holds_alternative<RequestId>(effect)) {
      trigger_savepoints();
      out.push_back(life::FetchId{});
    } else if (const auto* send = std::get_if<SendCommand>(&effect)) {
      out.push_back(life::TellTask{workers_[worker_of_task_[send->task.value]].name, send->task,
                                   send->command});
    } else if (auto* write = std::get_if<WriteManifest>(&effect)) {
      figures_.bytes = 0;
      for (const runtime::TaskSnapshot& task : write->snapshots) {
        for (const runtime::SnapshotFile& file : task.rows.files) figures_.bytes += file.bytes;
      }
      out.push_back(
          life::CompleteCheckpoint{write->id, write->is_final, std::move(write->snapshots)});
    } else if (const auto* ended = std::get_if<CheckpointEnded>(&effect)) {
      const std::string name = "checkpoint " + std::to_string(ended->id.value);
      if (ended->status.ok()) {
        figures_.last = ended->id;
        ++figures_.complete;
        figures_.took = ended->took;
        figures_.at = now;
        out.push_back(life::Note{"checkpoint", name + " is complete"});
        keep_triggered(ended->id, out);
      } else {
        ++figures_.failed;
        out.push_back(
            life::Note{"checkpoint", name + " failed: " + std::string(ended->status.message())});
        give_up_savepoints(ended->status, true, out);
      }
    } else if (const auto* over = std::get_if<JobOver>(&effect)) {
      apply_over(*over, now, out);
    }
  }
}

}  // namespace weir::coordinator
