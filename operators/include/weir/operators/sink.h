// Sink: the contract of a stream's end, for people who write one.
//
//   struct MySink : weir::Sink<Row> {
//     static constexpr weir::Delivery kDelivery = weir::Delivery::kAtLeastOnce;
//     absl::Status open(const weir::SinkContext& context);
//     void write(const weir::Batch<Row>& rows);      // rows [0, rows.size()); or take(const Row&)
//   };
//
// A sink that takes part in exactly-once also has:
//     void seal(weir::CheckpointId id, std::string& state, weir::IoWork& io);
//         // everything written so far belongs to `id`: note in `state` what to commit, sync in
//         `io`
//     void commit(weir::CheckpointId id, weir::IoWork& io);
//         // `id` is complete: publish everything sealed up to it; repeated calls change nothing
//     absl::Status restore(const std::vector<std::string>& states);
//         // after open() on a restart: the states of the restored checkpoint, of all tasks
// A sink that cannot work as declared says why with `std::string fault() const` (empty: it can);
// the topology reports it with its other faults. A sink for records of any type may offer `template
// <class T> auto bind() const`, which makes the sink for the T of the stream it ends. All on the
// task's thread, except the jobs put into `io`, which one I/O thread runs in order.
#pragma once

#include <concepts>
#include <cstdint>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "weir/runtime/batch.h"
#include "weir/runtime/operator.h"
#include "weir/runtime/storage.h"
#include "weir/runtime/topology.h"
#include "weir/runtime/user_error.h"

namespace weir::operators {

struct SinkContext {
  std::string job;
  std::string name;  // of the sink
  std::uint32_t task_index = 0;
  std::uint32_t parallelism = 1;
  runtime::Epoch epoch{1};            // of the attempt
  runtime::CheckpointId restored{0};  // 0 = a fresh start
  runtime::Clock* clock = nullptr;
  runtime::Storage* storage = nullptr;
  runtime::OperatorMetrics* metrics = nullptr;
  // Fails the attempt once the current call has returned; for the task's thread only.
  std::function<void(absl::Status)> fail;
};

// Base of all sinks: names the record type, and the calls that one may leave out.
template <class In>
class Sink {
 public:
  using Input = In;
  absl::Status open(const SinkContext&) { return absl::OkStatus(); }
  // The input has nothing more for now: show what has been written.
  void flush() {}
  void seal(runtime::CheckpointId, std::string&, runtime::IoWork&) {}
  void commit(runtime::CheckpointId, runtime::IoWork&) {}
  absl::Status restore(const std::vector<std::string>&) { return absl::OkStatus(); }
  absl::Status close() { return absl::OkStatus(); }
  std::string describe() const { return ""; }
  std::string fault() const { return ""; }
  const char* kind() const { return "sink"; }
};

// The sink for records of type T: what bind() makes, or the sink itself.
template <class T, class S>
auto bind_sink(S sink) {
  if constexpr (requires { sink.template bind<T>(); }) {
    return sink.template bind<T>();
  } else {
    return sink;
  }
}

// A sink may have take(const T&) instead of write(batch): one record at a time.
template <class S, class T>
concept TakesSingleRecords = requires(S& s, const T& record) {
  s.take(record);
};

template <class S, class T>
concept SinkFor = std::copy_constructible<S> && requires(S& s, const runtime::Batch<T>& batch) {
  { S::kDelivery } -> std::convertible_to<runtime::Delivery>;
} &&(TakesSingleRecords<S, T> ||
     requires(S & s, const runtime::Batch<T>& batch) { s.write(batch); });

// Accepts a sink that may show records again after a failure, in a topology that is otherwise
// exactly-once: `.sink("console", weir::at_least_once(weir::print()))`.
template <class S>
struct Accepted {
  S sink;
};
template <class S>
Accepted<S> at_least_once(S sink) {
  return {std::move(sink)};
}

template <class T, class S>
class SinkOperator final : public runtime::Operator {
 public:
  explicit SinkOperator(S sink) : sink_(std::move(sink)) {}

  absl::Status open(runtime::OperatorContext& context) override {
    absl::Status status = runtime::Operator::open(context);
    if (!status.ok()) return status;
    status = sink_.open({context.job, context.name, context.task_index, context.parallelism,
                         context.epoch, context.restored_checkpoint, context.clock, context.storage,
                         context.metrics,
                         [&context](absl::Status why) { context.fail(std::move(why)); }});
    if (!status.ok() || context.restored_checkpoint.value == 0) return status;
    std::vector<std::string> states;
    for (const runtime::OperatorSnapshot* part : context.restored) {
      states.push_back(part->task_state);
    }
    return sink_.restore(states);
  }
  void push(runtime::BatchBase& batch) override {
    context().metrics->records_in.add(batch.size());
    const auto& in = runtime::Batch<T>::of(batch);
    if constexpr (TakesSingleRecords<S, T>) {
      runtime::for_each_record(context(), in, [&](std::uint32_t i) { sink_.take(in[i]); });
    } else {
      try {
        sink_.write(in);
      } catch (...) {
        runtime::rethrow_with_place(context(), in, in.size());
      }
    }
  }
  void flush(runtime::FlushReason) override { sink_.flush(); }
  void snapshot(runtime::CheckpointId id, runtime::OperatorSnapshot& out,
                runtime::IoWork& io) override {
    sink_.seal(id, out.task_state, io);
  }
  void committed(runtime::CheckpointId id, runtime::IoWork& io) override { sink_.commit(id, io); }
  absl::Status close() override { return sink_.close(); }

 private:
  S sink_;
};

}  // namespace weir::operators

namespace weir {
using operators::at_least_once;
using operators::Sink;
using operators::SinkContext;
using runtime::Batch;
using runtime::CheckpointId;
using runtime::IoWork;
}  // namespace weir
