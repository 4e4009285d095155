#include "weir/coordinator/deployment.h"

#include <algorithm>
#include <sstream>

#include "weir/runtime/check.h"

namespace weir::coordinator {

using runtime::Grouping;
using runtime::KeyGroup;
using runtime::Plan;
using runtime::PlanChain;
using runtime::PlanEdge;
using runtime::TaskId;

runtime::KeyGroupRange groups_of_task(std::uint32_t index, std::uint32_t parallelism,
                                      std::uint32_t max_parallelism) {
  WEIR_CHECK(index < parallelism && parallelism <= max_parallelism, "every task owns a key group");
  const auto first_of = [&](std::uint64_t i) {
    return (i * max_parallelism + parallelism - 1) / parallelism;
  };
  return {KeyGroup(static_cast<std::uint16_t>(first_of(index))),
          KeyGroup(static_cast<std::uint16_t>(first_of(index + 1u) - 1))};
}

Deployment make_deployment(const Plan& plan) {
  Deployment out;
  std::vector<std::uint32_t> first_task;
  for (std::uint32_t c = 0; c < plan.chains.size(); ++c) {
    const PlanChain& chain = plan.chains[c];
    first_task.push_back(static_cast<std::uint32_t>(out.tasks.size()));
    const bool is_keyed = std::any_of(chain.operators.begin(), chain.operators.end(),
                                      [](const runtime::PlanOperator& op) { return op.is_keyed; });
    for (std::uint32_t i = 0; i < chain.parallelism; ++i) {
      out.tasks.push_back({TaskId(first_task.back() + i), c, i, chain.parallelism, chain.is_spout,
                           is_keyed, groups_of_task(i, chain.parallelism, plan.max_parallelism)});
    }
  }
  for (std::uint32_t e = 0; e < plan.edges.size(); ++e) {
    const PlanEdge& edge = plan.edges[e];
    const std::uint32_t producers = plan.chains[edge.from].parallelism;
    const std::uint32_t consumers = plan.chains[edge.to].parallelism;
    for (std::uint32_t p = 0; p < producers; ++p) {
      for (std::uint32_t c = 0; c < consumers; ++c) {
        if (edge.grouping == Grouping::kForward && p != c) continue;
        out.channels.push_back(
            {e, TaskId(first_task[edge.from] + p), TaskId(first_task[edge.to] + c)});
      }
    }
  }
  return out;
}

std::uint32_t batch_size_of(const Plan& plan, const PlanEdge& edge, std::uint32_t batch_size,
                            Reach reach) {
  const bool is_remote = reach == Reach::kBetweenWorkers;
  const std::size_t wanted = std::size_t{is_remote ? 128u : 32u} << 10;
  const std::size_t most_times = is_remote ? 16 : 4;
  constexpr std::uint32_t kSmall = 64;  // who asks for smaller batches gets them
  const bool is_scattered = edge.grouping == Grouping::kKey ||
                            edge.grouping == Grouping::kPartialKey ||
                            edge.grouping == Grouping::kCustom;
  if (!is_scattered || plan.chains[edge.to].parallelism == 1 || batch_size < kSmall) {
    return batch_size;
  }
  const std::size_t bytes = batch_size * edge.type->bytes_in_batch();
  return batch_size *
         static_cast<std::uint32_t>(std::clamp(wanted / bytes, std::size_t{1}, most_times));
}

std::size_t window_between_workers(std::size_t channel_bytes, std::size_t channels,
                                   std::size_t workers) {
  constexpr std::size_t kOfWorker = std::size_t{64} << 20;
  constexpr std::size_t kMostTimes = 8;
  if (channels == 0) return channel_bytes;
  const std::size_t ends_of_worker = (2 * channels + workers - 1) / workers;
  return std::max(channel_bytes, std::min(kOfWorker / ends_of_worker, kMostTimes * channel_bytes));
}

std::string print_deployment(const Plan& plan, const Deployment& deployment) {
  std::ostringstream out;
  for (const DeployedTask& task : deployment.tasks) {
    out << "task " << task.id.value << ": " << plan.chains[task.chain].uid << " " << task.index
        << "/" << task.parallelism;
    if (task.is_keyed) {
      out << ", key groups " << task.groups.first.value << "-" << task.groups.last.value;
    }
    out << "\n";
    for (const DeployedChannel& channel : deployment.channels) {
      if (channel.to == task.id) {
        out << "  <- task " << channel.from.value << " by "
            << grouping_name(plan.edges[channel.edge].grouping) << "\n";
      }
    }
  }
  return out.str();
}

}  // namespace weir::coordinator
