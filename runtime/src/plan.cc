// Topology -> Plan: parallelism, chaining, the halves of split operators, watermark steps.
#include "weir/runtime/plan.h"

#include <algorithm>
#include <cstdio>
#include <numeric>

namespace weir::runtime {
namespace {

// Where an operator has been put.
struct Location {
  std::uint32_t chain = 0;
  std::uint32_t position = 0;
};

class Planner {
 public:
  Planner(const Topology& topology, const PlanOptions& options)
      : topology_(topology), options_(options) {
    plan_.max_parallelism = topology.max_parallelism;
  }

  Plan make() {
    resolve_parallelism();
    resolve_watermark_steps();
    for (const Vertex& v : topology_.vertices()) place(v);
    return std::move(plan_);
  }

 private:
  std::vector<const Edge*> inputs_of(const Vertex& v) const {
    std::vector<const Edge*> inputs;
    for (const Edge& e : topology_.edges()) {
      if (e.to == v.id) inputs.push_back(&e);
    }
    return inputs;
  }

  // Stated, or that of the producer along a forward edge, or the job's.
  void resolve_parallelism() {
    for (const Vertex& v : topology_.vertices()) {
      std::uint32_t p = options_.parallelism;
      if (v.max_tasks.has_value()) p = std::min(p, std::max(1u, *v.max_tasks));
      for (const Edge* e : inputs_of(v)) {
        if (e->grouping == Grouping::kForward) {
          p = parallelism_[e->from.value];
          break;
        }
      }
      parallelism_.push_back(v.parallelism.value_or(p));
    }
  }

  // What an operator that assigns event time must know: the granularity of all windows downstream.
  void resolve_watermark_steps() {
    steps_.assign(topology_.vertices().size(), 0);
    for (std::size_t i = steps_.size(); i-- > 0;) {
      const Vertex& v = topology_.vertices()[i];
      if (v.watermark_step.has_value()) steps_[i] = std::gcd(steps_[i], v.watermark_step->count());
      for (const Edge* e : inputs_of(v)) {
        steps_[e->from.value] = std::gcd(steps_[e->from.value], steps_[i]);
      }
    }
  }

  bool is_chained(const Vertex& v, const std::vector<const Edge*>& inputs) const {
    if (inputs.size() != 1) return false;
    const Edge& e = *inputs.front();
    const std::uint32_t from = parallelism_[e.from.value];
    const std::uint32_t to = parallelism_[v.id.value];
    if (e.grouping == Grouping::kForward) return from == to;
    return from == 1 && to == 1;
  }

  PlanOperator make_operator(const Vertex& v, std::string uid, OperatorFactory make) const {
    PlanOperator op;
    op.uid = std::move(uid);
    op.name = v.name;
    op.kind = v.kind;
    op.detail = v.detail;
    op.place = v.place;
    op.make = std::move(make);
    op.is_keyed = v.is_keyed;
    if (v.assigns_time) op.watermark_step = Duration(steps_[v.id.value]);
    return op;
  }

  Location append(std::uint32_t chain, PlanOperator op, Location parent, std::uint32_t port,
                  std::uint32_t input_port) {
    op.parent = static_cast<std::int32_t>(parent.position);
    op.parent_port = port;
    op.input_port = input_port;
    plan_.chains[chain].operators.push_back(std::move(op));
    return {chain, static_cast<std::uint32_t>(plan_.chains[chain].operators.size() - 1)};
  }

  // Every place from which output port `port` of a vertex flows.
  std::vector<Location> sources(VertexId id, std::uint32_t port) const {
    const Vertex& v = topology_.vertices()[id.value];
    if (v.split.has_value() && !producer_halves_[id.value].empty()) {
      const auto& ports = v.split->producer_ports;
      if (std::find(ports.begin(), ports.end(), port) != ports.end()) {
        return producer_halves_[id.value];
      }
    }
    return {locations_[id.value]};
  }

  void add_edge(Location from, std::uint32_t port, std::uint32_t to, const Edge& e,
                const RecordType* type) {
    Grouping grouping = e.grouping;
    if (grouping == Grouping::kForward &&
        plan_.chains[from.chain].parallelism != plan_.chains[to].parallelism) {
      grouping = Grouping::kShuffle;
    }
    plan_.edges.push_back(
        {from.chain, from.position, port, to, e.to_port, grouping, e.custom, type});
  }

  void place(const Vertex& v) {
    producer_halves_.emplace_back();
    locations_.emplace_back();
    const std::vector<const Edge*> inputs = inputs_of(v);
    std::vector<Location> single;
    if (is_chained(v, inputs)) single = sources(inputs.front()->from, inputs.front()->from_port);
    if (single.size() == 1) {
      locations_.back() =
          append(single.front().chain, make_operator(v, v.name, v.make), single.front(),
                 inputs.front()->from_port, inputs.front()->to_port);
      return;
    }
    const bool is_split = v.split.has_value() && options_.combine && !inputs.empty();
    PlanChain chain;
    chain.uid = v.name;
    chain.parallelism = parallelism_[v.id.value];
    chain.is_spout = v.role == VertexKind::kSpout;
    chain.operators.push_back(make_operator(v, v.name, is_split ? v.split->consumer_half : v.make));
    plan_.chains.push_back(std::move(chain));
    const auto to = static_cast<std::uint32_t>(plan_.chains.size() - 1);
    locations_.back() = {to, 0};
    for (const Edge* e : inputs) {
      for (const Location& from : sources(e->from, e->from_port)) {
        if (!is_split) {
          add_edge(from, e->from_port, to, *e, e->type);
          continue;
        }
        const Location half =
            append(from.chain, make_operator(v, v.name + "/pre", v.split->producer_half), from,
                   e->from_port, 0);
        producer_halves_.back().push_back(half);
        add_edge(half, 0, to, *e, v.split->between);
      }
    }
  }

  const Topology& topology_;
  const PlanOptions& options_;
  Plan plan_;
  std::vector<std::uint32_t> parallelism_;
  std::vector<std::int64_t> steps_;
  std::vector<Location> locations_;
  std::vector<std::vector<Location>> producer_halves_;
};

}  // namespace

absl::StatusOr<Plan> make_plan(const Topology& topology, const PlanOptions& options) {
  absl::Status valid = topology.validate();
  if (!valid.ok()) return valid;
  if (options.parallelism == 0 || options.parallelism > topology.max_parallelism) {
    return absl::InvalidArgumentError("parallelism " + std::to_string(options.parallelism) +
                                      " must lie between 1 and " +
                                      std::to_string(topology.max_parallelism));
  }
  return Planner(topology, options).make();
}

std::string Plan::fingerprint() const {
  std::string text = "max_parallelism " + std::to_string(max_parallelism) + "\n";
  std::vector<std::string> lines;
  for (const PlanChain& chain : chains) {
    for (const PlanOperator& op : chain.operators) {
      if (op.uid.ends_with("/pre")) continue;  // depends on parallelism, holds no state
      lines.push_back(op.uid + "|" + op.kind + "|" + op.detail + "\n");
    }
  }
  std::sort(lines.begin(), lines.end());
  for (const std::string& line : lines) text += line;
  char hex[17];
  std::snprintf(hex, sizeof(hex), "%016llx",
                static_cast<unsigned long long>(hash_bytes(text.data(), text.size())));
  return hex;
}

}  // namespace weir::runtime
