#include "weir/coordinator/task_graph.h"

#include <algorithm>
#include <utility>

#include "restored_share.h"
#include "weir/state/keyed_state.h"

namespace weir::coordinator {

using runtime::Channel;
using runtime::PlanChain;
using runtime::PlanEdge;
using runtime::PlanOperator;
using runtime::Task;
using runtime::TaskId;
using runtime::TaskNode;
using runtime::TaskSpec;

TaskGraph::TaskGraph(runtime::Plan plan, Deployment deployment, Options options)
    : plan_(std::move(plan)), deployment_(std::move(deployment)), options_(std::move(options)) {}

absl::StatusOr<std::unique_ptr<TaskGraph>> TaskGraph::build(runtime::Plan plan,
                                                            Deployment deployment,
                                                            Options options) {
  std::unique_ptr<TaskGraph> graph(
      new TaskGraph(std::move(plan), std::move(deployment), std::move(options)));
  const std::vector<bool>& is_here = graph->options_.is_here;
  for (std::size_t i = 0; i < graph->deployment_.tasks.size(); ++i) {
    const bool runs_here = is_here.empty() || is_here[i];
    graph->tasks_.push_back(runs_here ? std::make_unique<Task>() : nullptr);
    graph->size_ += runs_here ? 1 : 0;
  }
  graph->make_channels();
  for (const DeployedTask& task : graph->deployment_.tasks) {
    if (!graph->is_here(task.id)) continue;
    const absl::Status status = graph->assemble(task);
    if (!status.ok()) return status;
  }
  return graph;
}

void TaskGraph::make_channels() {
  for (std::uint32_t i = 0; i < deployment_.channels.size(); ++i) {
    const DeployedChannel& channel = deployment_.channels[i];
    runtime::OutChannel*& out = producer_ends_.emplace_back(nullptr);
    runtime::InChannel*& in = consumer_ends_.emplace_back(nullptr);
    Task* const producer = tasks_[channel.from.value].get();
    Task* const consumer = tasks_[channel.to.value].get();
    if (producer != nullptr && consumer != nullptr) {
      const runtime::PlanEdge& edge = plan_.edges[channel.edge];
      channels_.push_back(std::make_unique<Channel>(
          *edge.type, batch_size_of(plan_, edge, options_.batch_size, Reach::kWithinWorker),
          options_.channel_bytes, *producer, *consumer));
      out = channels_.back().get();
      in = channels_.back().get();
    } else if (producer != nullptr) {
      out = &options_.make_sender(i, *producer);
    } else if (consumer != nullptr) {
      in = &options_.make_receiver(i, *consumer);
    }
  }
}

absl::Status TaskGraph::assemble(const DeployedTask& task) {
  TaskSpec spec;
  spec.id = task.id;
  spec.uid = plan_.chains[task.chain].uid;
  spec.index = task.index;
  spec.parallelism = task.parallelism;
  spec.partitions = std::make_unique<runtime::SpoutPartitions>();
  spec.events = options_.events;
  spec.executor = options_.executor;
  spec.clock = options_.clock;
  spec.linger = options_.linger;
  add_nodes(task, spec);
  add_inputs(task, spec);
  add_outputs(task, spec);
  if (task.is_keyed) {
    const absl::Status status = add_state(task, spec);
    if (!status.ok()) return status;
  }
  spec.restored_channels = restored_channels(options_.restored, spec.uid, task, spec.inputs.size());
  tasks_[task.id.value]->assemble(std::move(spec));
  return absl::OkStatus();
}

void TaskGraph::add_nodes(const DeployedTask& task, TaskSpec& spec) {
  for (const PlanOperator& op : plan_.chains[task.chain].operators) {
    TaskNode& node = spec.nodes.emplace_back();
    node.op = op.make();
    node.parent = op.parent;
    node.parent_port = op.parent_port;
    node.input_port = op.input_port;
    node.metrics = std::make_unique<runtime::OperatorMetrics>();
    runtime::OperatorContext& context = node.context;
    context.job = options_.job;
    context.name = op.name;
    context.uid = op.uid;
    context.place = op.place.text();
    context.task_index = task.index;
    context.parallelism = task.parallelism;
    context.max_parallelism = plan_.max_parallelism;
    context.batch_size = options_.batch_size;
    context.watermark_step = op.watermark_step;
    context.epoch = options_.epoch;
    context.restored_checkpoint = options_.restored_checkpoint;
    context.storage = options_.storage;
    context.clock = options_.clock;
    // The half that runs at the producer keeps nothing, so nothing is given back to it.
    if (!op.uid.ends_with("/pre")) {
      context.restored = restored_parts(options_.restored, op.uid);
    }
  }
}

void TaskGraph::add_inputs(const DeployedTask& task, TaskSpec& spec) {
  for (std::size_t i = 0; i < deployment_.channels.size(); ++i) {
    const DeployedChannel& channel = deployment_.channels[i];
    if (channel.to != task.id) continue;
    spec.inputs.push_back({consumer_ends_[i], plan_.edges[channel.edge].to_port});
  }
}

void TaskGraph::add_outputs(const DeployedTask& task, TaskSpec& spec) {
  for (std::uint32_t e = 0; e < plan_.edges.size(); ++e) {
    const PlanEdge& edge = plan_.edges[e];
    if (edge.from != task.chain) continue;
    std::vector<runtime::OutChannel*> targets;
    for (std::size_t i = 0; i < deployment_.channels.size(); ++i) {
      const DeployedChannel& channel = deployment_.channels[i];
      if (channel.edge == e && channel.from == task.id) targets.push_back(producer_ends_[i]);
    }
    spec.outputs.push_back({edge.from_operator, edge.from_port,
                            std::make_unique<runtime::Router>(edge.grouping, std::move(targets),
                                                              plan_.max_parallelism, edge.custom)});
  }
}

absl::Status TaskGraph::add_state(const DeployedTask& task, TaskSpec& spec) {
  const auto keyed_tasks =
      std::count_if(deployment_.tasks.begin(), deployment_.tasks.end(),
                    [&](const DeployedTask& t) { return t.is_keyed && is_here(t.id); });
  absl::StatusOr<std::unique_ptr<runtime::RowStore>> store =
      options_.make_row_store(spec.uid, task);
  if (!store.ok()) return store.status();
  state::KeyedState::Options options;
  options.max_parallelism = plan_.max_parallelism;
  options.groups = task.groups;
  options.memory_budget = options_.memory_budget / static_cast<std::size_t>(keyed_tasks);
  spec.state = std::make_unique<state::KeyedState>(options, *std::move(store));
  spec.restored_rows = restored_rows(options_.restored, plan_.chains[task.chain], task);
  return absl::OkStatus();
}

std::string TaskGraph::describe(TaskId id) const {
  const DeployedTask& task = deployment_.tasks[id.value];
  return plan_.chains[task.chain].uid + " " + std::to_string(task.index) + "/" +
         std::to_string(task.parallelism);
}

}  // namespace weir::coordinator
