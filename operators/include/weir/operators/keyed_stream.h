// KeyedStream and WindowedStream: the handles behind key_by(). Part of stream.h; include that.
#pragma once

#include <chrono>
#include <concepts>
#include <string>
#include <utility>

#include "weir/operators/keyed_bolt.h"
#include "weir/operators/keying.h"
#include "weir/operators/running.h"
#include "weir/operators/stream.h"
#include "weir/operators/window.h"

namespace weir::operators {

// A stream grouped by a key: all records of one key meet in one task.
template <class T, class KeyFn, bool kTimed>
class KeyedStream {
 public:
  using Key = KeyOfT<T, KeyFn>;

  KeyedStream(StreamSource source, KeyFn key_fn)
      : source_(std::move(source)), key_(std::move(key_fn)) {}

  // A bolt with state and timers per key: see weir/operators/keyed_bolt.h.
  template <class B>
  auto bolt(Name name, B b) const {
    static_assert(KeyedBoltFor<B, T, Key>,
                  "bolt(name, b) on a keyed stream: b must derive from weir::KeyedBolt<Key, In, "
                  "Out> with this stream's key and record types");
    using Out = typename B::Output;
    Vertex v;
    v.name = std::move(name.text);
    v.place = name.place;
    v.kind = "keyed bolt";
    v.make = make_factory<KeyedBoltOperator<T, Key, KeyFn, B>>(std::move(b), key_);
    v.is_keyed = true;
    v.outputs = {&runtime::record_type<Out>()};
    if constexpr (HasSideOutput<B>) {
      v.outputs.push_back(&runtime::record_type<typename B::Side>());
      v.side_outputs = {B::kSideName};
    }
    return Stream<Out, kTimed>(
        {source_.topology, add_vertex(source_, runtime::record_type<T>(), std::move(v))});
  }
  template <class B>
  auto process(Name name, B b) const {
    return bolt(std::move(name), std::move(b));
  }

  // Combines all records of a key into one by f(T, T) -> T and emits it after every record.
  template <class F>
  requires std::invocable<F&, const T&, const T&> Stream<T, kTimed> reduce(Name name, F f)
  const {
    static_assert(runtime::Encodable<T>,
                  "reduce(name, f): the record is kept in state, so it needs a binary form: "
                  "describe it with WEIR_RECORD");
    return bolt(std::move(name), ReduceBolt<Key, T, F>(std::move(f)));
  }

  // Emits the updated results of its key for every record.
  template <class... As>
  auto aggregate(Name name, As... aggregates) const {
    static_assert((AggregateOf<As, T> && ...),
                  "aggregate(name, a...): each a must be an aggregate over this stream's records");
    using Set = AggregateSet<T, As...>;
    using Value = typename Set::Value;
    using Direct = RunningOperator<T, Key, Set, RecordAccess<T, KeyFn>>;
    using Half = RunningOperator<Projected<Key, Value>, Key, Set, ProjectedAccess<Key, Value>>;
    using Out = typename Direct::Out;
    const Set set(std::move(aggregates)...);
    Vertex v;
    v.name = std::move(name.text);
    v.place = name.place;
    v.kind = "aggregate";
    v.detail = "every update";
    v.make = make_factory<Direct>(set, RecordAccess<T, KeyFn>{key_});
    v.split = runtime::SplitOperator{make_factory<ProjectOperator<T, Key, KeyFn, Set>>(set, key_),
                                     make_factory<Half>(set, ProjectedAccess<Key, Value>{}),
                                     &runtime::record_type<Projected<Key, Value>>(),
                                     {}};
    v.is_keyed = true;
    v.outputs = {&runtime::record_type<Out>()};
    return Stream<Out, kTimed>(
        {source_.topology, add_vertex(source_, runtime::record_type<T>(), std::move(v))});
  }

  // Event-time windows per key. What happens to late records must be said: late_drop(),
  // late_to("name") or refire_within(...).
  WindowedStream<T, KeyFn> window(WindowSpec spec, LatePolicy late,
                                  Place place = Place::here()) const {
    static_assert(kTimed,
                  "window(...) needs event time: call .event_time(&T::field, "
                  "weir::bounded_disorder(...)) on the stream before key_by");
    if (const std::string fault = spec.fault(); !fault.empty()) {
      source_.topology->fault(place, "window: " + fault);
      spec = tumbling(std::chrono::seconds(1));  // so that the rest can be checked, too
    }
    if (late.allowed.count() < 0) {
      source_.topology->fault(place, "window: an allowed lateness below 0 means nothing");
    }
    return WindowedStream<T, KeyFn>(*this, spec, std::move(late));
  }

  // To the less loaded of two tasks that the key names; for work that is merged again later.
  Stream<T, kTimed> partial() const {
    StreamSource s = source_;
    s.grouping = Grouping::kPartialKey;
    return Stream<T, kTimed>(std::move(s));
  }

  const StreamSource& source() const { return source_; }
  const KeyFn& key() const { return key_; }

 private:
  StreamSource source_;
  KeyFn key_;
};

// A keyed stream cut into windows; aggregate() turns it into a stream of results.
template <class T, class KeyFn>
class WindowedStream {
 public:
  using Key = KeyOfT<T, KeyFn>;

  WindowedStream(const KeyedStream<T, KeyFn, true>& keyed, WindowSpec spec, LatePolicy late)
      : keyed_(keyed), spec_(spec), late_(std::move(late)) {}

  // One result per key and window that holds a record, when the watermark has passed its end.
  template <class... As>
  auto aggregate(Name name, As... aggregates) const {
    static_assert((AggregateOf<As, T> && ...),
                  "aggregate(name, a...): each a must be an aggregate over this stream's records");
    using Set = AggregateSet<T, As...>;
    using Whole = WindowOperator<T, Key, KeyFn, Set>;
    using Out = typename Whole::Out;
    const Set set(std::move(aggregates)...);
    Topology& topology = *keyed_.source().topology;
    if (!Set::kAssociative && (!spec_.is_tumbling() || late_.allowed.count() != 0)) {
      topology.fault(name.place,
                     "'" + name.text +
                         "': sliding windows and refiring merge partial results, so every "
                         "aggregate must be associative (kAssociative and merge)");
    }
    Vertex v;
    v.name = std::move(name.text);
    v.place = name.place;
    v.kind = "window";
    v.detail = spec_.describe() + ", " + late_.describe();
    v.make = make_factory<Whole>(spec_, late_, set, keyed_.key());
    if constexpr (Set::kAssociative) {
      v.split = runtime::SplitOperator{
          make_factory<CombineOperator<T, Key, KeyFn, Set>>(spec_, late_, set, keyed_.key()),
          make_factory<MergeWindowOperator<Key, Set>>(spec_, late_, set),
          &runtime::record_type<Partial<Key, typename Set::Acc>>(),
          {kLatePort}};
    }
    v.is_keyed = true;
    v.watermark_step = spec_.watermark_step();
    v.outputs = {&runtime::record_type<Out>(), &runtime::record_type<T>()};
    if (!late_.stream.empty()) v.side_outputs = {late_.stream};
    const VertexId id = add_vertex(keyed_.source(), runtime::record_type<T>(), std::move(v));
    return Stream<Out, true>({&topology, id});
  }

 private:
  KeyedStream<T, KeyFn, true> keyed_;
  WindowSpec spec_;
  LatePolicy late_;
};

}  // namespace weir::operators
