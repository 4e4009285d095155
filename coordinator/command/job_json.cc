// The JSON half of job_text.h. Names and units as in docs/reference/command.md.
#include <limits>
#include <nlohmann/json.hpp>

#include "job_text.h"

namespace weir::coordinator {
namespace {

using nlohmann::json;

// Times that nobody knows are null.
json time_json(std::int64_t us) {
  if (us == std::numeric_limits<std::int64_t>::min() ||
      us == std::numeric_limits<std::int64_t>::max()) {
    return nullptr;
  }
  return us;
}

json workers_json(const wire::JobInfoT& job) {
  json out = json::array();
  for (const auto& worker : job.workers) {
    out.push_back({{"worker", worker->worker},
                   {"supervisor", worker->supervisor},
                   {"host", worker->host},
                   {"pid", worker->pid},
                   {"slots", worker->slots}});
  }
  return out;
}

json operators_json(const wire::JobInfoT& job) {
  json out = json::array();
  for (const auto& op : job.operators) {
    out.push_back({{"uid", op->uid},
                   {"kind", op->kind},
                   {"detail", op->detail},
                   {"is_spout", op->is_spout},
                   {"is_sink", op->is_sink},
                   {"records_in", op->records_in},
                   {"records_out", op->records_out},
                   {"late", op->late},
                   {"bad", op->bad}});
  }
  return out;
}

json tasks_json(const wire::JobInfoT& job) {
  json out = json::array();
  for (const auto& task : job.tasks) {
    out.push_back({{"task", task->task},
                   {"name", task->name},
                   {"worker", task->worker},
                   {"watermark_us", time_json(task->watermark_us)},
                   {"blocking", task->blocking},
                   {"held_by", task->held_by},
                   {"state_bytes", task->state_bytes},
                   {"busy_permille", task->busy_permille}});
  }
  return out;
}

}  // namespace

json job_json(const wire::JobInfoT& job) {
  return {{"id", job.id},
          {"name", job.name},
          {"state", state_name(job.state)},
          {"is_over", is_ended(job.state)},
          {"attempt", job.attempt},
          {"epoch", job.epoch},
          {"restarts", job.restarts},
          {"parallelism", job.parallelism},
          {"program", job.program_name},
          {"program_sha256", job.program_sha256},
          {"arguments", job.arguments},
          {"working_dir", job.working_dir},
          {"from_savepoint", job.from_savepoint},
          {"savepoint", job.savepoint},
          {"savepoint_failure", job.savepoint_failure},
          {"submitted_us", job.submitted_us},
          {"ended_us", job.ended_us == 0 ? json(nullptr) : json(job.ended_us)},
          {"slots", {{"needed", job.slots_needed}, {"missing", job.slots_missing}}},
          {"records_read", job.records_read},
          {"records_written", job.records_written},
          {"late", job.late},
          {"watermark_us", time_json(job.watermark_us)},
          {"largest_time_us", time_json(job.largest_time_us)},
          {"checkpoints",
           {{"last", job.last_checkpoint},
            {"complete", job.checkpoints},
            {"failed", job.failed_checkpoints},
            {"took_us", job.checkpoint_took_us},
            {"age_us", job.checkpoint_age_us},
            {"bytes", job.checkpoint_bytes}}},
          {"last_failure", job.last_failure},
          {"workers", workers_json(job)},
          {"operators", operators_json(job)},
          {"tasks", tasks_json(job)}};
}

json cluster_json(const wire::ClusterT& cluster) {
  json supervisors = json::array();
  for (const auto& supervisor : cluster.supervisors) {
    supervisors.push_back({{"supervisor", supervisor->supervisor},
                           {"host", supervisor->host},
                           {"pid", supervisor->pid},
                           {"slots", supervisor->slots},
                           {"free_slots", supervisor->free_slots},
                           {"is_alive", supervisor->is_alive}});
  }
  return {{"version", cluster.version},
          {"dir", cluster.dir},
          {"pid", cluster.pid},
          {"supervisors", supervisors}};
}

json event_json(const wire::JobEventT& event) {
  return {{"time_us", event.time_us}, {"kind", event.kind}, {"text", event.text}};
}

std::string shown_json(const json& value, int indent) {
  return value.dump(indent, ' ', false, json::error_handler_t::replace) + "\n";
}

}  // namespace weir::coordinator
