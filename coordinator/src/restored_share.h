// What of an old attempt's snapshots belongs to a task of the new one. Pure functions; parallelism
// may have changed in between (rule 6: only from a complete, aligned checkpoint).
#pragma once

#include <string>
#include <vector>

#include "weir/coordinator/deployment.h"
#include "weir/runtime/snapshot.h"

namespace weir::coordinator {

// All parts that operator `uid` has handed over, by old task index. Borrowed from `snapshots`.
std::vector<const runtime::OperatorSnapshot*> restored_parts(
    const std::vector<runtime::TaskSnapshot>& snapshots, const std::string& uid);

// The rows of old tasks that hold keys of `task` for one of its operators, whatever other operators
// they were chained with then.
std::vector<runtime::RestoredRows> restored_rows(
    const std::vector<runtime::TaskSnapshot>& snapshots, const runtime::PlanChain& chain,
    const DeployedTask& task);

// One per input, or empty: nothing is known about them. A watermark that is too low only delays, so
// where inputs cannot be told apart the lowest counts for all.
std::vector<runtime::ChannelSnapshot> restored_channels(
    const std::vector<runtime::TaskSnapshot>& snapshots, const std::string& chain_uid,
    const DeployedTask& task, std::size_t inputs);

}  // namespace weir::coordinator
