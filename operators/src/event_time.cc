#include "weir/operators/event_time.h"

#include <algorithm>

#include "weir/runtime/codec.h"

namespace weir::operators {

absl::Status WatermarkAssigner::open(runtime::OperatorContext& context) {
  partitions_.resize(context.partitions->ids.size());
  for (std::size_t i = 0; i < partitions_.size(); ++i) {
    for (const runtime::OperatorSnapshot* part : context.restored) {
      for (const auto& [id, bytes] : part->partition_states) {
        if (id != context.partitions->ids[i]) continue;
        std::int64_t largest = 0;
        if (!runtime::decode_from(bytes, largest)) {
          return absl::DataLossError("the watermark of partition " + std::to_string(id.value) +
                                     " in the checkpoint cannot be decoded");
        }
        partitions_[i].largest = largest;
      }
    }
  }
  const absl::Status status = runtime::Operator::open(context);
  for (Partition& p : partitions_) {
    if (p.largest != EventTime::min().micros()) raise(p, p.largest);
  }
  recompute();
  return status;
}

// The watermark after `largest`, and the event time that will move it on.
void WatermarkAssigner::raise(Partition& p, std::int64_t largest) const {
  p.largest = largest;
  const runtime::Duration step(std::max<std::int64_t>(context().watermark_step.count(), 1));
  set_watermark(p, runtime::floor_to(EventTime(largest) - bound_, step));
}

void WatermarkAssigner::set_watermark(Partition& p, EventTime watermark) const {
  const runtime::Duration step(std::max<std::int64_t>(context().watermark_step.count(), 1));
  p.watermark = watermark;
  p.cut_at = (watermark + step + bound_).micros();
}

void WatermarkAssigner::refuse(std::int64_t time) {
  context().fail(absl::InvalidArgumentError(
      "operator '" + context().name + "' (task " + std::to_string(context().task_index) +
      ", declared at " + context().place + "): a record has the event time " +
      std::to_string(time) +
      " us, more than 146,000 years from 1970; filter such records out "
      "before .event_time, or check the unit of the field"));
}

void WatermarkAssigner::on_times(runtime::BatchBase& batch, std::int64_t largest) {
  Partition& p = partitions_[batch.partition];
  if (p.idle) {
    // Back again: the others have gone on meanwhile, and windows have fired without it.
    p.idle = false;
    if (current_ > p.watermark) set_watermark(p, current_);
  }
  batch.has_times = true;
  batch.runs().clear();
  batch.runs().push_back({0, p.watermark});
  if (largest <= p.largest) return;
  runtime::Gauge& shown = context().metrics->largest_time;
  if (largest > shown.get()) shown.set(largest);
  const bool is_stepped = context().watermark_step.count() != 0;
  if (largest < p.cut_at) {
    p.largest = largest;
    return;
  }
  if (!is_stepped) {  // nobody judges lateness: the batch is one run
    raise(p, largest);
    recompute();
    return;
  }
  const std::int64_t* times = batch.times();
  const std::uint32_t n = batch.size();
  for (std::uint32_t i = 0; i < n; ++i) {
    if (times[i] < p.cut_at) continue;
    raise(p, times[i]);
    if (i + 1 < n) batch.runs().push_back({i + 1, p.watermark});
  }
  p.largest = std::max(p.largest, largest);
  recompute();
}

void WatermarkAssigner::recompute() {
  EventTime lowest = EventTime::max();
  bool any_active = false;
  for (const Partition& p : partitions_) {
    if (p.ended || p.idle) continue;
    any_active = true;
    lowest = std::min(lowest, p.watermark);
  }
  if (!any_active) {
    // Only idle ones are left (ended ones release the rest at the end of input): stay at the
    // highest.
    lowest = EventTime::min();
    for (const Partition& p : partitions_) {
      if (!p.ended) lowest = std::max(lowest, p.watermark);
    }
  }
  current_ = std::max(current_, lowest);
}

EventTime WatermarkAssigner::output_watermark(EventTime input) {
  return input == EventTime::max() ? input : current_;
}

void WatermarkAssigner::snapshot(runtime::CheckpointId, runtime::OperatorSnapshot& out,
                                 runtime::IoWork&) {
  for (std::size_t i = 0; i < partitions_.size(); ++i) {
    out.partition_states.emplace_back(context().partitions->ids[i],
                                      runtime::encode_to_string(partitions_[i].largest));
  }
}

void WatermarkAssigner::partition_ended(std::uint32_t index) {
  partitions_[index].ended = true;
  recompute();
}

void WatermarkAssigner::partition_idle(std::uint32_t index, bool idle) {
  partitions_[index].idle = idle;
  recompute();
}

}  // namespace weir::operators
