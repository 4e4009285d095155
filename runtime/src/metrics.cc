#include "weir/runtime/metrics.h"

namespace weir::runtime {

const char* blocking_reason_name(BlockingReason reason) {
  switch (reason) {
    case BlockingReason::kNone: return "running";
    case BlockingReason::kNoInput: return "no_input";
    case BlockingReason::kNoCredit: return "no_credit";
    case BlockingReason::kAligning: return "aligning";
    case BlockingReason::kEnded: return "ended";
  }
  return "unknown";
}

}  // namespace weir::runtime
