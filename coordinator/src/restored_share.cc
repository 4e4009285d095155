#include "restored_share.h"

#include <algorithm>
#include <set>

namespace weir::coordinator {

using runtime::ChannelSnapshot;
using runtime::EventTime;
using runtime::OperatorSnapshot;
using runtime::PlanChain;
using runtime::PlanOperator;
using runtime::RowSnapshot;
using runtime::TaskSnapshot;

namespace {

// Folds `from` into `into`: what holds for both.
void merge(const ChannelSnapshot& from, ChannelSnapshot& into) {
  into.watermark = std::min(into.watermark, from.watermark);
  into.idle = into.idle && from.idle;
}

// The operators of an old task that have declared keyed tables, in order: it numbers their rows.
std::vector<std::string> operators_with_rows(const TaskSnapshot& snapshot) {
  std::vector<std::string> uids;
  for (const OperatorSnapshot& op : snapshot.operators) {
    const bool has_rows = std::any_of(op.states.begin(), op.states.end(),
                                      [](const auto& state) { return state.table != 0; });
    if (has_rows) uids.push_back(op.uid);
  }
  return uids;
}

// The same for a new task: those of its operators that had tables in any old task.
std::vector<std::string> operators_with_rows(const PlanChain& chain,
                                             const std::set<std::string>& had_rows) {
  std::vector<std::string> uids;
  for (const PlanOperator& op : chain.operators) {
    if (had_rows.count(op.uid) != 0) uids.push_back(op.uid);
  }
  return uids;
}

std::string joined(const std::vector<std::string>& names) {
  std::string text;
  for (const std::string& name : names) text += (text.empty() ? "'" : "', '") + name;
  return text + "'";
}

}  // namespace

std::vector<const OperatorSnapshot*> restored_parts(const std::vector<TaskSnapshot>& snapshots,
                                                    const std::string& uid) {
  std::vector<std::pair<std::uint32_t, const OperatorSnapshot*>> found;
  for (const TaskSnapshot& task : snapshots) {
    for (const OperatorSnapshot& part : task.operators) {
      if (part.uid == uid) found.emplace_back(task.index, &part);
    }
  }
  std::stable_sort(found.begin(), found.end(),
                   [](const auto& a, const auto& b) { return a.first < b.first; });
  std::vector<const OperatorSnapshot*> parts;
  for (const auto& [index, part] : found) parts.push_back(part);
  return parts;
}

absl::StatusOr<std::vector<RowSnapshot>> restored_rows(const std::vector<TaskSnapshot>& snapshots,
                                                       const PlanChain& chain,
                                                       const DeployedTask& task) {
  std::set<std::string> had_rows;
  for (const TaskSnapshot& old : snapshots) {
    for (const std::string& uid : operators_with_rows(old)) had_rows.insert(uid);
  }
  const std::vector<std::string> now = operators_with_rows(chain, had_rows);
  std::vector<RowSnapshot> rows;
  for (const TaskSnapshot& old : snapshots) {
    const std::vector<std::string> then = operators_with_rows(old);
    const bool concerns_us = std::any_of(then.begin(), then.end(), [&](const std::string& uid) {
      return std::find(now.begin(), now.end(), uid) != now.end();
    });
    if (!concerns_us) continue;
    if (then != now) {
      return absl::FailedPreconditionError(
          "the checkpoint was taken with the state of " + joined(then) + " in one task, now " +
          joined(now) + " are; start with the parallelism of before (" +
          std::to_string(old.parallelism) + "), or from nothing with --fresh");
    }
    if (old.rows.groups.last < task.groups.first || task.groups.last < old.rows.groups.first) {
      continue;
    }
    rows.push_back(old.rows);
  }
  return rows;
}

std::vector<ChannelSnapshot> restored_channels(const std::vector<TaskSnapshot>& snapshots,
                                               const std::string& chain_uid,
                                               const DeployedTask& task, std::size_t inputs) {
  std::vector<const TaskSnapshot*> olds;
  for (const TaskSnapshot& old : snapshots) {
    if (old.uid == chain_uid && !old.channels.empty()) olds.push_back(&old);
  }
  if (olds.empty()) return {};
  const TaskSnapshot& first = *olds.front();
  const bool same_inputs = std::all_of(olds.begin(), olds.end(), [&](const TaskSnapshot* old) {
    return old->channels.size() == inputs;
  });
  if (same_inputs && first.parallelism == task.parallelism) {
    for (const TaskSnapshot* old : olds) {
      if (old->index == task.index) return old->channels;
    }
    return {};
  }
  std::vector<ChannelSnapshot> channels(inputs, {EventTime::max(), true, false});
  for (const TaskSnapshot* old : olds) {
    for (std::size_t i = 0; i < old->channels.size(); ++i) {
      if (same_inputs) {
        merge(old->channels[i], channels[i]);
      } else {
        for (ChannelSnapshot& channel : channels) merge(old->channels[i], channel);
      }
    }
  }
  return channels;
}

}  // namespace weir::coordinator
