// KeyedBolt: a bolt with state and timers per key. Every call sees the state of the key at hand.
//
//   struct Gaps : weir::KeyedBolt<std::string, Flight, Gap> {
//     Value<weir::EventTime> last;
//     absl::Status open(Context& c) {
//       last = c.value<weir::EventTime>("last");
//       return absl::OkStatus();
//     }
//     void process(const Flight& f, Context& c, weir::Emitter<Gap>& out) {
//       if (last.has()) out.emit({c.key(), f.departed - *last.get()});
//       last.set(f.departed);
//       c.set_event_timer(f.departed + 1h);          // on_timer(timer, c, out) when time gets
//       there
//     }
//     void on_timer(const weir::Timer& t, Context& c, weir::Emitter<Gap>& out);   // optional
//   };
//
// Event-time timers fire when the watermark passes them, in order of (time, id); setting the same
// (time, id) for a key again has no effect. Processing-time timers fire at a wall-clock time and
// are armed again after a restart. State and timers are part of every checkpoint, by value.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "weir/operators/bolt.h"
#include "weir/operators/keyed_context.h"
#include "weir/operators/keying.h"

namespace weir::operators {

template <class K, class In, class Out>
class KeyedBolt {
 public:
  using Key = K;
  using Input = In;
  using Output = Out;
  using Context = KeyedContext<K>;
  template <class V>
  using Value = ValueState<K, V>;
  template <class V>
  using List = ListState<K, V>;
  template <class MK, class MV>
  using Map = MapState<K, MK, MV>;
  template <class V, class F>
  using Reducing = ReducingState<K, V, F>;
  template <class T, class A>
  using Aggregating = AggregatingState<K, T, A>;

  absl::Status open(Context&) { return absl::OkStatus(); }
  void on_timer(const Timer&, Context&, Emitter<Out>&) {}
};

template <class B, class In, class K>
concept KeyedBoltFor =
    std::copy_constructible<B> && std::derived_from<B, KeyedBolt<K, In, typename B::Output>>;

template <class T, class K, class KeyFn, class B>
class KeyedBoltOperator final : public runtime::Operator {
 public:
  KeyedBoltOperator(B bolt, KeyFn key) : bolt_(std::move(bolt)), key_(std::move(key)) {}

  absl::Status open(runtime::OperatorContext& context) override {
    absl::Status status = runtime::Operator::open(context);
    if (!status.ok()) return status;
    outputs_.open(context, output(), output(kSidePort));
    context_.open(context);
    return bolt_.open(context_);
  }
  void restored() override { context_.timers().restored(); }

  void push(runtime::BatchBase& batch) override {
    auto& in = runtime::Batch<T>::of(batch);
    const std::uint64_t* hashes = in.hashes();
    context_.fetch(in.size(), hashes, [&](std::uint32_t i) { return K(std::invoke(key_, in[i])); });
    outputs_.begin_batch(in);
    runtime::for_each_record(context(), in, [&](std::uint32_t i) {
      outputs_.begin_record(in, i);
      const auto& key = std::invoke(key_, in[i]);
      context_.select(hashes[i], key);
      context_.set_time(in.has_times ? EventTime(in.times()[i]) : EventTime::min());
      if constexpr (HasSideOutput<B>) {
        bolt_.process(std::as_const(in[i]), context_, outputs_.main(), outputs_.side());
      } else {
        bolt_.process(std::as_const(in[i]), context_, outputs_.main());
      }
    });
    outputs_.end_batch();
  }

  runtime::Progress advance(EventTime watermark) override {
    context_.set_watermark(watermark);
    return fire(context_.timers().event_time(), watermark.micros());
  }
  std::int64_t next_processing_time() const override {
    return context_.timers().processing_time().next();
  }
  void on_processing_time(std::int64_t wall_us) override {
    while (fire(context_.timers().processing_time(), wall_us) == runtime::Progress::kMore) {
    }
  }
  void snapshot(runtime::CheckpointId, runtime::OperatorSnapshot& out, runtime::IoWork&) override {
    out.states = context_.descriptors();
  }

 private:
  static constexpr int kTimersPerStep = 1024;

  runtime::Progress fire(TimerQueue<K>& queue, std::int64_t upto) {
    int fired = 0;
    while (queue.next() <= upto && queue.next() != TimerQueue<K>::kNone) {
      if (++fired > kTimersPerStep) return runtime::Progress::kMore;
      const TimerRow<K> row = queue.take_first();
      const std::uint64_t hash = runtime::KeyTraits<K>::hash(row.key);
      context_.fetch(1, &hash, [&](std::uint32_t) -> const K& { return row.key; });
      context_.select(hash, row.key);
      const Timer timer{row.time, row.id, queue.is_event_time()};
      context_.set_time(timer.is_event_time ? EventTime(row.time) : EventTime::min());
      outputs_.begin_untied(EventTime(row.time), EventTime(row.time) - runtime::Duration(1));
      call_on_timer(timer);
      outputs_.end_batch();
    }
    return runtime::Progress::kDone;
  }
  void call_on_timer(const Timer& timer) {
    try {
      bolt_.on_timer(timer, context_, outputs_.main());
    } catch (...) {
      runtime::rethrow_from_timer(context(), timer.time);
    }
  }

  B bolt_;
  KeyFn key_;
  KeyedContext<K> context_;
  BoltOutputs<typename B::Output, typename SideOf<B>::Type> outputs_;
};

// reduce() as a keyed bolt.
template <class K, class T, class F>
class ReduceBolt : public KeyedBolt<K, T, T> {
 public:
  explicit ReduceBolt(F f) : f_(std::move(f)) {}
  absl::Status open(KeyedContext<K>& context) {
    reduced_ = context.template value<T>("reduced");
    return absl::OkStatus();
  }
  void process(const T& record, KeyedContext<K>&, Emitter<T>& out) {
    if (!reduced_.has()) {
      reduced_.set(record);
    } else {
      T& current = reduced_.edit();
      current = f_(std::as_const(current), record);
    }
    out.emit(*reduced_.get());
  }

 private:
  F f_;
  ValueState<K, T> reduced_;
};

}  // namespace weir::operators

namespace weir {
using operators::KeyedBolt;
using operators::Timer;
}  // namespace weir
