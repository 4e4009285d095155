#include "cluster/job_record.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "absl/strings/escaping.h"
#include "weir/runtime/content_hash.h"

namespace weir::coordinator {
namespace {

using Json = nlohmann::ordered_json;

constexpr int kJobFormat = 1;

std::string encode_plan(const wire::PlanSpecT& plan) {
  flatbuffers::FlatBufferBuilder builder;
  builder.Finish(wire::PlanSpec::Pack(builder, &plan));
  return absl::Base64Escape(absl::string_view(
      reinterpret_cast<const char*>(builder.GetBufferPointer()), builder.GetSize()));
}

bool decode_plan(const std::string& text, wire::PlanSpecT* plan) {
  std::string bytes;
  if (!absl::Base64Unescape(text, &bytes)) return false;
  const auto* data = reinterpret_cast<const std::uint8_t*>(bytes.data());
  flatbuffers::Verifier verifier(data, bytes.size());
  if (bytes.size() < 8 || !verifier.VerifyBuffer<wire::PlanSpec>(nullptr)) return false;
  flatbuffers::GetRoot<wire::PlanSpec>(data)->UnPackTo(plan);
  return true;
}

Json to_json(const JobSpec& spec) {
  return {{"id", spec.id},
          {"submission_id", spec.submission_id},
          {"name", spec.name},
          {"program_sha256", spec.program_sha256},
          {"program_name", spec.program_name},
          {"program_bytes", spec.program_bytes},
          {"arguments", spec.arguments},
          {"working_dir", spec.working_dir},
          {"parallelism", spec.parallelism},
          {"submitted_us", spec.submitted.count()},
          {"from_savepoint", spec.from_savepoint},
          {"dropped", spec.dropped},
          {"plan", encode_plan(spec.plan)}};
}

Json to_json(const LastSavepoint& wish) {
  return {{"dir", wish.dir},
          {"is_due", wish.is_due},
          {"checkpoint", wish.checkpoint},
          {"then", static_cast<std::uint8_t>(wish.then)},
          {"otherwise", static_cast<std::uint8_t>(wish.otherwise)}};
}

wire::JobState state_from(const Json& json) {
  const auto state = static_cast<wire::JobState>(json.get<std::uint8_t>());
  if (state > wire::JobState::MAX) throw Json::other_error::create(500, "unknown state", &json);
  return state;
}

// Records of before there were savepoints have none.
LastSavepoint last_savepoint_from(const Json& json) {
  LastSavepoint wish;
  if (!json.contains("last_savepoint")) return wish;
  const Json& from = json.at("last_savepoint");
  wish.dir = from.at("dir").get<std::string>();
  wish.is_due = from.at("is_due").get<bool>();
  wish.checkpoint = from.at("checkpoint").get<std::uint64_t>();
  wish.then = state_from(from.at("then"));
  wish.otherwise = state_from(from.at("otherwise"));
  return wish;
}

// The accessors throw where a member is missing or of another type; parse_job_record() catches.
std::shared_ptr<const JobSpec> spec_from(const Json& json) {
  auto spec = std::make_shared<JobSpec>();
  spec->id = json.at("id").get<std::string>();
  spec->submission_id = json.value("submission_id", "");
  spec->name = json.at("name").get<std::string>();
  spec->program_sha256 = json.at("program_sha256").get<std::string>();
  spec->program_name = json.at("program_name").get<std::string>();
  spec->program_bytes = json.at("program_bytes").get<std::uint64_t>();
  spec->arguments = json.at("arguments").get<std::vector<std::string>>();
  spec->working_dir = json.at("working_dir").get<std::string>();
  spec->parallelism = json.at("parallelism").get<std::uint32_t>();
  spec->submitted = std::chrono::microseconds(json.at("submitted_us").get<std::int64_t>());
  spec->from_savepoint = json.value("from_savepoint", "");
  spec->dropped = json.value("dropped", std::vector<std::string>());
  if (!decode_plan(json.at("plan").get<std::string>(), &spec->plan)) {
    throw Json::other_error::create(500, "the plan cannot be read", &json);
  }
  return spec;
}

JobRecord record_from(const Json& json) {
  JobRecord record;
  record.spec = spec_from(json.at("spec"));
  if (!json.at("next").is_null()) record.next = spec_from(json.at("next"));
  record.state = state_from(json.at("state"));
  record.goal = static_cast<JobGoal>(json.at("goal").get<std::uint8_t>());
  if (record.goal > JobGoal::kDrain) throw Json::other_error::create(500, "unknown goal", &json);
  record.attempt = json.at("attempt").get<std::uint32_t>();
  record.epoch = json.at("epoch").get<std::uint64_t>();
  record.restarts = json.at("restarts").get<std::uint32_t>();
  for (const Json& worker : json.at("workers")) {
    record.workers.push_back({worker.at("worker").get<std::string>(),
                              worker.at("supervisor").get<std::string>(),
                              worker.at("slots").get<std::uint32_t>()});
  }
  record.last_failure = json.at("last_failure").get<std::string>();
  record.last_savepoint = last_savepoint_from(json);
  record.savepoint = json.value("savepoint", "");
  record.savepoint_checkpoint = json.value("savepoint_checkpoint", std::uint64_t{0});
  record.savepoint_failure = json.value("savepoint_failure", "");
  record.ended = std::chrono::microseconds(json.at("ended_us").get<std::int64_t>());
  if (!absl::Base64Unescape(json.at("figures").get<std::string>(), &record.figures)) {
    throw Json::other_error::create(500, "the figures cannot be read", &json);
  }
  return record;
}

absl::Status damaged(std::string_view place, const std::string& why) {
  return absl::DataLossError(std::string(place) + " is damaged (" + why +
                             "); the job's state folder beside it is not touched: submit the job "
                             "again and start it from there");
}

}  // namespace

std::uint32_t JobSpec::slots_needed() const {
  std::uint32_t largest = 1;
  for (const auto& chain : plan.chains) largest = std::max(largest, chain->parallelism);
  return largest;
}

PlannedTasks tasks_of(const wire::PlanSpecT& plan) {
  PlannedTasks out;
  for (const auto& chain : plan.chains) {
    for (std::uint32_t i = 0; i < chain->parallelism; ++i) {
      const runtime::TaskId id(static_cast<std::uint32_t>(out.tasks.size()));
      out.tasks.push_back({id, chain->is_spout});
      out.index.push_back(i);
      out.names.push_back(chain->uid + " " + std::to_string(i) + "/" +
                          std::to_string(chain->parallelism));
    }
  }
  return out;
}

bool is_ended(wire::JobState state) {
  return state == wire::JobState::Finished || state == wire::JobState::Stopped ||
         state == wire::JobState::Cancelled || state == wire::JobState::Failed;
}

std::string_view state_name(wire::JobState state) {
  constexpr std::string_view kNames[] = {"waiting", "starting", "running", "restarting", "stopping",
                                         "paused",  "finished", "stopped", "cancelled",  "failed"};
  return kNames[static_cast<std::size_t>(state)];
}

std::string to_text(const JobRecord& record) {
  Json workers = Json::array();
  for (const WorkerRecord& worker : record.workers) {
    workers.push_back(
        {{"worker", worker.worker}, {"supervisor", worker.supervisor}, {"slots", worker.slots}});
  }
  const Json job = {{"spec", to_json(*record.spec)},
                    {"next", record.next == nullptr ? Json() : to_json(*record.next)},
                    {"state", static_cast<std::uint8_t>(record.state)},
                    {"state_name", state_name(record.state)},
                    {"goal", static_cast<std::uint8_t>(record.goal)},
                    {"attempt", record.attempt},
                    {"epoch", record.epoch},
                    {"restarts", record.restarts},
                    {"workers", workers},
                    {"last_failure", record.last_failure},
                    {"last_savepoint", to_json(record.last_savepoint)},
                    {"savepoint", record.savepoint},
                    {"savepoint_checkpoint", record.savepoint_checkpoint},
                    {"savepoint_failure", record.savepoint_failure},
                    {"ended_us", record.ended.count()},
                    {"figures", absl::Base64Escape(record.figures)}};
  const std::string body = job.dump(1, ' ', false, Json::error_handler_t::replace);
  return "{\"weir\": \"job\", \"format\": " + std::to_string(kJobFormat) + ", \"xxh3_128\": \"" +
         runtime::content_hash(body) + "\", \"job\":\n" + body + "}\n";
}

absl::StatusOr<JobRecord> parse_job_record(std::string_view text, std::string_view place) {
  const std::size_t line = text.find('\n');
  if (line == std::string_view::npos || text.size() < line + 3) {
    return damaged(place, "it is truncated");
  }
  const std::string_view body = text.substr(line + 1, text.size() - line - 3);
  const Json all = Json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (!all.is_object()) return damaged(place, "it is not JSON");
  try {
    if (all.at("weir") != "job") return damaged(place, "it describes no job");
    if (all.at("format") != kJobFormat) {
      return absl::FailedPreconditionError(std::string(place) +
                                           " was written by another version of Weir: use that");
    }
    if (all.at("xxh3_128").get<std::string>() != runtime::content_hash(body)) {
      return damaged(place, "its content does not fit its hash");
    }
    return record_from(all.at("job"));
  } catch (const Json::exception& wrong) {
    return damaged(place, wrong.what());
  }
}

}  // namespace weir::coordinator
