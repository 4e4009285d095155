#include "control/snapshot_message.h"

#include <memory>
#include <string>

namespace weir::coordinator {
namespace {

using runtime::EventTime;
using runtime::KeyGroup;
using runtime::PartitionId;

std::vector<std::uint8_t> bytes_of(const std::string& text) { return {text.begin(), text.end()}; }
std::string text_of(const std::vector<std::uint8_t>& bytes) { return {bytes.begin(), bytes.end()}; }

std::unique_ptr<wire::OperatorSnapshotT> to_wire(const runtime::OperatorSnapshot& op) {
  auto out = std::make_unique<wire::OperatorSnapshotT>();
  out->uid = op.uid;
  out->task_state = bytes_of(op.task_state);
  for (const auto& [id, state] : op.partition_states) {
    auto part = std::make_unique<wire::PartitionStateT>();
    part->partition = id.value;
    part->state = bytes_of(state);
    out->partitions.push_back(std::move(part));
  }
  for (const runtime::StateDescriptor& state : op.states) {
    auto made = std::make_unique<wire::StateDescriptorT>();
    made->name = state.name;
    made->kind = state.kind;
    made->schema = state.schema;
    made->table_id = state.table;
    out->states.push_back(std::move(made));
  }
  return out;
}

runtime::OperatorSnapshot from_wire(const wire::OperatorSnapshotT& op) {
  runtime::OperatorSnapshot out;
  out.uid = op.uid;
  out.task_state = text_of(op.task_state);
  for (const auto& part : op.partitions) {
    out.partition_states.emplace_back(PartitionId(part->partition), text_of(part->state));
  }
  for (const auto& state : op.states) {
    out.states.push_back({state->name, state->kind, state->schema, state->table_id});
  }
  return out;
}

}  // namespace

wire::TaskSnapshotT to_wire(const runtime::TaskSnapshot& snapshot) {
  wire::TaskSnapshotT out;
  out.uid = snapshot.uid;
  out.index = snapshot.index;
  out.parallelism = snapshot.parallelism;
  for (const runtime::OperatorSnapshot& op : snapshot.operators) {
    out.operators.push_back(to_wire(op));
  }
  for (const runtime::ChannelSnapshot& channel : snapshot.channels) {
    auto made = std::make_unique<wire::ChannelSnapshotT>();
    made->watermark_us = channel.watermark.micros();
    made->idle = channel.idle;
    made->ended = channel.ended;
    out.channels.push_back(std::move(made));
  }
  out.rows_format = snapshot.rows.format;
  out.first_group = snapshot.rows.groups.first.value;
  out.last_group = snapshot.rows.groups.last.value;
  for (const runtime::SnapshotFile& file : snapshot.rows.files) {
    auto made = std::make_unique<wire::FileRefT>();
    made->name = file.name;
    made->bytes = file.bytes;
    made->hash = file.hash;
    out.files.push_back(std::move(made));
  }
  out.rows_meta = bytes_of(snapshot.rows.meta);
  return out;
}

runtime::TaskSnapshot from_wire(const wire::TaskSnapshotT& snapshot) {
  runtime::TaskSnapshot out;
  out.uid = snapshot.uid;
  out.index = snapshot.index;
  out.parallelism = snapshot.parallelism;
  for (const auto& op : snapshot.operators) out.operators.push_back(from_wire(*op));
  for (const auto& channel : snapshot.channels) {
    out.channels.push_back({EventTime(channel->watermark_us), channel->idle, channel->ended});
  }
  out.rows.format = snapshot.rows_format;
  out.rows.groups = {KeyGroup(snapshot.first_group), KeyGroup(snapshot.last_group)};
  for (const auto& file : snapshot.files) {
    out.rows.files.push_back({file->name, file->bytes, file->hash});
  }
  out.rows.meta = text_of(snapshot.rows_meta);
  return out;
}

}  // namespace weir::coordinator
