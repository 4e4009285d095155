#include "control/plan_spec.h"

#include <algorithm>
#include <memory>

#include "control/control_message.h"

namespace weir::coordinator {
namespace {

constexpr const char* kPlanIdentifier = "WRP1";

std::unique_ptr<wire::PlanChainT> chain_of(const runtime::PlanChain& chain) {
  auto out = std::make_unique<wire::PlanChainT>();
  out->uid = chain.uid;
  out->parallelism = chain.parallelism;
  out->is_spout = chain.is_spout;
  for (const runtime::PlanOperator& op : chain.operators) {
    auto made = std::make_unique<wire::PlanOperatorT>();
    made->uid = op.uid;
    made->name = op.name;
    made->kind = op.kind;
    made->detail = op.detail;
    made->is_keyed = op.is_keyed;
    out->operators.push_back(std::move(made));
  }
  return out;
}

}  // namespace

const char* machine_name() {
#if defined(__x86_64__)
  return "x86_64";
#elif defined(__aarch64__)
  return "aarch64";
#else
  return "unknown";
#endif
}

wire::PlanSpecT plan_spec_of(const runtime::Plan& plan, const JobOptions& options) {
  wire::PlanSpecT spec;
  spec.protocol = kControlProtocol;
  spec.weir_version = WEIR_VERSION;
  spec.machine = machine_name();
  spec.fingerprint = plan.fingerprint();
  spec.max_parallelism = plan.max_parallelism;
  spec.printed = runtime::print_plan(plan);
  spec.job_name = options.job;
  spec.checkpoint_interval_us =
      std::chrono::duration_cast<std::chrono::microseconds>(options.checkpoint_interval).count();
  spec.state_backend = options.state_backend == StateBackend::kRocksDb ? 1 : 0;
  for (const runtime::PlanChain& chain : plan.chains) {
    spec.chains.push_back(chain_of(chain));
    spec.max_slots = std::max(spec.max_slots, chain.parallelism);
  }
  for (const runtime::PlanEdge& edge : plan.edges) {
    auto made = std::make_unique<wire::PlanEdgeT>();
    made->from_chain = edge.from;
    made->to_chain = edge.to;
    made->grouping = static_cast<std::uint8_t>(edge.grouping);
    made->is_encodable = edge.type->is_encodable();
    if (made->is_encodable) made->type_name = edge.type->schema();
    spec.edges.push_back(std::move(made));
  }
  return spec;
}

std::string encode_plan_spec(const wire::PlanSpecT& spec) {
  flatbuffers::FlatBufferBuilder builder;
  builder.Finish(wire::PlanSpec::Pack(builder, &spec), kPlanIdentifier);
  return std::string(reinterpret_cast<const char*>(builder.GetBufferPointer()), builder.GetSize());
}

absl::StatusOr<wire::PlanSpecT> decode_plan_spec(std::string_view bytes) {
  const auto* data = reinterpret_cast<const std::uint8_t*>(bytes.data());
  flatbuffers::Verifier verifier(data, bytes.size(), 32, 1'000'000);
  if (bytes.size() < 16 || !flatbuffers::BufferHasIdentifier(data, kPlanIdentifier) ||
      !verifier.VerifyBuffer<wire::PlanSpec>(kPlanIdentifier)) {
    return absl::InvalidArgumentError("what the program printed is no plan of Weir");
  }
  const auto* plan = flatbuffers::GetRoot<wire::PlanSpec>(data);
  if (plan->protocol() != kControlProtocol) {
    return absl::FailedPreconditionError(
        "the program was built for control protocol " + std::to_string(plan->protocol()) +
        ", this is protocol " + std::to_string(kControlProtocol) +
        "; build it with the version of Weir that the cluster runs");
  }
  wire::PlanSpecT spec;
  plan->UnPackTo(&spec);
  if (spec.machine != machine_name()) {
    return absl::FailedPreconditionError("the program was built for " + spec.machine +
                                         " machines, this is " + machine_name());
  }
  return spec;
}

}  // namespace weir::coordinator
