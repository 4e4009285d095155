#include "weir/state/manifest.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "sealed_json.h"

namespace weir::state {
namespace {

using runtime::ChannelSnapshot;
using runtime::OperatorSnapshot;
using runtime::PartitionId;
using runtime::RowSnapshot;
using runtime::SnapshotFile;
using runtime::StateDescriptor;
using runtime::TaskSnapshot;

Json to_json(const OperatorSnapshot& op) {
  Json partitions = Json::array();
  for (const auto& [partition, state] : op.partition_states) {
    partitions.push_back({{"partition", partition.value}, {"state", to_base64(state)}});
  }
  Json states = Json::array();
  for (const StateDescriptor& s : op.states) {
    states.push_back(
        {{"name", s.name}, {"kind", s.kind}, {"schema", s.schema}, {"table", s.table}});
  }
  return {{"uid", op.uid},
          {"task_state", to_base64(op.task_state)},
          {"partition_states", std::move(partitions)},
          {"states", std::move(states)}};
}

Json to_json(const RowSnapshot& rows) {
  Json files = Json::array();
  for (const SnapshotFile& f : rows.files) {
    files.push_back({{"name", f.name}, {"bytes", f.bytes}, {"hash", f.hash}});
  }
  return {{"format", rows.format},
          {"first_group", rows.groups.first.value},
          {"last_group", rows.groups.last.value},
          {"files", std::move(files)},
          {"meta", to_base64(rows.meta)}};
}

Json to_json(const TaskSnapshot& task) {
  Json operators = Json::array();
  for (const OperatorSnapshot& op : task.operators) operators.push_back(to_json(op));
  Json channels = Json::array();
  for (const ChannelSnapshot& c : task.channels) {
    channels.push_back({{"watermark", c.watermark.micros()}, {"idle", c.idle}, {"ended", c.ended}});
  }
  return {{"uid", task.uid},
          {"index", task.index},
          {"parallelism", task.parallelism},
          {"operators", std::move(operators)},
          {"channels", std::move(channels)},
          {"rows", to_json(task.rows)}};
}

OperatorSnapshot read_operator(JsonReader in) {
  OperatorSnapshot op;
  op.uid = in.text("uid");
  op.task_state = in.bytes("task_state");
  for (const Json& element : in.array("partition_states")) {
    JsonReader p = in.inside(element);
    const auto partition = static_cast<std::uint32_t>(p.number("partition"));
    op.partition_states.emplace_back(PartitionId(partition), p.bytes("state"));
  }
  for (const Json& element : in.array("states")) {
    JsonReader s = in.inside(element);
    StateDescriptor& state = op.states.emplace_back();
    state.name = s.text("name");
    state.kind = s.text("kind");
    state.schema = s.text("schema");
    state.table = static_cast<std::uint16_t>(s.number("table"));
  }
  return op;
}

RowSnapshot read_rows(JsonReader in) {
  RowSnapshot rows;
  rows.format = in.text("format");
  rows.groups.first = runtime::KeyGroup(static_cast<std::uint16_t>(in.number("first_group")));
  rows.groups.last = runtime::KeyGroup(static_cast<std::uint16_t>(in.number("last_group")));
  for (const Json& element : in.array("files")) {
    JsonReader f = in.inside(element);
    SnapshotFile& file = rows.files.emplace_back();
    file.name = f.text("name");
    file.bytes = f.number("bytes");
    file.hash = f.text("hash");
  }
  rows.meta = in.bytes("meta");
  return rows;
}

const Json& object_in(const Json& object, const char* name) {
  static const Json kNothing = Json::object();
  const auto it = object.find(name);
  return it == object.end() ? kNothing : *it;
}

TaskSnapshot read_task(const Json& object, JsonReader in) {
  TaskSnapshot task;
  task.uid = in.text("uid");
  task.index = static_cast<std::uint32_t>(in.number("index"));
  task.parallelism = static_cast<std::uint32_t>(in.number("parallelism"));
  for (const Json& element : in.array("operators")) {
    task.operators.push_back(read_operator(in.inside(element)));
  }
  for (const Json& element : in.array("channels")) {
    JsonReader c = in.inside(element);
    ChannelSnapshot& channel = task.channels.emplace_back();
    channel.watermark = runtime::EventTime(c.signed_number("watermark"));
    channel.idle = c.flag("idle");
    channel.ended = c.flag("ended");
  }
  if (object.is_object()) task.rows = read_rows(in.inside(object_in(object, "rows")));
  return task;
}

}  // namespace

std::string Manifest::to_text() const {
  Json tasks_json = Json::array();
  for (const TaskSnapshot& task : tasks) tasks_json.push_back(to_json(task));
  const Json object = {{"weir", "checkpoint"},
                       {"format", kStateFormat},
                       {"job", job},
                       {"topology", topology},
                       {"checkpoint", id.value},
                       {"epoch", epoch.value},
                       {"wall_time_us", wall_time.count()},
                       {"max_parallelism", max_parallelism},
                       {"final", final},
                       {"plan", plan},
                       {"tasks", std::move(tasks_json)}};
  return seal(object);
}

absl::StatusOr<Manifest> Manifest::parse(std::string_view text, std::string_view place) {
  absl::StatusOr<Json> json = unseal(text, place);
  if (!json.ok()) return json.status();
  absl::Status status;
  JsonReader in(*json, place, &status);
  if (const std::uint64_t format = in.number("format"); status.ok() && format != kStateFormat) {
    return absl::FailedPreconditionError(
        absl::StrCat(absl::string_view(place.data(), place.size()), " has state format ", format,
                     ", and this program reads format ", kStateFormat,
                     ": use the version of Weir that wrote it, or start with a new state folder"));
  }
  Manifest manifest;
  manifest.job = in.text("job");
  manifest.topology = in.text("topology");
  manifest.plan = in.text("plan");
  manifest.id = runtime::CheckpointId(in.number("checkpoint"));
  manifest.epoch = runtime::Epoch(in.number("epoch"));
  manifest.wall_time = std::chrono::microseconds(in.signed_number("wall_time_us"));
  manifest.max_parallelism = static_cast<std::uint32_t>(in.number("max_parallelism"));
  manifest.final = in.flag("final");
  for (const Json& task : in.array("tasks")) {
    manifest.tasks.push_back(read_task(task, in.inside(task)));
  }
  if (!status.ok()) return status;
  return manifest;
}

}  // namespace weir::state
