// Names in the checkpoint store: fixed widths, so that they sort by age and match exactly.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "weir/runtime/ids.h"

namespace weir::state {

// The parts of `e<epoch 8>-c<checkpoint 12>-<task>-<index 5>-<seq 8>-<hash 32>.<extension>`.
struct FileName {
  runtime::Epoch epoch;
  runtime::CheckpointId checkpoint;
  std::string task;  // as task_name() gives it
  std::uint32_t index = 0;
  std::uint64_t sequence = 0;  // counts within the epoch
  std::string hash;
  std::string extension;

  std::string text() const;
  // nullopt unless `name` is exactly what text() would give.
  static std::optional<FileName> parse(std::string_view name);
};

// A task uid as a part of a file name: letters, digits and '_' stay, anything else and what is too
// long is replaced by a hash, so that different uids never share a name.
std::string task_name(std::string_view uid);

// A checkpoint id as a folder name, 12 digits, and back.
std::string checkpoint_name(runtime::CheckpointId id);
std::optional<runtime::CheckpointId> parse_checkpoint_name(std::string_view name);

}  // namespace weir::state
