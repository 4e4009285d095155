#include "simulator/simulated_host.h"

#include <algorithm>

#include "cluster/job_record.h"

namespace weir::simulation {

using coordinator::WorkerExit;
using coordinator::WorkerStart;

absl::StatusOr<std::uint64_t> SimulatedPrograms::append(const std::string& sha256,
                                                        std::uint64_t offset, std::uint64_t total,
                                                        std::string_view bytes) {
  if (has(sha256)) return total;
  std::string& part = parts_[sha256];
  if (offset > part.size()) return absl::FailedPreconditionError("a gap");
  if (offset == part.size()) part += bytes;
  if (part.size() == total && total != 0) programs_[sha256] = part;
  return part.size();
}

absl::StatusOr<SimulatedPrograms::Part> SimulatedPrograms::read(const std::string& sha256,
                                                                std::uint64_t offset,
                                                                std::uint64_t most) const {
  const auto found = programs_.find(sha256);
  if (found == programs_.end()) return absl::NotFoundError("there is no such program");
  const std::string& all = found->second;
  return Part{all.size(), offset >= all.size() ? "" : all.substr(offset, most)};
}

SimulatedHost::WorkerProcess::~WorkerProcess() {
  process->crash();
  network->crash(*process);
  worker.reset();
}

SimulatedHost::~SimulatedHost() = default;

std::vector<SimulatedHost::Running> SimulatedHost::adopt(std::function<void(WorkerExit)> on_exit) {
  on_exit_ = std::move(on_exit);
  std::vector<Running> running;
  for (const auto& [name, worker] : workers_) {
    if (!worker->is_killed) running.push_back({worker->name, worker->pid});
  }
  return running;
}

std::string SimulatedHost::can_commit_before(const coordinator::WorkerName& starting) const {
  for (const auto& [name, worker] : workers_) {
    if (worker->is_killed || worker->worker->is_done()) continue;
    if (worker->name.epoch >= starting.epoch || !worker->worker->may_commit()) continue;
    // Where a job goes on from another's savepoint, workers that are cut off have not heard of
    // their end.
    if (worker->name.job == starting.job || !is_over(worker->name.job)) return name;
  }
  return "";
}

bool SimulatedHost::is_over(const std::string& job) const {
  const std::string path = "/cluster/jobs/" + job + "/job.json";
  const absl::StatusOr<std::string> text = world_.storage.read(path);
  if (!text.ok()) return false;
  const absl::StatusOr<coordinator::JobRecord> record = coordinator::parse_job_record(*text, path);
  if (!record.ok()) return false;
  return record->state == coordinator::wire::JobState::Stopped ||
         record->state == coordinator::wire::JobState::Finished;
}

// Names are never used twice, and an attempt begins when nothing of those before has an effect.
void SimulatedHost::judge_start(const coordinator::WorkerName& name) {
  if (!world_.violation.empty()) return;
  world_.last_epoch = std::max(world_.last_epoch, name.epoch);
  if (!world_.started.insert(name.worker).second) {
    world_.violation = "worker " + name.worker + " is started a second time";
  }
  for (const SimulatedHost* host : world_.hosts) {
    const std::string old = host->can_commit_before(name);
    if (old.empty()) continue;
    world_.violation = "worker " + name.worker + " is started while " + old + " can still commit";
  }
}

absl::StatusOr<std::int32_t> SimulatedHost::start(const WorkerStart& start) {
  const auto variable = [&](const char* name) {
    for (const auto& [key, value] : start.environment) {
      if (key == name) return value;
    }
    return std::string();
  };
  SimLoad load = world_.load;
  for (const std::string& argument : start.arguments) {
    constexpr std::string_view kParallelism = "--parallelism=";
    if (argument.starts_with(kParallelism)) {
      load.parallelism = static_cast<std::uint32_t>(
          std::strtoul(argument.c_str() + kParallelism.size(), nullptr, 10));
    }
  }
  judge_start(start.name);
  auto made = std::make_unique<WorkerProcess>();
  made->name = start.name;
  made->pid = world_.next_pid++;
  made->network = &world_.network;
  made->plan = sim_plan(load);
  made->process = world_.processes.start(start.name.worker);
  coordinator::WorkerOptions options;
  options.identity = {.worker = start.name.worker,
                      .coordinator = variable("WEIR_COORDINATOR"),
                      .job = start.name.job,
                      .job_name = variable("WEIR_JOB_NAME"),
                      .work_dir = "/scratch/" + start.name.worker,
                      .epoch = start.name.epoch,
                      .slots = start.name.slots};
  options.job.parallelism = load.parallelism;
  options.job.batch_size = 16;
  options.clock = &world_.processes.clock();
  options.executor = made->process.get();
  options.transport = &world_.network.transport(*made->process);
  options.storage = &world_.storage;
  made->worker = std::make_unique<coordinator::Worker>(*made->plan, std::move(options));
  const absl::Status started = made->worker->start();
  if (!started.ok()) return started;
  const std::int32_t pid = made->pid;
  workers_[start.name.worker] = std::move(made);
  return pid;
}

void SimulatedHost::kill(const std::string& worker) {
  const auto found = workers_.find(worker);
  if (found != workers_.end()) found->second->is_killed = true;
}

void SimulatedHost::report(const WorkerProcess& ended) {
  if (!on_exit_) return;
  WorkerExit exit;
  exit.worker = ended.name.worker;
  exit.pid = ended.pid;
  if (ended.is_killed) {
    exit.signal = 9;
  } else {
    exit.exit_code = ended.worker->result().ok() ? 0 : 1;
    exit.log_tail = ended.worker->result().ToString();
  }
  on_exit_(exit);
}

void SimulatedHost::reap() {
  for (auto it = workers_.begin(); it != workers_.end();) {
    if (!it->second->is_killed && !it->second->worker->is_done()) {
      ++it;
      continue;
    }
    const std::unique_ptr<WorkerProcess> ended = std::move(it->second);
    it = workers_.erase(it);
    report(*ended);
  }
}

std::vector<std::string> SimulatedHost::workers() const {
  std::vector<std::string> names;
  for (const auto& [name, worker] : workers_) names.push_back(name);
  return names;
}

runtime::SimulatedProcess* SimulatedHost::process_of(const std::string& worker) {
  const auto found = workers_.find(worker);
  return found == workers_.end() ? nullptr : found->second->process.get();
}

}  // namespace weir::simulation
