// Plan: the topology after validation and chaining. An immutable, printable value: chains of
// operators, their parallelism and stable uids, and the edges that remain between tasks.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "weir/runtime/topology.h"

namespace weir::runtime {

// One operator of a chain.
struct PlanOperator {
  std::string uid;  // the vertex's name; "/pre" for the half that runs at the producer
  std::string name;
  std::string kind;
  std::string detail;
  Place place;
  OperatorFactory make;
  std::int32_t parent = -1;  // position in the chain; -1 = the chain's input
  std::uint32_t parent_port = 0;
  std::uint32_t input_port = 0;
  bool is_keyed = false;
  Duration watermark_step{0};  // of an operator that assigns event time: what downstream asks for
};

struct PlanChain {
  std::string uid;  // of its first operator
  std::uint32_t parallelism = 1;
  bool is_spout = false;
  std::vector<PlanOperator> operators;  // parents before children
};

struct PlanEdge {
  std::uint32_t from = 0;           // chain
  std::uint32_t from_operator = 0;  // position in that chain
  std::uint32_t from_port = 0;
  std::uint32_t to = 0;  // chain; its first operator receives
  std::uint32_t to_port = 0;
  Grouping grouping = Grouping::kForward;
  CustomGrouping custom;
  const RecordType* type = nullptr;
};

struct Plan {
  std::uint32_t max_parallelism = 128;
  std::vector<PlanChain> chains;  // producers before consumers
  std::vector<PlanEdge> edges;

  // Changes with anything that decides whether a snapshot of one plan fits another: uids, kinds,
  // edges; not with parallelism.
  std::string fingerprint() const;
};

struct PlanOptions {
  std::uint32_t parallelism = 1;  // of vertices that state none
  bool combine = true;            // pre-aggregate before exchanges where the aggregate allows it
};

// All faults of the topology together (InvalidArgument), or its plan. A pure function.
absl::StatusOr<Plan> make_plan(const Topology& topology, const PlanOptions& options);

// For people and golden tests.
std::string print_topology(const Topology& topology);
std::string print_topology_dot(const Topology& topology);
std::string print_plan(const Plan& plan);
std::string print_plan_dot(const Plan& plan);

}  // namespace weir::runtime
