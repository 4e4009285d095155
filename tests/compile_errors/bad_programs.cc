// Programs that must not compile, and what the compiler must say about each: compile_errors_test.py
// looks for the words behind "says:" in its output, and for the line below them. With
// WEIR_CORRECTED the whole file compiles.
#include <weir/weir.h>

#include <cstdint>
#include <vector>

using namespace std::chrono_literals;

namespace {

struct Reading {
  std::int64_t sensor = 0;
  double value = 0;
  weir::EventTime time;
};
WEIR_RECORD(Reading, sensor, value, time);

struct Undescribed {
  std::vector<int> parts;
  bool operator==(const Undescribed&) const = default;
};

struct Described {
  std::vector<int> parts;
  bool operator==(const Described&) const = default;
};
WEIR_RECORD(Described, parts);

struct RepeatingSink : weir::Sink<Reading> {
  static constexpr weir::Delivery kDelivery = weir::Delivery::kAtLeastOnce;
  void write(const weir::Batch<Reading>&) {}
};

struct BoltOfNumbers : weir::Bolt<int, int> {
  void process(const int&, weir::Emitter<int>&) {}
};
struct BoltOfReadings : weir::Bolt<Reading, int> {
  void process(const Reading&, weir::Emitter<int>&) {}
};
struct BoltPerSensor : weir::KeyedBolt<std::int64_t, Reading, int> {
  void process(const Reading&, Context&, weir::Emitter<int>&) {}
};

struct NothingOfTheKind {};

weir::Stream<Reading> readings(weir::Topology& t) {
  return t.spout("in", weir::generate<Reading>(1, [](std::uint64_t, Reading&) {}));
}

[[maybe_unused]] void build(weir::Topology& t) {
  const auto in = readings(t);
  const auto timed = in.event_time(&Reading::time, weir::ascending());
#ifdef WEIR_CORRECTED
  timed.key_by(&Reading::sensor).window(weir::tumbling(1h), weir::late_drop());
  timed.window_all(weir::tumbling(1h), weir::late_drop());
  in.key_by(&Reading::sensor);
  in.key_by([](const Reading&) { return Described{}; });
  in.sink("out", weir::at_least_once(RepeatingSink{}));
  in.sink("screen", weir::at_least_once(weir::print()));
  in.bolt("bolt", BoltOfReadings{});
  in.key_by(&Reading::sensor).bolt("per sensor", BoltPerSensor{});
#else
  // says: window(...) needs event time: call .event_time(&T::field, weir::bounded_disorder(...))
  in.key_by(&Reading::sensor).window(weir::tumbling(1h), weir::late_drop());
  // says: window_all(...) needs event time: call .event_time(&T::field
  in.window_all(weir::tumbling(1h), weir::late_drop());
  // says: key_by(f): the key must be copyable, comparable with == and have a binary form in which
  in.key_by(&Reading::value);
  // says: describe a struct with WEIR_RECORD
  in.key_by([](const Reading&) { return Undescribed{}; });
  // says: (no floating point)
  in.key_by([](const Reading& r) { return &r.sensor; });
  // says: this sink may show records again after a failure; if that is acceptable, say so
  in.sink("out", RepeatingSink{});
  // says: .sink(name, weir::at_least_once(s))
  in.sink("screen", weir::print());
  // says: s is no sink for this stream's records
  in.sink("nothing", NothingOfTheKind{});
  // says: event_time(f, ...): f must yield a weir::EventTime
  in.event_time(&Reading::sensor, weir::ascending());
  // says: bolt(name, b): b must derive from weir::Bolt<In, Out> with In = this stream's record type
  in.bolt("bolt", BoltOfNumbers{});
  // says: bolt(name, b) on a keyed stream: b must derive from weir::KeyedBolt<Key, In, Out>
  in.key_by(&Reading::sensor).bolt("per sensor", BoltOfReadings{});
  // says: each a must be an aggregate over this stream's records
  in.key_by(&Reading::sensor).aggregate("sums", NothingOfTheKind{});
  // says: t.spout(name, s): s must be copyable and offer Output, Position, partitions()
  t.spout("spout", NothingOfTheKind{});
#endif
}

}  // namespace
