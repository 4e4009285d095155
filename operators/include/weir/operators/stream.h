// Stream, KeyedStream, WindowedStream: the typed handles that a topology is written with. Each call
// adds a vertex to the Topology and returns the handle of its output; nothing runs.
//
// Stream<T, kTimed> says in its type whether records carry event time: a window on a stream without
// it does not compile. Handles are small values; copies denote the same stream.
#pragma once

#include <concepts>
#include <cstdint>
#include <string>
#include <type_traits>
#include <utility>

#include "weir/operators/bolt.h"
#include "weir/operators/call_sink.h"
#include "weir/operators/event_time.h"
#include "weir/operators/keying.h"
#include "weir/operators/record_errors.h"
#include "weir/operators/sink.h"
#include "weir/operators/spout.h"
#include "weir/operators/transform.h"
#include "weir/operators/window_spec.h"
#include "weir/runtime/topology.h"

namespace weir::operators {

using runtime::Delivery;
using runtime::Edge;
using runtime::Grouping;
using runtime::Name;
using runtime::Place;
using runtime::Topology;
using runtime::Vertex;
using runtime::VertexId;
using runtime::VertexKind;

template <class T, class KeyFn, bool kTimed>
class KeyedStream;
template <class T, class KeyFn>
class WindowedStream;

// The key of a stream that is one group as a whole.
struct WholeStream {
  template <class T>
  std::uint8_t operator()(const T&) const {
    return 0;
  }
};

// One output port of a vertex, and how its consumer is to receive it.
struct StreamSource {
  Topology* topology = nullptr;
  VertexId vertex{};
  std::uint32_t port = 0;
  Grouping grouping = Grouping::kForward;
  runtime::CustomGrouping custom = {};
};

// Adds `vertex` with one input from `from`.
VertexId add_vertex(const StreamSource& from, const runtime::RecordType& type, Vertex vertex);

// A factory that makes operators as copies of `op`'s parts: Op(args...).
template <class Op, class... Args>
runtime::OperatorFactory make_factory(Args... args) {
  return [... args = std::move(args)]() -> std::unique_ptr<runtime::Operator> {
    return std::make_unique<Op>(args...);
  };
}

template <class T, bool kTimed = false>
class Stream {
 public:
  using Record = T;

  explicit Stream(StreamSource source) : source_(std::move(source)) {}

  // --- stateless words -------------------------------------------------------------------------

  // f(T&) changes records in place; f(const T&) -> U makes new ones.
  template <class F>
  requires std::invocable<F&, T&>
  auto map(Name name, F f) const {
    using Op = MapOperator<T, F>;
    return next<typename Op::Out>(std::move(name), "map", make_factory<Op>(std::move(f)));
  }
  template <class F>
  requires std::invocable<F&, T&>
  auto map(F f, Place place = Place::here()) const {
    return map(derived("map", place), std::move(f));
  }
  // Keeps the records for which f(const T&) is true.
  template <class F>
  requires std::predicate<F&, const T&> Stream filter(Name name, F f)
  const {
    return next<T>(std::move(name), "filter", make_factory<FilterOperator<T, F>>(std::move(f)));
  }
  template <class F>
  requires std::predicate<F&, const T&> Stream filter(F f, Place place = Place::here())
  const { return filter(derived("filter", place), std::move(f)); }
  // f(const T&, weir::Emitter<U>&) emits any number of records.
  template <class U, class F>
  requires std::invocable < F&, const T&, Emitter<U>
  & > Stream<U, kTimed> flat_map(Name name, F f) const {
    return next<U>(std::move(name), "flat_map",
                   make_factory<FlatMapOperator<T, U, F>>(std::move(f)));
  }
  template <class U, class F>
  requires std::invocable < F&, const T&, Emitter<U>
  & > Stream<U, kTimed> flat_map(F f, Place place = Place::here()) const {
    return flat_map<U>(derived("flat_map", place), std::move(f));
  }

  // --- user-written bolts ----------------------------------------------------------------------

