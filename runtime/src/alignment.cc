#include "weir/runtime/alignment.h"

#include <algorithm>

#include "weir/runtime/check.h"

namespace weir::runtime {
namespace {

// The last watermark comes just before the end. It says nothing about idle inputs.
bool is_over(const ChannelSnapshot& in) { return in.ended || in.watermark == EventTime::max(); }

}  // namespace

BarrierAligner::BarrierAligner(std::uint32_t inputs) : held_(inputs), ended_(inputs) {}

std::optional<CheckpointId> BarrierAligner::on_barrier(std::uint32_t input, CheckpointId id) {
  if (id <= last_id_) return std::nullopt;
  if (pending_.has_value() && id < *pending_) return std::nullopt;
  if (!pending_.has_value() || id > *pending_) {
    // A newer checkpoint replaces one that was abandoned upstream.
    std::fill(held_.begin(), held_.end(), false);
    held_count_ = 0;
    pending_ = id;
  }
  WEIR_CHECK(!held_[input] && !ended_[input], "a held or ended input delivers nothing");
  held_[input] = true;
  ++held_count_;
  return complete_if_aligned();
}

std::optional<CheckpointId> BarrierAligner::on_end(std::uint32_t input) {
  WEIR_CHECK(!ended_[input], "an input ends once");
  ended_[input] = true;
  ++ended_count_;
  return complete_if_aligned();
}

std::optional<CheckpointId> BarrierAligner::on_command(CheckpointId id) {
  if (id <= last_id_ || !all_ended()) return std::nullopt;
  pending_ = id;
  return complete_if_aligned();
}

std::optional<CheckpointId> BarrierAligner::complete_if_aligned() {
  if (!pending_.has_value() || held_count_ + ended_count_ < held_.size()) return std::nullopt;
  const CheckpointId id = *pending_;
  last_id_ = id;
  pending_.reset();
  std::fill(held_.begin(), held_.end(), false);
  held_count_ = 0;
  return id;
}

WatermarkMerger::WatermarkMerger(std::uint32_t inputs) : inputs_(inputs) {}

void WatermarkMerger::on_watermark(std::uint32_t input, EventTime watermark) {
  inputs_[input].idle = false;
  if (watermark > inputs_[input].watermark) inputs_[input].watermark = watermark;
  recompute();
}

void WatermarkMerger::on_idle(std::uint32_t input) {
  inputs_[input].idle = true;
  recompute();
}

void WatermarkMerger::on_data(std::uint32_t input) { inputs_[input].idle = false; }

void WatermarkMerger::on_end(std::uint32_t input) {
  inputs_[input].ended = true;
  recompute();
}

bool WatermarkMerger::all_idle() const {
  bool any_idle = false;
  for (const ChannelSnapshot& in : inputs_) {
    if (is_over(in)) continue;
    if (!in.idle) return false;
    any_idle = true;
  }
  return any_idle;
}

std::optional<std::uint32_t> WatermarkMerger::holding() const {
  std::optional<std::uint32_t> lowest;
  for (std::uint32_t i = 0; i < inputs_.size(); ++i) {
    if (inputs_[i].idle || is_over(inputs_[i])) continue;
    if (!lowest.has_value() || inputs_[i].watermark < inputs_[*lowest].watermark) lowest = i;
  }
  return lowest;
}

void WatermarkMerger::restore(const std::vector<ChannelSnapshot>& inputs) {
  WEIR_CHECK(inputs.size() == inputs_.size(), "a snapshot of as many inputs");
  inputs_ = inputs;
  for (ChannelSnapshot& in : inputs_) in.ended = false;
  recompute();
}

void WatermarkMerger::recompute() {
  EventTime lowest = EventTime::max();
  EventTime highest_idle = EventTime::min();
  bool any_active = false;
  bool any_idle = false;
  for (const ChannelSnapshot& in : inputs_) {
    if (is_over(in)) continue;
    if (in.idle) {
      any_idle = true;
      highest_idle = std::max(highest_idle, in.watermark);
      continue;
    }
    any_active = true;
    lowest = std::min(lowest, in.watermark);
  }
  if (!any_active && any_idle) lowest = highest_idle;
  current_ = std::max(current_, lowest);
}

}  // namespace weir::runtime
