// Bolt: the contract of a processing vertex, for people who write one. A plain class:
//
//   struct Dedup : weir::Bolt<Event, Event> {
//     absl::Status open(const weir::BoltContext& context);          // optional
//     void process(const Event& e, weir::Emitter<Event>& out);      // for each record
//     void on_watermark(weir::EventTime w, weir::Emitter<Event>& out);  // optional
//     void finish(weir::Emitter<Event>& out);                       // optional: end of input
//     std::string save() const;                                     // optional: state of this task
//     absl::Status load(const std::vector<std::string>& saved);     // ... of all old tasks
//   };
//
// The engine makes one copy of the object per task and calls it from that task's thread only; the
// calls are resolved at compile time. State per key belongs into a KeyedBolt. A bolt with a second
// output names it: `using Side = Alert; static constexpr const char* kSideName = "alerts";` and
// process(e, out, side); read it with topology.side<Alert>("alerts").
#pragma once

#include <concepts>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "weir/operators/side_output.h"
#include "weir/operators/transform.h"
#include "weir/runtime/operator.h"
#include "weir/runtime/user_error.h"

namespace weir::operators {

struct BoltContext {
  std::string name;
  std::uint32_t task_index = 0;
  std::uint32_t parallelism = 1;
  runtime::Clock* clock = nullptr;
};

template <class In, class Out>
class Bolt {
 public:
  using Input = In;
  using Output = Out;
  absl::Status open(const BoltContext&) { return absl::OkStatus(); }
  void on_watermark(EventTime, Emitter<Out>&) {}
  void finish(Emitter<Out>&) {}
  std::string save() const { return {}; }
  absl::Status load(const std::vector<std::string>&) { return absl::OkStatus(); }
};

template <class B>
concept HasSideOutput = HasSide<B> && requires {
  { B::kSideName } -> std::convertible_to<const char*>;
};

template <class B, class In>
concept BoltFor = std::copy_constructible<B> && std::derived_from<B, Bolt<In, typename B::Output>>;

// The two emitters of a bolt, driven along the runs of an input batch.
template <class Out, class Side>
class BoltOutputs {
 public:
  void open(const runtime::OperatorContext& context, runtime::Input& main, runtime::Input& side) {
    main_batch_ = std::make_unique<runtime::Batch<Out>>(context.batch_size);
    side_batch_ = std::make_unique<runtime::Batch<Side>>(context.batch_size);
    main_.start(*main_batch_, main);
    side_.start(*side_batch_, side);
  }
  // Before records that do not come from an input batch: timers, watermarks, the end.
  void begin_untied(EventTime time, EventTime watermark) {
    begin_untied(main_, time, watermark);
    begin_untied(side_, time, watermark);
  }
  void begin_batch(const runtime::BatchBase& in) {
    main_.begin_batch(in);
    side_.begin_batch(in);
    run_ = 0;
    next_run_ = in.runs().empty() ? UINT32_MAX : 0;
  }
  void begin_record(const runtime::BatchBase& in, std::uint32_t i) {
    while (i >= next_run_) [[unlikely]] {
        main_.open_run(in.runs()[run_].watermark);
        side_.open_run(in.runs()[run_].watermark);
        ++run_;
        next_run_ = run_ < in.runs().size() ? in.runs()[run_].offset : UINT32_MAX;
      }
    const std::int64_t time = in.has_times ? in.times()[i] : EventTime::min().micros();
    const std::uint64_t hash = in.has_hashes ? in.hashes()[i] : 0;
    main_.set_record(time, hash);
    side_.set_record(time, hash);
  }
  void end_batch() {
    main_.end_batch();
    side_.end_batch();
  }
  Emitter<Out>& main() { return main_; }
  Emitter<Side>& side() { return side_; }

 private:
  template <class U>
  static void begin_untied(Emitter<U>& out, EventTime time, EventTime watermark) {
    out.begin_untied(time, watermark);
  }

  std::unique_ptr<runtime::Batch<Out>> main_batch_;
  std::unique_ptr<runtime::Batch<Side>> side_batch_;
  Emitter<Out> main_;
  Emitter<Side> side_;
  std::size_t run_ = 0;
  std::uint32_t next_run_ = 0;
};

// Status of load(): the operator-level state travels in task_state, one string per old task.
std::vector<std::string> saved_states(const runtime::OperatorContext& context);

template <class T, class B>
class BoltOperator final : public runtime::Operator {
 public:
  explicit BoltOperator(B bolt) : bolt_(std::move(bolt)) {}

  absl::Status open(runtime::OperatorContext& context) override {
    absl::Status status = runtime::Operator::open(context);
    if (!status.ok()) return status;
    outputs_.open(context, output(), output(kSidePort));
    status = bolt_.open(
        BoltContext{context.name, context.task_index, context.parallelism, context.clock});
    if (!status.ok() || context.restored.empty()) return status;
    return bolt_.load(saved_states(context));
  }
  void push(runtime::BatchBase& batch) override {
    auto& in = runtime::Batch<T>::of(batch);
    outputs_.begin_batch(in);
    runtime::for_each_record(context(), in, [&](std::uint32_t i) {
      outputs_.begin_record(in, i);
      if constexpr (HasSideOutput<B>) {
        bolt_.process(std::as_const(in[i]), outputs_.main(), outputs_.side());
      } else {
        bolt_.process(std::as_const(in[i]), outputs_.main());
      }
    });
    outputs_.end_batch();
  }
  runtime::Progress advance(EventTime watermark) override {
    outputs_.begin_untied(watermark, watermark - runtime::Duration(1));
    bolt_.on_watermark(watermark, outputs_.main());
    outputs_.end_batch();
    return runtime::Progress::kDone;
  }
  void finish() override {
    outputs_.begin_untied(EventTime::max(), EventTime::max());
    bolt_.finish(outputs_.main());
    outputs_.end_batch();
  }
  void snapshot(runtime::CheckpointId, runtime::OperatorSnapshot& out, runtime::IoWork&) override {
    out.task_state = bolt_.save();
  }

 private:
  B bolt_;
  BoltOutputs<typename B::Output, typename SideOf<B>::Type> outputs_;
};

}  // namespace weir::operators

namespace weir {
using operators::Bolt;
using operators::BoltContext;
}  // namespace weir
