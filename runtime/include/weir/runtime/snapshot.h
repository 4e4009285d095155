// What a task hands over at a barrier: plain values, complete when every part of them is durable.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "weir/runtime/ids.h"
#include "weir/runtime/row_store.h"
#include "weir/runtime/time.h"

namespace weir::runtime {

// A state that an operator has declared; listed even when it holds nothing.
struct StateDescriptor {
  std::string name;
  std::string kind;    // "value", "map", "slices", "timers", ...
  std::string schema;  // Codec<...>::schema() of key and value
  std::uint16_t table = 0;
  friend bool operator==(const StateDescriptor&, const StateDescriptor&) = default;
};

// The part of one operator in one task's snapshot.
struct OperatorSnapshot {
  std::string uid;         // the operator's stable name
  std::string task_state;  // encoded; given back to the task of the same index
  // Encoded state per spout partition; moves with the partition.
  std::vector<std::pair<PartitionId, std::string>> partition_states;
  std::vector<StateDescriptor> states;
};

// An input channel at the barrier (rule 19: both belong to the snapshot).
struct ChannelSnapshot {
  EventTime watermark = EventTime::min();
  bool idle = false;
  bool ended = false;
};

// The rows of an old task that a new one restores from, with the states of those of its operators
// that the new one runs; rows of others are left out. No states: all rows, tables as they are.
struct RestoredRows {
  RowSnapshot rows;
  std::vector<StateDescriptor> states;
  std::vector<std::uint16_t> left_out;  // tables of others
};

struct TaskSnapshot {
  std::string uid;          // of the chain: its first operator's uid
  std::uint32_t index = 0;  // 0 .. parallelism - 1
  std::uint32_t parallelism = 1;
  std::vector<OperatorSnapshot> operators;
  std::vector<ChannelSnapshot> channels;
  RowSnapshot rows;
};

}  // namespace weir::runtime
