#include "control/declared_states.h"

#include <memory>
#include <string>
#include <utility>

#include "job_store.h"
#include "weir/coordinator/deployment.h"
#include "weir/runtime/metrics.h"
#include "weir/runtime/operator.h"
#include "weir/runtime/user_error.h"
#include "weir/state/keyed_state.h"

namespace weir::coordinator {
namespace {

// A task of one operator that will never see a record.
class Probe {
 public:
  Probe(const runtime::Plan& plan, const runtime::PlanOperator& op) : op_(op.make()) {
    context_.name = op.name;
    context_.uid = op.uid;
    context_.place = op.place.text();
    context_.max_parallelism = plan.max_parallelism;
    context_.watermark_step = op.watermark_step;
    context_.storage = &runtime::local_storage();
    context_.clock = &runtime::system_clock();
    context_.metrics = &metrics_;
    context_.partitions = &partitions_;
    context_.wake = [] {};
  }

  absl::Status open(const runtime::Plan& plan) {
    absl::StatusOr<std::unique_ptr<runtime::RowStore>> rows =
        make_volatile_job_store()->make_row_store(context_.uid, DeployedTask{});
    if (!rows.ok()) return rows.status();
    state::KeyedState::Options options;
    options.max_parallelism = plan.max_parallelism;
    options.groups = groups_of_task(0, 1, plan.max_parallelism);
    options.memory_budget = std::size_t{64} << 20;
    state_ = std::make_unique<state::KeyedState>(options, *std::move(rows));
    context_.state = state_.get();
    absl::Status status = runtime::run_guarded([this] { return op_->open(context_); });
    if (status.ok()) status = context_.failure;
    if (status.ok()) return status;
    return absl::Status(
        status.code(),
        "operator '" + context_.name + "' (declared at " + context_.place +
            ") cannot be opened to see which states it has: " + std::string(status.message()));
  }

  std::vector<runtime::StateDescriptor> states() {
    runtime::OperatorSnapshot part;
    runtime::IoWork io;
    op_->snapshot(runtime::CheckpointId(1), part, io);
    return std::move(part.states);
  }

  std::uint32_t partitions() const {
    const auto* spout = dynamic_cast<const runtime::SpoutOperator*>(op_.get());
    return spout == nullptr ? 0 : spout->partition_count();
  }

 private:
  runtime::OperatorMetrics metrics_;
  runtime::SpoutPartitions partitions_;
  std::unique_ptr<state::KeyedState> state_;
  std::unique_ptr<runtime::Operator> op_;
  runtime::OperatorContext context_;
};

}  // namespace

absl::Status declare_states(const runtime::Plan& plan, wire::PlanSpecT& spec) {
  for (std::size_t c = 0; c < plan.chains.size(); ++c) {
    const runtime::PlanChain& chain = plan.chains[c];
    for (std::size_t o = 0; o < chain.operators.size(); ++o) {
      const runtime::PlanOperator& op = chain.operators[o];
      wire::PlanOperatorT& told = *spec.chains[c]->operators[o];
      const bool is_spout = chain.is_spout && o == 0;
      if (!op.is_keyed && !is_spout) continue;
      Probe probe(plan, op);
      if (is_spout) {
        told.partitions = probe.partitions();
        continue;
      }
      if (absl::Status status = probe.open(plan); !status.ok()) return status;
      for (const runtime::StateDescriptor& state : probe.states()) {
        auto made = std::make_unique<wire::StateDescriptorT>();
        made->name = state.name;
        made->kind = state.kind;
        made->schema = state.schema;
        told.states.push_back(std::move(made));
      }
    }
  }
  spec.has_states = true;
  return absl::OkStatus();
}

}  // namespace weir::coordinator
