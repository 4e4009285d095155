// How a record picks the consumer's task.
#pragma once

#include <cstdint>
#include <functional>
#include <string_view>

#include "weir/runtime/batch.h"

namespace weir::runtime {

enum class Grouping : std::uint8_t {
  kForward,     // to the task of the same index; consumer and producer have one parallelism
  kShuffle,     // batches in turn
  kKey,         // by key group of the record's key hash
  kPartialKey,  // to the less loaded of two tasks that the key hash names
  kBroadcast,   // to every task
  kGlobal,      // to task 0
  kCustom,      // as a function of the user's says
};

std::string_view grouping_name(Grouping grouping);

// Fills targets[i] with the task index for record i of the batch; each below `tasks`.
using CustomGrouping =
    std::function<void(const BatchBase& batch, std::uint32_t tasks, std::uint32_t* targets)>;

}  // namespace weir::runtime
