// Topology: what the user declares. Vertices and edges with their parameters, as a value; nothing
// runs. The typed handles of the operators room (Stream, KeyedStream, ...) only add to it.
//
// Used by one thread, in build(). All faults are collected and reported together by validate(),
// each with the file and line of the DSL call.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "weir/runtime/grouping.h"
#include "weir/runtime/hash.h"
#include "weir/runtime/operator.h"
#include "weir/runtime/params.h"

namespace weir::runtime {

// Where in the user's program a call stands. As a default argument it is the caller's place.
struct Place {
  const char* file = "";
  int line = 0;
  static constexpr Place here(const char* file = __builtin_FILE(), int line = __builtin_LINE()) {
    return {file, line};
  }
  std::string text() const;  // "flights.cc:12", without folders
};

// The name of a vertex, with the place where it was given.
struct Name {
  std::string text;
  Place place;
  Name(const char* name, Place at = Place::here()) : text(name), place(at) {}
  Name(std::string name, Place at = Place::here()) : text(std::move(name)), place(at) {}
};

enum class VertexKind : std::uint8_t { kSpout, kBolt, kSink };

// What a sink promises about records that reach it, in rising order of strength.
enum class Delivery : std::uint8_t { kNone, kAtLeastOnce, kIdempotent, kExactlyOnce };

// An operator that works in two halves when its input is exchanged between tasks: the first half at
// the producer (projection, pre-aggregation), the second at the consumer.
struct SplitOperator {
  OperatorFactory producer_half;
  OperatorFactory consumer_half;
  const RecordType* between = nullptr;
  // Output ports (not 0) that the producer's half serves, such as a stream of late records.
  std::vector<std::uint32_t> producer_ports;
};

struct Vertex {
  VertexId id;
  std::string name;    // unique; also its uid
  std::string kind;    // "csv_file", "map", "window", ...
  std::string detail;  // for people: "sliding 24h/1min, late to 'late'"
  VertexKind role = VertexKind::kBolt;
  Place place;
  std::optional<std::uint32_t> parallelism;
  std::optional<std::uint32_t> max_tasks;  // a spout has no use for more tasks than partitions
  OperatorFactory make;
  std::optional<SplitOperator> split;
  bool assigns_time = false;
  bool is_keyed = false;                   // has keyed state: its input is grouped by key
  std::optional<Duration> watermark_step;  // of a window: watermarks matter at its multiples
  std::vector<const RecordType*> outputs;  // by port
  std::vector<std::string> side_outputs;   // names of ports 1, 2, ...
};

struct Edge {
  VertexId from;
  std::uint32_t from_port = 0;
  VertexId to;
  std::uint32_t to_port = 0;
  Grouping grouping = Grouping::kForward;
  CustomGrouping custom;
  const RecordType* type = nullptr;
};

class Topology {
 public:
  explicit Topology(Params& params) : params_(params) {}
  Topology(const Topology&) = delete;
  Topology& operator=(const Topology&) = delete;

  // A parameter of the program: `--name`, shown in --help and in the plan. The first form is
  // required, the second has a default.
  template <class T>
  T param(std::string_view name, std::string_view help) {
    return params_.get<T>(name, help);
  }
  template <class T>
  T param(std::string_view name, std::string_view help, T fallback) {
    return params_.get<T>(name, help, std::move(fallback));
  }

  // What an option of the engine ("state-dir", "checkpoint-interval", "job", ...) is when the
  // command line does not say; as text, without dashes. A name that the engine does not know is a
  // fault.
  void default_option(std::string_view name, std::string value) {
    default_options_[std::string(name)] = std::move(value);
  }
  const std::map<std::string, std::string>& default_options() const { return default_options_; }

  // Starts a stream with a spout (defined in weir/operators/stream.h).
  template <class S>
  auto spout(Name name, S spout);

  // The side stream `name` of records of type T, such as the late records of a window declared
  // before with late_to(name) (defined in weir/operators/stream.h).
  template <class T>
  auto side(Name name);

  // --- for the typed handles ---
  Vertex& add(Vertex vertex);
  void connect(Edge edge) { edges_.push_back(std::move(edge)); }
  void fault(Place place, std::string message);
  Vertex& vertex(VertexId id) { return vertices_[id.value]; }
  struct SideOutput {
    VertexId vertex;
    std::uint32_t port = 0;
  };
  // Notes a fault (and returns the first vertex's output) if there is none of that name and type.
  SideOutput find_side_output(const Name& name, const RecordType& type);
  // A name for a vertex that the user has not named: "<from>.<kind>", with a number if taken.
  std::string derive_name(VertexId from, std::string_view kind) const;

  const std::deque<Vertex>& vertices() const { return vertices_; }
  const std::vector<Edge>& edges() const { return edges_; }
  Params& params() { return params_; }
  std::uint32_t max_parallelism = 128;

  // InvalidArgument with one line per fault; OK if there is none.
  absl::Status validate() const;

 private:
  Params& params_;
  std::map<std::string, std::string> default_options_;
  std::deque<Vertex> vertices_;  // references stay valid
  std::vector<Edge> edges_;
  std::vector<std::string> faults_;
};

}  // namespace weir::runtime

namespace weir {
using runtime::Delivery;
using runtime::Grouping;
using runtime::Name;
using runtime::Place;
using runtime::Topology;
}  // namespace weir
