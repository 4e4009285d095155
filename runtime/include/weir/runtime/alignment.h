// Barrier alignment and watermark merge of one task's inputs, as two small automata: event in, next
// state and decision out, no I/O. What simulation and the broken variants drive.
//
// Alignment (rules 1 to 3): an input that has delivered the barrier of the pending checkpoint is
// held back until all others have, too; an ended input counts as aligned for every id; ids only
// rise.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "weir/runtime/ids.h"
#include "weir/runtime/snapshot.h"
#include "weir/runtime/time.h"

namespace weir::runtime {

class BarrierAligner {
 public:
  explicit BarrierAligner(std::uint32_t inputs);

  // A barrier has arrived on `input`. The id of the checkpoint to take now, if this completed it.
  std::optional<CheckpointId> on_barrier(std::uint32_t input, CheckpointId id);
  // `input` delivers nothing more. As above: its end may complete the pending checkpoint.
  std::optional<CheckpointId> on_end(std::uint32_t input);
  // A command to take `id` although no input will deliver it, since all have ended.
  std::optional<CheckpointId> on_command(CheckpointId id);

  // Whether records of `input` must wait.
  bool is_held(std::uint32_t input) const { return held_[input]; }
  bool is_ended(std::uint32_t input) const { return ended_[input]; }
  bool all_ended() const { return ended_count_ == ended_.size(); }
  bool is_aligning() const { return pending_.has_value(); }
  CheckpointId last_id() const { return last_id_; }

 private:
  std::optional<CheckpointId> complete_if_aligned();

  std::vector<bool> held_;
  std::vector<bool> ended_;
  std::uint32_t ended_count_ = 0;
  std::uint32_t held_count_ = 0;
  std::optional<CheckpointId> pending_;
  CheckpointId last_id_{0};
};

// The minimum over all inputs that are neither idle nor ended; holds until every one is known.
class WatermarkMerger {
 public:
  explicit WatermarkMerger(std::uint32_t inputs);

  void on_watermark(std::uint32_t input, EventTime watermark);
  void on_idle(std::uint32_t input);
  // A batch has arrived on `input`: it is not idle.
  void on_data(std::uint32_t input);
  void on_end(std::uint32_t input);

  // The merged watermark: never falls. max() once all inputs have ended.
  EventTime current() const { return current_; }
  // Every input that has not ended is idle.
  bool all_idle() const;
  // The input that holds the watermark back; none if nothing does.
  std::optional<std::uint32_t> holding() const;

  std::vector<ChannelSnapshot> snapshot() const { return inputs_; }
  void restore(const std::vector<ChannelSnapshot>& inputs);

 private:
  void recompute();

  std::vector<ChannelSnapshot> inputs_;
  EventTime current_ = EventTime::min();
};

}  // namespace weir::runtime
