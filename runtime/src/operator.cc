#include "weir/runtime/operator.h"

namespace weir::runtime {
namespace {

// Where the records of an output go that nobody has asked for.
class Discard final : public Input {
 public:
  void push(BatchBase&) override {}
};

}  // namespace

Input& Operator::unread() {
  static Discard instance;
  return instance;
}

absl::Status Operator::open(OperatorContext& context) {
  context_ = &context;
  if (outputs_.empty()) outputs_.push_back(&unread());
  return absl::OkStatus();
}

Input& Operator::port(std::uint32_t port) {
  WEIR_CHECK(port == 0, "an operator with one input has port 0 only");
  return *this;
}

Progress Operator::advance(EventTime) { return Progress::kDone; }
void Operator::snapshot(CheckpointId, OperatorSnapshot&, IoWork&) {}
void Operator::committed(CheckpointId, IoWork&) {}
void Operator::aborted(CheckpointId) {}
void Operator::partition_ended(std::uint32_t) {}
void Operator::partition_idle(std::uint32_t, bool) {}

void Operator::connect(std::uint32_t port, Input& to) {
  while (outputs_.size() <= port) outputs_.push_back(&unread());
  outputs_[port] = &to;
}

bool Operator::is_connected(std::uint32_t port) const {
  return port < outputs_.size() && outputs_[port] != &unread();
}

}  // namespace weir::runtime
