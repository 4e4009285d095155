// The part of Supervisor that deals with workers, from StartWorker to WorkerExited.
#include <utility>

#include "absl/strings/str_cat.h"
#include "safe_name.h"
#include "sha256.h"
#include "supervisor/supervisor.h"

namespace weir::coordinator {
namespace {

wire::WorkerExitedT not_started(const wire::StartWorkerT& start, std::string reason) {
  wire::WorkerExitedT exit;
  exit.job = start.job;
  exit.epoch = start.epoch;
  exit.worker = start.worker;
  exit.exit_code = -1;
  exit.reason = std::move(reason);
  return exit;
}

std::string reason_of(const WorkerExit& exit, bool was_stopped) {
  if (was_stopped) return "stopped";
  if (exit.signal != 0) return absl::StrCat("killed by signal ", exit.signal);
  if (exit.exit_code.has_value()) return absl::StrCat("exited with code ", *exit.exit_code);
  return "ended; how is not known, since the supervisor had been restarted meanwhile";
}

}  // namespace

std::string Supervisor::refusal(const wire::StartWorkerT& start) const {
  if (!is_safe_name(start.worker)) return "its name may not be used for files";
  if (!is_sha256(start.program_sha256)) return "its program has no SHA-256";
  if (is_shutting_down_) return "the supervisor is being shut down";
  if (start.epoch <= ended_.fenced(start.job)) {
    return absl::StrCat("epoch ", start.epoch, " of job ", start.job, " is over");
  }
  std::uint64_t used = start.slots;
  for (const auto& [name, worker] : workers_) used += worker.name.slots;
  if (used > options_.slots) {
    return absl::StrCat("supervisor ", options_.name, " has ", options_.slots, " slots, and ",
                        used - start.slots, " are taken");
  }
  return "";
}

void Supervisor::start_worker(wire::StartWorkerT start) {
  const auto known = workers_.find(start.worker);
  if (known != workers_.end()) {  // asked again: the answer was lost
    if (known->second.phase != Worker::Phase::kRunning) return;
    wire::WorkerStartedT answer;
    answer.job = start.job;
    answer.epoch = start.epoch;
    answer.worker = start.worker;
    answer.pid = known->second.pid;
    tell(std::move(answer));
    return;
  }
  if (const wire::WorkerExitedT* exit = ended_.find(start.worker)) {
    tell(*exit);
    return;
  }
  const std::string reason = refusal(start);
  if (!reason.empty()) {
    options_.say(absl::StrCat("worker ", start.worker, " is not started: ", reason));
    tell(not_started(start, reason));
    return;
  }
  Worker& worker = workers_[start.worker];
  worker.name = {start.worker, start.job, start.epoch, start.slots};
  worker.start = std::make_shared<const wire::StartWorkerT>(std::move(start));
  if (programs_.has(worker.start->program_sha256)) {
    launch(worker);
  } else {
    fetch(worker.start->program_sha256);
  }
}

void Supervisor::launch(Worker& worker) {
  worker.phase = Worker::Phase::kStarting;
  const wire::StartWorkerT& asked = *worker.start;
  WorkerStart start;
  start.name = worker.name;
  start.program_sha256 = asked.program_sha256;
  start.program_path = programs_.path(asked.program_sha256);
  start.arguments.push_back(asked.program_name.empty() ? "worker" : asked.program_name);
  start.arguments.insert(start.arguments.end(), asked.arguments.begin(), asked.arguments.end());
  start.working_dir = asked.working_dir;
  start.environment = {{"WEIR_WORKER", asked.worker},
                       {"WEIR_COORDINATOR", options_.coordinator},
                       {"WEIR_LISTEN", options_.listen},
                       {"WEIR_KEYS", options_.keys},
                       {"WEIR_JOB", asked.job},
                       {"WEIR_JOB_NAME", asked.job_name},
                       {"WEIR_EPOCH", std::to_string(asked.epoch)},
                       {"WEIR_SLOTS", std::to_string(asked.slots)},
                       {"WEIR_PARALLELISM", std::to_string(asked.parallelism)}};
  executor_.submit_io([this, start = std::move(start)] {
    post({SupervisorEvent::Started{start.name.worker, processes_.start(start)}});
  });
}

void Supervisor::started(const SupervisorEvent::Started& event) {
  const auto it = workers_.find(event.worker);
  if (it == workers_.end()) return;  // has ended already
  Worker& worker = it->second;
  if (!event.pid.ok()) {
    end_worker(event.worker, not_started(*worker.start, std::string(event.pid.status().message())));
    return;
  }
  worker.phase = Worker::Phase::kRunning;
  worker.pid = *event.pid;
  options_.say(absl::StrCat("worker ", event.worker, " runs as process ", worker.pid));
  wire::WorkerStartedT answer;
  answer.job = worker.name.job;
  answer.epoch = worker.name.epoch;
  answer.worker = event.worker;
  answer.pid = worker.pid;
  tell(std::move(answer));
  if (worker.is_stopping) processes_.kill(event.worker);
}

void Supervisor::adopted(SupervisorEvent::Adopted event) {
  has_adopted_ = true;
  for (Processes::Running& running : event.workers) {
    options_.say(
        absl::StrCat("worker ", running.name.worker, ", process ", running.pid, ", is adopted"));
    Worker& worker = workers_[running.name.worker];
    worker.name = std::move(running.name);
    worker.phase = Worker::Phase::kRunning;
    worker.pid = running.pid;
  }
  // An exit that was heard of before its adoption is in the mailbox behind this.
  next_hello_ = clock().now();
  next_tend_ = clock().now() + options_.tend_interval;
  for (wire::MessageT& message : std::exchange(waiting_, {})) heard(std::move(message));
}

void Supervisor::exited(WorkerExit exit) {
  const auto it = workers_.find(exit.worker);
  if (it == workers_.end()) return;
  const Worker& worker = it->second;
  wire::WorkerExitedT out;
  out.job = worker.name.job;
  out.epoch = worker.name.epoch;
  out.worker = exit.worker;
  out.pid = exit.pid;
  out.exit_code = exit.exit_code.value_or(-1);
  out.signal = exit.signal;
  out.reason = reason_of(exit, worker.is_stopping);
  out.log_tail = std::move(exit.log_tail);
  end_worker(exit.worker, std::move(out));
}

void Supervisor::end_worker(const std::string& name, wire::WorkerExitedT exit) {
  options_.say(absl::StrCat("worker ", name, ": ", exit.reason));
  tell(exit);
  workers_.erase(exit.worker);  // `name` may be its key
  ended_.add(std::move(exit));
}

void Supervisor::stop_worker(const wire::StopWorkerT& stop_it) {
  const auto it = workers_.find(stop_it.worker);
  if (it != workers_.end()) {
    stop(it->second);
    return;
  }
  if (const wire::WorkerExitedT* exit = ended_.find(stop_it.worker)) {
    tell(*exit);
    return;
  }
  // Never heard of, or forgotten: in any case it must not start later.
  wire::WorkerExitedT exit;
  exit.job = stop_it.job;
  exit.epoch = stop_it.epoch;
  exit.worker = stop_it.worker;
  exit.exit_code = -1;
  exit.reason = "is not here";
  tell(exit);
  ended_.add(std::move(exit));
}

void Supervisor::stop_job(const std::string& job, std::uint64_t up_to_epoch) {
  ended_.fence(job, up_to_epoch);
  std::vector<std::string> fenced;
  for (const auto& [name, worker] : workers_) {
    if (worker.name.job == job && worker.name.epoch <= up_to_epoch) fenced.push_back(name);
  }
  for (const std::string& name : fenced) stop(workers_.at(name));
}

void Supervisor::stop(Worker& worker) {
  worker.is_stopping = true;
  switch (worker.phase) {
    case Worker::Phase::kFetching:
      end_worker(worker.name.worker, not_started(*worker.start, "stopped before it was started"));
      break;
    case Worker::Phase::kStarting: break;  // killed by started()
    case Worker::Phase::kRunning: processes_.kill(worker.name.worker); break;
  }
}

void Supervisor::shut_down() {
  if (is_shutting_down_) return;
  is_shutting_down_ = true;
  options_.say("shutting down, as the coordinator says");
  std::vector<std::string> all;
  for (const auto& [name, worker] : workers_) all.push_back(name);
  for (const std::string& name : all) stop(workers_.at(name));
}

}  // namespace weir::coordinator
