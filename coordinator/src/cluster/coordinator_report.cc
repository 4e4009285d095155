// Jobs and cluster as they are told to people.
#include <algorithm>
#include <limits>

#include "cluster/cluster_coordinator.h"

namespace weir::coordinator {

namespace {

constexpr std::int64_t kNoTime = std::numeric_limits<std::int64_t>::min();

// The same operator in several workers.
void add(const wire::OperatorInfoT& from, wire::OperatorInfoT& into) {
  into.records_in += from.records_in;
  into.records_out += from.records_out;
  into.late += from.late;
  into.bad += from.bad;
  into.largest_time_us = std::max(into.largest_time_us, from.largest_time_us);
}

// Into a JobInfo, or into the figures of all workers together.
template <class Table>
void add_metrics(const wire::WorkerMetricsT& metrics, Table& into) {
  for (const auto& op : metrics.operators) {
    const auto known = std::find_if(into.operators.begin(), into.operators.end(),
                                    [&](const auto& other) { return other->uid == op->uid; });
    if (known == into.operators.end()) {
      into.operators.push_back(std::make_unique<wire::OperatorInfoT>(*op));
    } else {
      add(*op, **known);
    }
  }
  for (const auto& task : metrics.tasks) {
    into.tasks.push_back(std::make_unique<wire::TaskInfoT>(*task));
  }
}

void add_figures(const std::string& bytes, wire::JobInfoT& info) {
  const auto* data = reinterpret_cast<const std::uint8_t*>(bytes.data());
  flatbuffers::Verifier verifier(data, bytes.size());
  if (bytes.size() < 8 || !verifier.VerifyBuffer<wire::WorkerMetrics>(nullptr)) return;
  wire::WorkerMetricsT metrics;
  flatbuffers::GetRoot<wire::WorkerMetrics>(data)->UnPackTo(&metrics);
  add_metrics(metrics, info);
}

void add_sums(wire::JobInfoT& info) {
  info.watermark_us = kNoTime;
  info.largest_time_us = kNoTime;
  for (const auto& op : info.operators) {
    if (op->is_spout) info.records_read += op->records_out;
    if (op->is_sink) info.records_written += op->records_in;
    info.late += op->late;
    info.largest_time_us = std::max(info.largest_time_us, op->largest_time_us);
  }
  std::sort(info.tasks.begin(), info.tasks.end(),
            [](const auto& a, const auto& b) { return a->task < b->task; });
  for (const auto& task : info.tasks) {
    const bool is_first = &task == &info.tasks.front();
    info.watermark_us =
        is_first ? task->watermark_us : std::min(info.watermark_us, task->watermark_us);
  }
}

std::int64_t micros(runtime::MonotonicTime time) {
  return std::chrono::duration_cast<std::chrono::microseconds>(time).count();
}

}  // namespace

std::string ClusterCoordinator::pack_figures(const Job& job) {
  wire::WorkerMetricsT all;
  for (const auto& [name, metrics] : job.metrics) add_metrics(metrics, all);
  flatbuffers::FlatBufferBuilder builder;
  builder.Finish(wire::WorkerMetrics::Pack(builder, &all));
  return {reinterpret_cast<const char*>(builder.GetBufferPointer()), builder.GetSize()};
}

wire::JobInfoT ClusterCoordinator::describe(const Job& job) const {
  const JobLife& life = job.life;
  const JobSpec& spec = life.spec();
  wire::JobInfoT info;
  info.id = spec.id;
  info.name = spec.name;
  info.state = life.state();
  info.attempt = life.record().attempt;
  info.epoch = life.epoch();
  info.restarts = life.record().restarts;
  info.parallelism = spec.parallelism;
  info.submitted_us = spec.submitted.count();
  info.ended_us = job.ended.count();
  info.slots_needed = spec.slots_needed();
  info.slots_missing = life.wants_slots() ? job.slots_missing : 0;
  info.last_failure = life.record().last_failure;
  info.plan = spec.plan.printed;
  info.program_sha256 = spec.program_sha256;
  info.program_name = spec.program_name;
  info.arguments = spec.arguments;
  info.working_dir = spec.working_dir;
  info.from_savepoint = spec.from_savepoint;
  info.savepoint = life.record().savepoint;
  info.savepoint_failure = life.record().savepoint_failure;
  info.is_stopping = !is_ended(life.state()) && life.record().goal != JobGoal::kRun;
  for (const JobLife::Worker& worker : life.workers()) {
    if (worker.is_gone()) continue;
    auto entry = std::make_unique<wire::WorkerInfoT>();
    entry->worker = worker.name;
    entry->supervisor = worker.supervisor;
    const auto supervisor = supervisors_.find(worker.supervisor);
    if (supervisor != supervisors_.end()) entry->host = supervisor->second.host;
    entry->pid = worker.pid;
    entry->slots = worker.slots;
    info.workers.push_back(std::move(entry));
  }
  for (const auto& [name, metrics] : job.metrics) add_metrics(metrics, info);
  if (job.metrics.empty()) add_figures(job.figures, info);
  add_sums(info);
  const JobLife::CheckpointFigures& checkpoints = life.checkpoints();
  info.last_checkpoint = checkpoints.last.value;
  info.checkpoints = checkpoints.complete;
  info.failed_checkpoints = checkpoints.failed;
  info.checkpoint_took_us = micros(checkpoints.took);
  if (checkpoints.last.value != 0) info.checkpoint_age_us = micros(clock().now() - checkpoints.at);
  info.checkpoint_bytes = checkpoints.bytes;
  return info;
}

wire::ClusterT ClusterCoordinator::describe_cluster() const {
  wire::ClusterT cluster;
  cluster.version = options_.version;
  cluster.dir = folder_->dir();
  cluster.pid = options_.pid;
  const std::vector<FreeSlots> free = free_slots();
  for (const auto& [name, supervisor] : supervisors_) {
    auto entry = std::make_unique<wire::SupervisorInfoT>();
    entry->supervisor = name;
    entry->host = supervisor.host;
    entry->slots = supervisor.slots;
    entry->is_alive = supervisor.is_alive;
    entry->pid = supervisor.pid;
    for (const FreeSlots& offer : free) {
      if (offer.supervisor == name) entry->free_slots = offer.slots;
    }
    cluster.supervisors.push_back(std::move(entry));
  }
  return cluster;
}

}  // namespace weir::coordinator
