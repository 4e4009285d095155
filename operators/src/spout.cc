#include "weir/operators/spout.h"

namespace weir::operators {

using runtime::MonotonicTime;
using runtime::PartitionId;
using runtime::PollResult;

absl::Status SpoutDriver::open(runtime::OperatorContext& context) {
  absl::Status status = runtime::SpoutOperator::open(context);
  if (!status.ok()) return status;
  const std::uint32_t count = partition_count();
  if (count == 0) return absl::InvalidArgumentError("the spout has no partitions");
  for (std::uint32_t p = context.task_index; p < count; p += context.parallelism) {
    const std::string* resume = nullptr;
    for (const runtime::OperatorSnapshot* part : context.restored) {
      for (const auto& [id, bytes] : part->partition_states) {
        if (id.value == p) resume = &bytes;
      }
    }
    if (resume == nullptr && !context.restored.empty()) {
      return absl::DataLossError("the checkpoint has no position for partition " +
                                 std::to_string(p) +
                                 "; the spout's partitions must not change between runs");
    }
    const auto index = static_cast<std::uint32_t>(partitions_.size());
    context.partitions->ids.push_back(PartitionId(p));
    partitions_.emplace_back();
    partitions_.back().last_data = context.clock->now();
    status = open_partition(index, PartitionId(p), resume);
    if (!status.ok()) return status;
  }
  active_ = static_cast<std::uint32_t>(partitions_.size());
  return absl::OkStatus();
}

PollResult SpoutDriver::poll() {
  if (active_ == 0) return {PollResult::State::kEnd, MonotonicTime::max()};
  const auto count = static_cast<std::uint32_t>(partitions_.size());
  MonotonicTime next_wake = MonotonicTime::max();
  for (std::uint32_t tried = 0; tried < count; ++tried) {
    const std::uint32_t index = turn_;
    turn_ = turn_ + 1 == count ? 0 : turn_ + 1;
    PartitionState& p = partitions_[index];
    if (p.ended) continue;
    const std::int64_t before = context().metrics->records_out.get();
    const Poll polled = poll_partition(index);
    const bool had_data = context().metrics->records_out.get() != before;
    if (polled.state == Poll::State::kMore && !p.idle) {
      p.was_busy = true;
      return {};
    }
    note_result(index, polled, had_data);
    if (had_data || polled.state == Poll::State::kMore) return {};
    if (active_ == 0) return {PollResult::State::kEnd, MonotonicTime::max()};
    if (polled.state == Poll::State::kWait) {
      next_wake = std::min(next_wake, polled.wake_at);
      if (!p.idle) next_wake = std::min(next_wake, p.last_data + context().idle_timeout);
    }
  }
  return {PollResult::State::kWait, next_wake};
}

void SpoutDriver::note_result(std::uint32_t index, const Poll& polled, bool had_data) {
  using Kind = PartitionEvent::Kind;
  PartitionState& p = partitions_[index];
  const MonotonicTime now = context().clock->now();
  if (had_data || p.was_busy) p.last_data = now;
  p.was_busy = false;
  if (polled.state == Poll::State::kEnd) {
    p.ended = true;
    --active_;
    if (p.idle) --idle_;
    events_.push_back({index, Kind::kEnded});
    return;
  }
  if (had_data && p.idle) {
    p.idle = false;
    --idle_;
    events_.push_back({index, Kind::kActive});
  } else if (!had_data && !p.idle && polled.state == Poll::State::kWait &&
             now - p.last_data >= context().idle_timeout) {
    p.idle = true;
    ++idle_;
    events_.push_back({index, Kind::kIdle});
  }
}

std::vector<SpoutDriver::PartitionEvent> SpoutDriver::take_partition_events() {
  return std::exchange(events_, {});
}

void SpoutDriver::snapshot(runtime::CheckpointId, runtime::OperatorSnapshot& out,
                           runtime::IoWork&) {
  for (std::uint32_t i = 0; i < partitions_.size(); ++i) {
    out.partition_states.emplace_back(context().partitions->ids[i], encode_position(i));
  }
}

}  // namespace weir::operators
