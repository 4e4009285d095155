// Operator: the erased contract between a task and one vertex of its chain. What users write
// (Bolt, Spout, lambdas) is wrapped into operators by the `operators` room.
//
// Calls come from the task's thread only, in this order:
//   open -> { push* | advance | flush | snapshot | committed | partition_ended | idle }* -> finish
//        -> { snapshot | committed }* -> close
// An operator never blocks, never starts a thread and never asks for the time except through its
// context. An exception out of any call is caught by the task and fails the attempt; errors of
// operating are returned from open/close or raised through OperatorContext::fail.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "weir/runtime/batch.h"
#include "weir/runtime/clock.h"
#include "weir/runtime/metrics.h"
#include "weir/runtime/snapshot.h"
#include "weir/runtime/time.h"

namespace weir::runtime {

class TaskState;
class Storage;

// Blocking work that an operator hands to the I/O thread; run in order, the first error ends it.
using IoWork = std::vector<std::function<absl::Status()>>;

// What the operators of one chain know about the task's spout.
struct SpoutPartitions {
  std::vector<PartitionId> ids;  // local index -> partition
};

// Why an operator is asked to push out what it holds back.
enum class FlushReason : std::uint8_t {
  kDry,        // the input has nothing more for now
  kWatermark,  // a watermark is about to be passed on
  kIdle,       // the input pauses, and consumers will pass its watermark
  kBarrier,    // a snapshot follows
};

// Whether a resumable call has finished. After kMore the task makes room downstream and calls
// again.
enum class Progress : std::uint8_t { kDone, kMore };

// Everything an operator may know and touch; owned by the task, outlives the operator's calls.
struct OperatorContext {
  std::string job;               // name of the job
  std::string name;              // of the operator, as the user gave it
  std::string uid;               // stable across restarts
  std::string place;             // file:line of the DSL call
  std::uint32_t task_index = 0;  // 0 .. parallelism - 1
  std::uint32_t parallelism = 1;
  std::uint32_t max_parallelism = 128;
  std::uint32_t batch_size = 256;  // capacity of output batches, records
  Duration watermark_step{0};  // granularity at which watermarks matter downstream; 0 = each change
  Epoch epoch{1};
  CheckpointId restored_checkpoint{0};    // 0 = a fresh start
  TaskState* state = nullptr;             // keyed state of the task
  SpoutPartitions* partitions = nullptr;  // of the chain's spout; empty without one
  Storage* storage = nullptr;
  Clock* clock = nullptr;
  OperatorMetrics* metrics = nullptr;
  std::function<void()> wake;                 // makes the task run soon; callable from any thread
  MonotonicTime idle_timeout{5'000'000'000};  // a partition without data for so long is idle
  // What this operator's tasks handed over at the restored checkpoint, by old task index. Empty on
  // a fresh start. An operator picks its share: its own index, its partitions, its key groups.
  std::vector<const OperatorSnapshot*> restored;

  // Fails the attempt with `status` once the current call has returned. The first failure counts.
  void fail(absl::Status status) {
    if (failure.ok()) failure = std::move(status);
  }
  absl::Status failure;
};

class Operator : public Input {
 public:
  // Restores and prepares. Outputs are connected; nothing may be pushed yet.
  virtual absl::Status open(OperatorContext& context);

  // The keyed state of the task has been loaded; nothing has been pushed yet.
  virtual void restored() {}

  // Input port `port` (0 unless the operator has several inputs).
  virtual Input& port(std::uint32_t port);

  // The merged watermark of the inputs has risen to `watermark`: emits what is due. On kMore the
  // call is repeated with the same watermark.
  virtual Progress advance(EventTime watermark);
  // The watermark that holds for this operator's output when its input stands at `input`.
  virtual EventTime output_watermark(EventTime input) { return input; }

  // Pushes out what is held back only for efficiency.
  virtual void flush(FlushReason) {}
  // Adds this operator's part to the snapshot. Everything pushed before is covered by it, nothing
  // pushed later. Sinks seal what they have staged so far under `id`. Blocking work (sync of files)
  // goes into `io`; the snapshot is acked when all of it has returned OK.
  virtual void snapshot(CheckpointId id, OperatorSnapshot& out, IoWork& io);
  // Checkpoint `id` is complete and durable: commit everything sealed up to it, in `io`.
  // Idempotent.
  virtual void committed(CheckpointId id, IoWork& io);
  // Checkpoint `id` will not complete; later ones cover its content.
  virtual void aborted(CheckpointId id);

  // Partition `index` of the task's spout will deliver nothing more / nothing for now.
  virtual void partition_ended(std::uint32_t index);
  virtual void partition_idle(std::uint32_t index, bool idle);

  // Processing time: when (wall clock, microseconds) on_processing_time wants to be called next.
  // INT64_MAX = never.
  virtual std::int64_t next_processing_time() const { return INT64_MAX; }
  virtual void on_processing_time(std::int64_t) {}

  // All input has been processed and event time is at its end: push what is left.
  virtual void finish() {}
  virtual absl::Status close() { return absl::OkStatus(); }

  // Output ports: 0 is the main one, others are side outputs. Set by the task before open().
  void connect(std::uint32_t port, Input& to);

 protected:
  // What `port` is connected to; a port that nobody reads swallows what is pushed.
  Input& output(std::uint32_t port = 0) {
    return port < outputs_.size() ? *outputs_[port] : unread();
  }
  bool is_connected(std::uint32_t port) const;
  const OperatorContext& context() const { return *context_; }
  OperatorContext& context() { return *context_; }

 private:
  static Input& unread();

  std::vector<Input*> outputs_;
  OperatorContext* context_ = nullptr;
};

// What a spout's poll has to say.
struct PollResult {
  enum class State : std::uint8_t {
    kMore,  // poll again
    kWait,  // nothing now: at `wake_at`, or when the task is woken
    kEnd,   // every partition has ended
  };
  State state = State::kMore;
  MonotonicTime wake_at = MonotonicTime::max();
};

// The head of a chain without inputs: drives the partitions of the task's share of a spout.
class SpoutOperator : public Operator {
 public:
  // Pushes at most one batch, of one partition.
  virtual PollResult poll() = 0;
  // Partitions whose end or idleness has changed since the last call; the task tells the chain.
  struct PartitionEvent {
    std::uint32_t index;
    enum class Kind : std::uint8_t { kEnded, kIdle, kActive } kind;
  };
  virtual std::vector<PartitionEvent> take_partition_events() { return {}; }
  // Of the whole spout, over all tasks; may be asked before open(). 0: it does not say.
  virtual std::uint32_t partition_count() const { return 0; }
  // Whether every partition that has not ended is idle, and there is one.
  virtual bool is_idle() const { return false; }

  void push(BatchBase&) final { WEIR_CHECK(false, "nothing is pushed into a spout"); }
};

// An operator as the plan holds it: makes one instance per task.
using OperatorFactory = std::function<std::unique_ptr<Operator>()>;

}  // namespace weir::runtime
