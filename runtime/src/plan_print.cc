// Topology and plan as text and as DOT.
#include <sstream>

#include "weir/runtime/plan.h"

namespace weir::runtime {
namespace {

const char* role_name(VertexKind role) {
  switch (role) {
    case VertexKind::kSpout: return "spout";
    case VertexKind::kBolt: return "bolt";
    case VertexKind::kSink: return "sink";
  }
  return "?";
}

std::string described(const std::string& kind, const std::string& detail) {
  return detail.empty() ? kind : kind + " (" + detail + ")";
}

std::string stated_tasks(const Vertex& v) {
  return v.parallelism.has_value() ? " x" + std::to_string(*v.parallelism) : "";
}

// A string inside double quotes of DOT.
std::string dot_quoted(const std::string& text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    out += c;
  }
  return out + "\"";
}

}  // namespace

std::string print_topology(const Topology& topology) {
  std::ostringstream out;
  for (const Vertex& v : topology.vertices()) {
    out << role_name(v.role) << " " << v.name << ": " << described(v.kind, v.detail)
        << stated_tasks(v) << "\n";
    for (const Edge& e : topology.edges()) {
      if (e.to != v.id) continue;
      const Vertex& from = topology.vertices()[e.from.value];
      out << "  <- " << from.name;
      if (e.from_port != 0) out << "[" << from.side_outputs[e.from_port - 1] << "]";
      out << " by " << grouping_name(e.grouping) << "\n";
    }
  }
  return out.str();
}

std::string print_topology_dot(const Topology& topology) {
  std::ostringstream out;
  out << "digraph topology {\n  rankdir=LR;\n  node [shape=box];\n";
  for (const Vertex& v : topology.vertices()) {
    out << "  v" << v.id.value
        << " [label=" << dot_quoted(v.name + ": " + described(v.kind, v.detail) + stated_tasks(v))
        << "];\n";
  }
  for (const Edge& e : topology.edges()) {
    const Vertex& from = topology.vertices()[e.from.value];
    std::string label(grouping_name(e.grouping));
    if (e.from_port != 0) label += " [" + from.side_outputs[e.from_port - 1] + "]";
    out << "  v" << e.from.value << " -> v" << e.to.value << " [label=" << dot_quoted(label)
        << "];\n";
  }
  out << "}\n";
  return out.str();
}

std::string print_plan(const Plan& plan) {
  std::ostringstream out;
  out << "plan " << plan.fingerprint() << ", key groups " << plan.max_parallelism << "\n";
  for (std::size_t c = 0; c < plan.chains.size(); ++c) {
    const PlanChain& chain = plan.chains[c];
    out << "chain " << c << " x" << chain.parallelism << "\n";
    for (const PlanEdge& e : plan.edges) {
      if (e.to != c) continue;
      out << "  <- chain " << e.from << " " << plan.chains[e.from].operators[e.from_operator].uid;
      if (e.from_port != 0) out << "[port " << e.from_port << "]";
      out << " by " << grouping_name(e.grouping) << "\n";
    }
    for (const PlanOperator& op : chain.operators) {
      out << "  " << op.uid << ": " << described(op.kind, op.detail);
      if (op.watermark_step.count() != 0) {
        out << ", watermark step " << format_duration(op.watermark_step);
      }
      out << "\n";
    }
  }
  return out.str();
}

std::string print_plan_dot(const Plan& plan) {
  std::ostringstream out;
  out << "digraph plan {\n  rankdir=LR;\n  node [shape=box];\n";
  for (std::size_t c = 0; c < plan.chains.size(); ++c) {
    const PlanChain& chain = plan.chains[c];
    out << "  subgraph cluster_" << c << " {\n    label=\"chain " << c << " x" << chain.parallelism
        << "\";\n";
    for (std::size_t i = 0; i < chain.operators.size(); ++i) {
      out << "    c" << c << "_" << i << " [label=" << dot_quoted(chain.operators[i].uid) << "];\n";
    }
    out << "  }\n";
    for (std::size_t i = 0; i < chain.operators.size(); ++i) {
      if (chain.operators[i].parent < 0) continue;
      out << "  c" << c << "_" << chain.operators[i].parent << " -> c" << c << "_" << i << ";\n";
    }
  }
  for (const PlanEdge& e : plan.edges) {
    out << "  c" << e.from << "_" << e.from_operator << " -> c" << e.to
        << "_0 [label=" << dot_quoted(std::string(grouping_name(e.grouping))) << "];\n";
  }
  out << "}\n";
  return out.str();
}

}  // namespace weir::runtime
