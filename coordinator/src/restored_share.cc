#include "restored_share.h"

#include <algorithm>
#include <utility>

namespace weir::coordinator {

using runtime::ChannelSnapshot;
using runtime::EventTime;
using runtime::OperatorSnapshot;
using runtime::PlanChain;
using runtime::PlanOperator;
using runtime::RestoredRows;
using runtime::StateDescriptor;
using runtime::TaskSnapshot;

namespace {

// Folds `from` into `into`: what holds for both.
void merge(const ChannelSnapshot& from, ChannelSnapshot& into) {
  into.watermark = std::min(into.watermark, from.watermark);
  into.idle = into.idle && from.idle;
}

// Sorts the stored states of an old task into those of operators of `chain` and the others.
void sort_states(const PlanChain& chain, const TaskSnapshot& old, RestoredRows& out) {
  for (const OperatorSnapshot& op : old.operators) {
    const bool is_ours = std::any_of(chain.operators.begin(), chain.operators.end(),
                                     [&](const PlanOperator& now) { return now.uid == op.uid; });
    for (const StateDescriptor& state : op.states) {
      if (state.table == 0) continue;
      if (is_ours) {
        out.states.push_back(state);
      } else {
        out.left_out.push_back(state.table);
      }
    }
  }
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

std::vector<RestoredRows> restored_rows(const std::vector<TaskSnapshot>& snapshots,
                                        const PlanChain& chain, const DeployedTask& task) {
  std::vector<RestoredRows> rows;
  for (const TaskSnapshot& old : snapshots) {
    if (old.rows.groups.last < task.groups.first || task.groups.last < old.rows.groups.first) {
      continue;
    }
    RestoredRows found{old.rows, {}, {}};
    sort_states(chain, old, found);
    if (!found.states.empty()) rows.push_back(std::move(found));
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
