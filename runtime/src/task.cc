#include "weir/runtime/task.h"

#include <algorithm>
#include <numeric>
#include <utility>

#include "weir/runtime/user_error.h"

namespace weir::runtime {
namespace {

// Batches (or elements) handled in one run().
constexpr int kQuantum = 64;
// Rows encoded between two batches while a snapshot is written.
constexpr std::size_t kRowsPerStep = 512;

// Several consumers of one output: all but the last get a copy.
class Fanout final : public Input {
 public:
  explicit Fanout(std::vector<Input*> to) : to_(std::move(to)) {}

  void push(BatchBase& batch) override {
    if (copy_ == nullptr || copy_->capacity() < batch.size()) {
      copy_ = batch.type().make_batch(batch.capacity());
    }
    if (index_.size() < batch.size()) {
      index_.resize(batch.capacity());
      std::iota(index_.begin(), index_.end(), 0u);
    }
    for (std::size_t i = 0; i + 1 < to_.size(); ++i) {
      copy_->clear();
      copy_->partition = batch.partition;
      copy_->append_selected(batch, index_.data(), batch.size());
      to_[i]->push(*copy_);
    }
    to_.back()->push(batch);
  }

 private:
  std::vector<Input*> to_;
  std::unique_ptr<BatchBase> copy_;
  std::vector<std::uint32_t> index_;
};

}  // namespace

void Task::assemble(TaskSpec spec) {
  spec_ = std::move(spec);
  if (spec_.inputs.empty()) {
    spout_ = dynamic_cast<SpoutOperator*>(spec_.nodes.front().op.get());
    WEIR_CHECK(spout_ != nullptr, "a task without inputs starts with a spout");
  }
  const auto inputs = static_cast<std::uint32_t>(spec_.inputs.size());
  calling_ = &spec_.nodes.front();
  aligner_ = std::make_unique<BarrierAligner>(inputs);
  merger_ = std::make_unique<WatermarkMerger>(inputs);
  if (!spec_.restored_channels.empty()) merger_->restore(spec_.restored_channels);
  levels_.resize(spec_.nodes.size());
  metrics_.watermark.set(EventTime::min().micros());
  metrics_.holding_input.set(-1);
  connect_outputs();
}

void Task::connect_outputs() {
  routers_of_node_.resize(spec_.nodes.size());
  for (std::uint32_t n = 0; n < spec_.nodes.size(); ++n) {
    std::vector<std::vector<Input*>> by_port;
    const auto add = [&](std::uint32_t port, Input* to) {
      if (by_port.size() <= port) by_port.resize(port + 1);
      by_port[port].push_back(to);
    };
    for (TaskNode& node : spec_.nodes) {
      if (node.parent == static_cast<std::int32_t>(n)) {
        add(node.parent_port, &node.op->port(node.input_port));
      }
    }
    for (TaskOutput& out : spec_.outputs) {
      if (out.node != n) continue;
      add(out.port, out.router.get());
      routers_of_node_[n].push_back(out.router.get());
    }
    for (std::uint32_t port = 0; port < by_port.size(); ++port) {
      if (by_port[port].empty()) continue;
      Input* to = by_port[port].front();
      if (by_port[port].size() > 1) {
        fanouts_.push_back(std::make_unique<Fanout>(by_port[port]));
        to = fanouts_.back().get();
      }
      spec_.nodes[n].op->connect(port, *to);
    }
  }
}

void Task::post(TaskCommand command) {
  {
    MutexLock lock(mutex_);
    commands_.push_back(command);
  }
  has_commands_.store(true, std::memory_order_release);
  wake();
}

RunResult Task::run() {
  if (phase_ == Phase::kDone) return {RunState::kDone};
  try {
    if (phase_ == Phase::kNew) {
      const absl::Status opened = open();
      if (!opened.ok()) fail(opened);
    }
    if (phase_ == Phase::kDone) return {RunState::kDone};
    return step();
  } catch (...) {
    fail(absl::AbortedError(describe_exception(calling_->context)));
  }
  return {RunState::kDone};
}

absl::Status Task::open() {
  for (TaskNode& node : spec_.nodes) {
    node.context.partitions = spec_.partitions.get();
    node.context.state = spec_.state.get();
    node.context.metrics = node.metrics.get();
    node.context.wake = [this] { wake(); };
    const absl::Status status = call(node).open(node.context);
    if (!status.ok()) {
      return absl::Status(status.code(), "operator '" + node.context.name + "' (task " +
                                             std::to_string(spec_.index) + ", declared at " +
                                             node.context.place +
                                             "): " + std::string(status.message()));
    }
  }
  if (spec_.state != nullptr) {
    const absl::Status status = spec_.state->restore(spec_.restored_rows);
    if (!status.ok()) return status;
  }
  for (TaskNode& node : spec_.nodes) {
    call(node).restored();
    if (!node.context.failure.ok()) return node.context.failure;
  }
  spec_.restored_rows.clear();
  phase_ = Phase::kRunning;
  wave_pending_ = true;  // restored watermarks take effect before the first record
  spec_.events->task_running(spec_.id);
  return absl::OkStatus();
}

absl::Status Task::operator_failure() const {
  for (const TaskNode& node : spec_.nodes) {
    if (!node.context.failure.ok()) return node.context.failure;
  }
  return absl::OkStatus();
}

void Task::fail(absl::Status status) {
  phase_ = Phase::kDone;
  metrics_.blocking.set(static_cast<int>(BlockingReason::kEnded));
  spec_.events->task_failed(spec_.id, std::move(status));
  spec_.events->task_closed(spec_.id, absl::OkStatus());
}

RunResult Task::blocked(BlockingReason reason, MonotonicTime wake_at) {
  metrics_.blocking.set(static_cast<int>(reason));
  return {RunState::kBlocked, wake_at};
}

RunResult Task::step() {
  metrics_.blocking.set(static_cast<int>(BlockingReason::kNone));
  if (pending_since_ != MonotonicTime::max() &&
      spec_.clock->now() - pending_since_ >= spec_.linger) {
    for (TaskOutput& out : spec_.outputs) out.router->flush();
    pending_since_ = MonotonicTime::max();
  }
  const MonotonicTime next_timer = wave_pending_ ? MonotonicTime::max() : run_processing_timers();
  RunResult result;
  for (int i = 0; i < kQuantum && result.state == RunState::kMore; ++i) {
    if (has_commands_.load(std::memory_order_acquire)) handle_commands();
    if (!deferred_.empty() && !wave_pending_ && !ending_) {
      for (const TaskCommand& command : std::exchange(deferred_, {})) take(command);
    }
    if (phase_ == Phase::kDone) return {RunState::kDone};
    if (snapshot_.has_value()) encode_snapshot(kRowsPerStep);
    result = work();
    const absl::Status failure = operator_failure();
    if (!failure.ok()) {
      fail(failure);
      return {RunState::kDone};
    }
  }
  if (spec_.state != nullptr && !is_advancing_) {
    const absl::Status kept = spec_.state->keep_budget();
    if (!kept.ok()) {
      fail(kept);
      return {RunState::kDone};
    }
  }
  if (result.state == RunState::kBlocked && snapshot_.has_value()) return {RunState::kMore};
  if (result.state == RunState::kBlocked) result.wake_at = std::min(result.wake_at, next_timer);
  if (result.state == RunState::kMore && pending_since_ == MonotonicTime::max()) {
    for (TaskOutput& out : spec_.outputs) {
      if (out.router->has_pending()) pending_since_ = spec_.clock->now();
    }
  }
  return result;
}

MonotonicTime Task::run_processing_timers() {
  MonotonicTime next = MonotonicTime::max();
  for (TaskNode& node : spec_.nodes) {
    std::int64_t due = call(node).next_processing_time();
    if (due == INT64_MAX) continue;
    const std::int64_t now = spec_.clock->wall_now().count();
    if (due <= now) {
      node.op->on_processing_time(now);
      dirty_since_dry_ = true;
      due = node.op->next_processing_time();
    }
    if (due == INT64_MAX) continue;
    next = std::min(next, spec_.clock->now() + std::chrono::microseconds(due - now));
  }
  return next;
}

RunResult Task::work() {
  if (!has_credit()) return blocked(BlockingReason::kNoCredit);
  if (wave_pending_) {
    if (advance_chain()) {
      wave_pending_ = false;
      tell_idleness();
    }
    return {RunState::kMore};
  }
  if (ending_) {
    end_chain();
    return {RunState::kMore};
  }
  if (phase_ == Phase::kEnded) return blocked(BlockingReason::kEnded);
  const RunResult result = spout_ != nullptr ? poll_spout() : receive();
  if (result.state == RunState::kBlocked && dirty_since_dry_) {
    dirty_since_dry_ = false;
    flush_chain(FlushReason::kDry);
    for (TaskOutput& out : spec_.outputs) out.router->flush();
    pending_since_ = MonotonicTime::max();
  }
  return result;
}

RunResult Task::poll_spout() {
  calling_ = &spec_.nodes.front();
  const PollResult polled = spout_->poll();
  for (const SpoutOperator::PartitionEvent& event : spout_->take_partition_events()) {
    for (TaskNode& node : spec_.nodes) {
      using Kind = SpoutOperator::PartitionEvent::Kind;
      if (event.kind == Kind::kEnded) node.op->partition_ended(event.index);
      if (event.kind == Kind::kIdle) node.op->partition_idle(event.index, true);
      if (event.kind == Kind::kActive) node.op->partition_idle(event.index, false);
    }
  }
  wave_pending_ = !advance_chain();
  if (!wave_pending_) tell_idleness();
  dirty_since_dry_ = true;
  if (polled.state == PollResult::State::kWait) {
    return blocked(BlockingReason::kNoInput, polled.wake_at);
  }
  if (polled.state == PollResult::State::kEnd) begin_end();
  return {RunState::kMore};
}

RunResult Task::receive() {
  const auto inputs = static_cast<std::uint32_t>(spec_.inputs.size());
  bool any_held = false;
  for (std::uint32_t tried = 0; tried < inputs; ++tried) {
    const std::uint32_t input = next_input_;
    next_input_ = next_input_ + 1 == inputs ? 0 : next_input_ + 1;
    if (aligner_->is_ended(input)) continue;
    if (aligner_->is_held(input)) {
      any_held = true;
      continue;
    }
    Element element;
    if (!spec_.inputs[input].channel->receive(element)) continue;
    handle_element(input, std::move(element));
    return {RunState::kMore};
  }
  return blocked(any_held ? BlockingReason::kAligning : BlockingReason::kNoInput);
}

void Task::push_batch(std::uint32_t input, std::unique_ptr<BatchBase> batch) {
  const std::size_t bytes = batch->bytes();
  metrics_.records_in.add(batch->size());
  merger_->on_data(input);
  call(spec_.nodes.front()).port(spec_.inputs[input].port).push(*batch);
  spec_.inputs[input].channel->give_back(std::move(batch), bytes);
  dirty_since_dry_ = true;
}

void Task::handle_element(std::uint32_t input, Element element) {
  switch (element.kind) {
    case Element::Kind::kBatch: push_batch(input, std::move(element.batch)); return;
    case Element::Kind::kWatermark:
      merger_->on_watermark(input, element.watermark);
      wave_pending_ = true;
      return;
    case Element::Kind::kIdle:
      merger_->on_idle(input);
      wave_pending_ = true;
      return;
    case Element::Kind::kBarrier:
      if (const auto id = aligner_->on_barrier(input, element.checkpoint)) take_checkpoint(*id);
      return;
    case Element::Kind::kEnd:
      if (const auto id = aligner_->on_end(input)) take_checkpoint(*id);
      merger_->on_end(input);
      wave_pending_ = true;
      if (aligner_->all_ended()) begin_end();
      return;
  }
}

bool Task::advance_chain() {
  is_advancing_ = true;
  const EventTime root =
      spout_ != nullptr ? (ending_ ? EventTime::max() : EventTime::min()) : merger_->current();
  for (; advancing_ < spec_.nodes.size(); ++advancing_) {
    TaskNode& node = spec_.nodes[advancing_];
    Level& level = levels_[advancing_];
    const EventTime in =
        node.parent < 0 ? root : levels_[static_cast<std::size_t>(node.parent)].out;
    if (in > level.in) {
      while (call(node).advance(in) == Progress::kMore) {
        if (!has_credit()) return false;
      }
      level.in = in;
    }
    const EventTime out = node.op->output_watermark(level.in);
    if (out <= level.out) continue;
    call(node).flush(FlushReason::kWatermark);
    level.out = out;
    for (Router* router : routers_of_node_[advancing_]) router->send_watermark(out);
  }
  advancing_ = 0;
  is_advancing_ = false;
  metrics_.watermark.set(levels_.back().out.micros());
  if (spout_ == nullptr) {
    const auto holding = merger_->holding();
    metrics_.holding_input.set(holding.has_value() ? static_cast<std::int64_t>(*holding) : -1);
  }
  return true;
}

void Task::tell_idleness() {
  const bool is_idle = spout_ != nullptr ? spout_->is_idle() : merger_->all_idle();
  if (is_idle == told_idle_ || ending_) return;
  told_idle_ = is_idle;
  if (is_idle) {
    // Consumers may pass this task's watermark from here on, so nothing may wait in the chain.
    flush_chain(FlushReason::kIdle);
    for (TaskOutput& out : spec_.outputs) out.router->send_idle();
    return;
  }
  for (std::size_t n = 0; n < levels_.size(); ++n) {
    for (Router* router : routers_of_node_[n]) router->send_watermark(levels_[n].out);
  }
}

void Task::begin_end() {
  ending_ = true;
  wave_pending_ = true;
}

void Task::end_chain() {
  for (TaskNode& node : spec_.nodes) call(node).finish();
  for (TaskOutput& out : spec_.outputs) out.router->send_end();
  ending_ = false;
  phase_ = Phase::kEnded;
  spec_.events->task_ended(spec_.id);
}

void Task::flush_chain(FlushReason reason) {
  for (TaskNode& node : spec_.nodes) call(node).flush(reason);
}

bool Task::has_credit() const {
  for (const TaskOutput& out : spec_.outputs) {
    if (!out.router->has_credit()) return false;
  }
  return true;
}

void Task::handle_commands() {
  std::vector<TaskCommand> commands;
  {
    MutexLock lock(mutex_);
    commands.swap(commands_);
    has_commands_.store(false, std::memory_order_relaxed);
  }
  for (const TaskCommand& command : commands) take(command);
}

void Task::take(const TaskCommand& command) {
  // A snapshot lies between two elements, and so does the end of a spout: they wait until a pending
  // wave has passed.
  using Kind = TaskCommand::Kind;
  const bool lies_between = command.kind == Kind::kCheckpoint || command.kind == Kind::kDrain;
  if (lies_between && (wave_pending_ || ending_)) {
    deferred_.push_back(command);
  } else {
    handle(command);
  }
}

void Task::handle(const TaskCommand& command) {
  if (phase_ == Phase::kDone) return;
  switch (command.kind) {
    case TaskCommand::Kind::kCheckpoint:
      if (spout_ != nullptr) {
        if (command.id > last_checkpoint_) take_checkpoint(command.id);
      } else if (const auto id = aligner_->on_command(command.id)) {
        take_checkpoint(*id);
      }
      return;
    case TaskCommand::Kind::kCommit: commit(command.id); return;
    case TaskCommand::Kind::kAbort:
      for (TaskNode& node : spec_.nodes) node.op->aborted(command.id);
      return;
    case TaskCommand::Kind::kCancel: close(); return;
    case TaskCommand::Kind::kDrain:
      if (spout_ != nullptr && phase_ == Phase::kRunning) begin_end();
      return;
  }
}

void Task::close() {
  phase_ = Phase::kDone;
  absl::Status status = absl::OkStatus();
  for (TaskNode& node : spec_.nodes) status.Update(call(node).close());
  spec_.events->task_closed(spec_.id, std::move(status));
}

}  // namespace weir::runtime
