// The task whose rows a store holds.
#pragma once

#include <cstdint>
#include <string>

#include "weir/runtime/row_store.h"

namespace weir::state {

struct RowOwner {
  std::string task_uid;
  std::uint32_t task_index = 0;
  runtime::KeyGroupRange groups;  // of the task in this attempt
};

}  // namespace weir::state
