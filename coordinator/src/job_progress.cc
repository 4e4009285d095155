#include "weir/coordinator/job_progress.h"

#include <algorithm>
#include <map>

#include "weir/coordinator/task_graph.h"

namespace weir::coordinator {

using runtime::EventTime;
using runtime::Plan;
using runtime::PlanChain;
using runtime::PlanEdge;
using runtime::PlanOperator;
using runtime::Task;
using runtime::TaskId;

namespace {

bool is_sink(const Plan& plan, std::uint32_t chain, std::uint32_t position) {
  const std::vector<PlanOperator>& ops = plan.chains[chain].operators;
  const bool has_child = std::any_of(ops.begin(), ops.end(), [&](const PlanOperator& op) {
    return op.parent == static_cast<std::int32_t>(position);
  });
  return !has_child && std::none_of(plan.edges.begin(), plan.edges.end(), [&](const PlanEdge& e) {
    return e.from == chain && e.from_operator == position;
  });
}

std::vector<OperatorProgress> read_operators(const TaskGraph& graph) {
  const Plan& plan = graph.plan();
  std::vector<OperatorProgress> out;
  std::map<std::string, std::size_t> index;
  std::vector<std::vector<std::size_t>> of_chain(plan.chains.size());
  for (std::uint32_t c = 0; c < plan.chains.size(); ++c) {
    const PlanChain& chain = plan.chains[c];
    for (std::uint32_t i = 0; i < chain.operators.size(); ++i) {
      const PlanOperator& op = chain.operators[i];
      const auto [it, is_new] = index.emplace(op.uid, out.size());
      if (is_new) {
        OperatorProgress& made = out.emplace_back();
        made.uid = op.uid;
        made.kind = op.kind;
        made.detail = op.detail;
        made.is_spout = chain.is_spout && i == 0;
        made.is_sink = is_sink(plan, c, i);
      }
      of_chain[c].push_back(it->second);
    }
  }
  for (const DeployedTask& deployed : graph.deployment().tasks) {
    if (!graph.is_here(deployed.id)) continue;
    const std::vector<runtime::TaskNode>& nodes = graph.task(deployed.id).spec().nodes;
    for (std::size_t i = 0; i < nodes.size(); ++i) {
      OperatorProgress& op = out[of_chain[deployed.chain][i]];
      op.records_in += nodes[i].metrics->records_in.get();
      op.records_out += nodes[i].metrics->records_out.get();
      op.late += nodes[i].metrics->late.get();
      op.bad += nodes[i].metrics->bad.get();
      op.largest_time = std::max(op.largest_time, EventTime(nodes[i].metrics->largest_time.get()));
    }
  }
  return out;
}

// The producer task of input `input` of `task`.
std::string producer_of(const TaskGraph& graph, TaskId task, std::int64_t input) {
  for (const DeployedChannel& channel : graph.deployment().channels) {
    if (channel.to == task && input-- == 0) return graph.describe(channel.from);
  }
  return "";
}

std::vector<TaskProgress> read_tasks(const TaskGraph& graph) {
  std::vector<TaskProgress> out;
  for (const DeployedTask& deployed : graph.deployment().tasks) {
    if (!graph.is_here(deployed.id)) continue;
    const runtime::TaskMetrics& metrics = graph.task(deployed.id).metrics();
    TaskProgress& task = out.emplace_back();
    task.id = deployed.id;
    task.name = graph.describe(deployed.id);
    task.watermark = EventTime(metrics.watermark.get());
    task.blocking = static_cast<runtime::BlockingReason>(metrics.blocking.get());
    task.state_bytes = metrics.state_bytes.get();
    const std::int64_t holding = metrics.holding_input.get();
    if (holding >= 0) task.held_by = producer_of(graph, deployed.id, holding);
  }
  return out;
}

}  // namespace

void read_metrics(const TaskGraph& graph, JobProgress& progress) {
  progress.operators = read_operators(graph);
  progress.tasks = read_tasks(graph);
  progress.records_read = progress.records_written = progress.late = progress.bad = 0;
  for (const OperatorProgress& op : progress.operators) {
    if (op.is_spout) progress.records_read += op.records_out;
    if (op.is_sink) progress.records_written += op.records_in;
    progress.late += op.late;
    progress.bad += op.bad;
    progress.largest_time = std::max(progress.largest_time, op.largest_time);
  }
  progress.watermark = EventTime::max();
  for (const TaskProgress& task : progress.tasks) {
    progress.watermark = std::min(progress.watermark, task.watermark);
  }
}

}  // namespace weir::coordinator
