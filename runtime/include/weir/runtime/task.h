// Task: one parallel instance of a chain of operators; the thing an executor runs.
//
//   input channels -> gate (alignment, watermarks) -> operators -> routers -> output channels
//
// run() is called by one thread at a time. post() and wake() come from any thread; everything else
// happens inside run(). What the outside must learn goes through TaskEvents. A task owns its
// operators; channels, state and events are borrowed and outlive it.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "weir/runtime/alignment.h"
#include "weir/runtime/channel.h"
#include "weir/runtime/executor.h"
#include "weir/runtime/metrics.h"
#include "weir/runtime/mutex.h"
#include "weir/runtime/operator.h"
#include "weir/runtime/router.h"
#include "weir/runtime/snapshot.h"
#include "weir/runtime/task_state.h"

namespace weir::runtime {

// What a task tells the job. Called from any thread; must not block.
class TaskEvents {
 public:
  virtual ~TaskEvents() = default;
  virtual void task_running(TaskId task) = 0;
  // All input has been processed and passed on.
  virtual void task_ended(TaskId task) = 0;
  // The snapshot for `id` is durable, or could not be made so.
  virtual void snapshot_done(TaskId task, CheckpointId id,
                             absl::StatusOr<TaskSnapshot> snapshot) = 0;
  virtual void task_committed(TaskId task, CheckpointId id) = 0;
  virtual void task_failed(TaskId task, absl::Status status) = 0;
  // The task never runs again. After kCancel its operators are closed (`status`: the first error of
  // that); after a failure, which has been told before, they are not.
  virtual void task_closed(TaskId /*task*/, absl::Status /*status*/) {}
};

// What the job tells a task.
struct TaskCommand {
  enum class Kind : std::uint8_t {
    kCheckpoint,  // inject (spouts) or take (ended tasks) the barrier `id`
    kCommit,      // `id` is complete
    kAbort,       // `id` will not complete
    kCancel,      // stop now; nothing is flushed
    kDrain,       // spouts: end as if nothing more were to be read
  };
  Kind kind;
  CheckpointId id{0};
};

// One vertex of the chain, in topological order.
struct TaskNode {
  std::unique_ptr<Operator> op;
  OperatorContext context;
  std::int32_t parent = -1;  // index of the node that feeds it; -1 = the task's input
  std::uint32_t parent_port = 0;
  std::uint32_t input_port = 0;
  std::unique_ptr<OperatorMetrics> metrics;
};

struct TaskInput {
  InChannel* channel = nullptr;
  std::uint32_t port = 0;  // of the first operator
};

struct TaskOutput {
  std::uint32_t node = 0;
  std::uint32_t port = 0;
  std::unique_ptr<Router> router;
};

struct TaskSpec {
  TaskId id;
  std::string uid;
  std::uint32_t index = 0;
  std::uint32_t parallelism = 1;
  std::vector<TaskNode> nodes;
  std::vector<TaskInput> inputs;  // empty: the first node is a SpoutOperator
  std::vector<TaskOutput> outputs;
  std::unique_ptr<TaskState> state;  // may be null: no keyed state
  std::vector<RestoredRows> restored_rows;
  std::vector<ChannelSnapshot> restored_channels;  // empty or one per input
  std::unique_ptr<SpoutPartitions> partitions;
  TaskEvents* events = nullptr;
  Executor* executor = nullptr;
  Clock* clock = nullptr;
  MonotonicTime linger{1'000'000};
};

class Task final : public Runnable {
 public:
  Task() = default;
  // Connects the chain. Before the executor gets the task.
  void assemble(TaskSpec spec);

  RunResult run() override;
  // Delivers a command; from any thread.
  void post(TaskCommand command);

  TaskId id() const { return spec_.id; }
  const TaskSpec& spec() const { return spec_; }
  const TaskMetrics& metrics() const { return metrics_; }

 private:
  enum class Phase : std::uint8_t { kNew, kRunning, kEnded, kDone };
  // Watermarks of one node of the chain.
  struct Level {
    EventTime in = EventTime::min();
    EventTime out = EventTime::min();
  };
  struct PendingSnapshot {
    CheckpointId id;
    TaskSnapshot value;
    IoWork io;
  };

  void connect_outputs();
  // The operator of `node`, about to be called: an exception out of the call is laid at its door.
  Operator& call(TaskNode& node) {
    calling_ = &node;
    return *node.op;
  }
  absl::Status open();
  RunResult step();
  void handle_commands();
  // Now, or once what is under way is over.
  void take(const TaskCommand& command);
  void handle(const TaskCommand& command);
  RunResult blocked(BlockingReason reason, MonotonicTime wake_at = MonotonicTime::max());
  void fail(absl::Status status);
  void close();
  absl::Status operator_failure() const;

  // One batch or element of work; kBlocked if there is none.
  RunResult work();
  RunResult poll_spout();
  RunResult receive();
  void handle_element(std::uint32_t input, Element element);
  void push_batch(std::uint32_t input, std::unique_ptr<BatchBase> batch);

  // Passes watermarks down the chain, node by node; false if it must make room first.
  bool advance_chain();
  // Tells consumers that this task is idle, or active again, if that has changed. Between waves
  // only: a watermark behind the news would take it back.
  void tell_idleness();
  void begin_end();
  void end_chain();
  void flush_chain(FlushReason reason);
  bool has_credit() const;
  // Runs processing-time timers that are due; when the next one is (monotonic), or max().
  MonotonicTime run_processing_timers();

  void take_checkpoint(CheckpointId id);
  void encode_snapshot(std::size_t max_rows);
  void commit(CheckpointId id);

  TaskSpec spec_;
  SpoutOperator* spout_ = nullptr;
  const TaskNode* calling_ = nullptr;
  std::vector<std::unique_ptr<Input>> fanouts_;
  std::vector<std::vector<Router*>> routers_of_node_;
  TaskMetrics metrics_;

  Phase phase_ = Phase::kNew;
  std::unique_ptr<BarrierAligner> aligner_;
  std::unique_ptr<WatermarkMerger> merger_;
  std::uint32_t next_input_ = 0;
  std::vector<Level> levels_;
  std::size_t advancing_ = 0;  // node at which the current wave of watermarks stands
  bool is_advancing_ = false;  // a wave was interrupted for want of credit: operators stand mid-way
  bool wave_pending_ = false;
  bool ending_ = false;  // END has come; the chain is flushed by the current wave
  bool told_idle_ = false;
  bool dirty_since_dry_ = false;  // something was pushed since the last dry flush
  MonotonicTime pending_since_ = MonotonicTime::max();
  CheckpointId last_checkpoint_{0};
  std::optional<PendingSnapshot> snapshot_;
  std::vector<TaskCommand> deferred_;  // commands that wait for the end of a wave

  std::atomic<bool> has_commands_{false};
  Mutex mutex_;
  std::vector<TaskCommand> commands_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace weir::runtime