  // A bolt that a user wrote: see weir/operators/bolt.h.
  template <class B>
  auto bolt(Name name, B b) const {
    static_assert(BoltFor<B, T>,
                  "bolt(name, b): b must derive from weir::Bolt<In, Out> with In = this stream's "
                  "record type");
    using Out = typename B::Output;
    Vertex v = make_vertex(std::move(name), "bolt", make_factory<BoltOperator<T, B>>(std::move(b)));
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

  // --- event time ------------------------------------------------------------------------------

  // Gives each record the event time that `f` (a member or a function returning weir::EventTime)
  // finds in it. Only in the spout's own chain: before any change of grouping.
  template <class F>
  Stream<T, true> event_time(F f, Disorder disorder, Place place = Place::here()) const {
    static_assert(
        std::same_as<std::remove_cvref_t<std::invoke_result_t<const F&, const T&>>, EventTime>,
        "event_time(f, ...): f must yield a weir::EventTime");
    if (disorder.bound.count() < 0) {
      source_.topology->fault(place, "event_time: a disorder of " +
                                         runtime::format_duration(disorder.bound) +
                                         " is negative; give how far records may lag, 0 or more");
    }
    if (source_.grouping != Grouping::kForward) {
      source_.topology->fault(place,
                              "event_time must stand before records are redistributed: only in the "
                              "spout's own chain is the order of a partition known");
    }
    Vertex v = make_vertex(derived("event_time", place), "event_time",
                           make_factory<EventTimeOperator<T, F>>(std::move(f), disorder));
    v.assigns_time = true;
    v.detail = disorder.bound.count() == 0
                   ? "ascending"
                   : "disorder up to " + runtime::format_duration(disorder.bound);
    v.outputs = {&runtime::record_type<T>()};
    return Stream<T, true>(
        {source_.topology, add_vertex(source_, runtime::record_type<T>(), std::move(v))});
  }

  // --- grouping --------------------------------------------------------------------------------

  // Groups records by the key that `key` (a member or a function) finds in them.
  template <class KeyFn>
  KeyedStream<T, KeyFn, kTimed> key_by(KeyFn key, Place place = Place::here()) const {
    static_assert(runtime::KeyType<KeyOfT<T, KeyFn>>,
                  "key_by(f): the key must be copyable, comparable with == and have a binary form "
                  "in which equal keys have equal bytes (no floating point); describe a struct "
                  "with WEIR_RECORD");
    Vertex v =
        make_vertex(derived("key_by", place), "key_by", make_factory<KeyByOperator<T, KeyFn>>(key));
    v.outputs = {&runtime::record_type<T>()};
    const VertexId id = add_vertex(source_, runtime::record_type<T>(), std::move(v));
    return KeyedStream<T, KeyFn, kTimed>({source_.topology, id, 0, Grouping::kKey, {}},
                                         std::move(key));
  }
  // Windows over the whole stream: one group, one task (pre-aggregated before it).
  auto window_all(WindowSpec spec, LatePolicy late, Place place = Place::here()) const {
    static_assert(kTimed,
                  "window_all(...) needs event time: call .event_time(&T::field, "
                  "weir::bounded_disorder(...)) on the stream before it");
    return key_by(WholeStream{}, place).window(spec, std::move(late), place);
  }
  Stream shuffle() const { return regrouped(Grouping::kShuffle); }
  Stream broadcast() const { return regrouped(Grouping::kBroadcast); }
  Stream global() const { return regrouped(Grouping::kGlobal); }
  // f(const T&, tasks) -> index of the consumer's task, 0 .. tasks - 1.
  template <class F>
  Stream group_by(F f, Place place = Place::here()) const {
    Stream s = regrouped(Grouping::kCustom);
    s.source_.custom = [f = std::move(f), place](const runtime::BatchBase& batch,
                                                 std::uint32_t tasks, std::uint32_t* targets) {
      const auto& in = static_cast<const runtime::Batch<T>&>(batch);
      std::uint32_t i = 0;
      try {
        for (; i < in.size(); ++i) targets[i] = static_cast<std::uint32_t>(f(in[i], tasks));
      } catch (...) {
        runtime::rethrow_with_origin("group_by (declared at " + place.text() + ")", in, i);
      }
    };
    return s;
  }

  // --- shape -----------------------------------------------------------------------------------

  // The records for which f(const T&) is true, and the others.
  template <class F>
  requires std::predicate<F&, const T&> std::pair<Stream, Stream> split(Name name, F f)
  const {
    Vertex v =
        make_vertex(std::move(name), "split", make_factory<SplitRecords<T, F>>(std::move(f)));
    v.outputs = {&runtime::record_type<T>(), &runtime::record_type<T>()};
    v.side_outputs = {v.name + ".others"};
    const VertexId id = add_vertex(source_, runtime::record_type<T>(), std::move(v));
    return {Stream({source_.topology, id, 0}), Stream({source_.topology, id, 1})};
  }
  // All records of both streams.
  Stream merge(const Stream& other, Place place = Place::here()) const {
    Vertex v = make_vertex(derived("merge", place), "merge", make_factory<PassOperator>());
    v.outputs = {&runtime::record_type<T>()};
    const VertexId id = add_vertex(source_, runtime::record_type<T>(), std::move(v));
    other.connect_to(id, 0);
    return Stream({source_.topology, id});
  }

  // Ends the stream. The sink must be as strong as the topology's guarantee, exactly-once; a weaker
  // one is accepted by at_least_once(sink).
  template <class S>
  void sink(Name name, S sink) const {
    auto bound = bind_sink<T>(std::move(sink));
    using Bound = decltype(bound);
    static_assert(SinkFor<Bound, T>, "sink(name, s): s is no sink for this stream's records");
    static_assert(
        Bound::kDelivery >= Delivery::kIdempotent,
        "this sink may show records again after a failure; if that is acceptable, say so: "
        ".sink(name, weir::at_least_once(s))");
    end(std::move(name), std::move(bound));
  }
  template <class S>
  void sink(Name name, Accepted<S> sink) const {
    auto bound = bind_sink<T>(std::move(sink.sink));
    static_assert(SinkFor<decltype(bound), T>,
                  "sink(name, s): s is no sink for this stream's records");
    end(std::move(name), std::move(bound));
  }

  // --- the vertex at hand ----------------------------------------------------------------------

  Stream& parallelism(std::uint32_t tasks) {
    source_.topology->vertex(source_.vertex).parallelism = tasks;
    return *this;
  }
  Stream& name(Name name) {
    Vertex& v = source_.topology->vertex(source_.vertex);
    v.name = std::move(name.text);
    v.place = name.place;
    return *this;
  }

  // --- for other handles -----------------------------------------------------------------------

  const StreamSource& source() const { return source_; }
  void connect_to(VertexId to, std::uint32_t port) const {
    source_.topology->connect({source_.vertex, source_.port, to, port, source_.grouping,
                               source_.custom, &runtime::record_type<T>()});
  }
  template <class U>
  Stream<U, kTimed> next(Name name, const char* kind, runtime::OperatorFactory make) const {
    Vertex v = make_vertex(std::move(name), kind, std::move(make));
    v.outputs = {&runtime::record_type<U>()};
    return Stream<U, kTimed>(
        {source_.topology, add_vertex(source_, runtime::record_type<T>(), std::move(v))});
  }

 private:
  Name derived(const char* kind, Place place) const {
    return Name(source_.topology->derive_name(source_.vertex, kind), place);
  }
  static Vertex make_vertex(Name name, const char* kind, runtime::OperatorFactory make) {
    Vertex v;
    v.name = std::move(name.text);
    v.kind = kind;
    v.place = name.place;
    v.make = std::move(make);
    return v;
  }
  Stream regrouped(Grouping grouping) const {
    Stream s = *this;
    s.source_.grouping = grouping;
    return s;
  }
  template <class S>
  void end(Name name, S sink) const {
    Vertex v = make_vertex(std::move(name), sink.kind(), nullptr);
    v.detail = sink.describe();
    v.role = VertexKind::kSink;
    if constexpr (requires { sink.fault(); }) {
      if (const std::string why = sink.fault(); !why.empty()) {
        source_.topology->fault(v.place, "'" + v.name + "': " + why);
      }
    }
    v.make = make_factory<SinkOperator<T, S>>(std::move(sink));
    add_vertex(source_, runtime::record_type<T>(), std::move(v));
  }

  StreamSource source_;
};

}  // namespace weir::operators

#include "weir/operators/keyed_stream.h"  // the handles that key_by() returns; they need Stream

namespace weir::runtime {

template <class S>
auto Topology::spout(Name name, S spout) {
  static_assert(operators::SpoutLike<S>,
                "t.spout(name, s): s must be copyable and offer Output, Position, partitions(), "
                "open(context, resume), poll(out) and position(); see weir/operators/spout.h");
  static_assert(operators::has_fitting_poll<S>(),
                "t.spout(name, s): s needs weir::Poll poll(weir::SpoutOutput<Output>& out), with a "
                "second weir::SpoutOutput<Side>& if it names a Side");
  Vertex v;
  v.name = std::move(name.text);
  v.place = name.place;
  v.kind = spout.kind();
  v.detail = spout.describe();
  v.role = VertexKind::kSpout;
  std::string why;
  if constexpr (requires { spout.fault(); }) why = spout.fault();
  if (why.empty() && spout.partitions() == 0) {
    why = "the spout has no partitions, so there is nothing to read; give it at least one";
  }
  if (!why.empty()) fault(v.place, "'" + v.name + "': " + why);
  v.max_tasks = spout.partitions();
  v.outputs = {&record_type<typename S::Output>()};
  if constexpr (operators::HasSide<S>) {
    v.outputs.push_back(&record_type<typename S::Side>());
    if (const std::string side = spout.side_stream(); !side.empty()) v.side_outputs = {side};
  }
  v.make = operators::make_factory<operators::SpoutAdapter<S>>(std::move(spout));
  const VertexId id = add(std::move(v)).id;
  return operators::Stream<typename S::Output, false>({this, id});
}

template <class T>
auto Topology::side(Name name) {
  const auto found = find_side_output(name, record_type<T>());
  return operators::Stream<T, !operators::kIsUntimedSide<T>>({this, found.vertex, found.port});
}

}  // namespace weir::runtime

namespace weir {
using operators::KeyedStream;
using operators::Stream;
}  // namespace weir
