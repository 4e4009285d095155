#include "weir/operators/bolt.h"

namespace weir::operators {

std::vector<std::string> saved_states(const runtime::OperatorContext& context) {
  std::vector<std::string> saved;
  for (const runtime::OperatorSnapshot* part : context.restored) saved.push_back(part->task_state);
  return saved;
}

}  // namespace weir::operators
