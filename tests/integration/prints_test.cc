// --print=topology and --print=plan, as text and for Graphviz, against files: an exchange, windows
// in two halves, side streams, a merge, stated parallelism, a name that needs quoting.
#include <gtest/gtest.h>

#include <chrono>
#include <fstream>
#include <iterator>
#include <string>

#include "weir/operators/dsl.h"
#include "weir/runtime/plan.h"

namespace weir {
namespace {

using runtime::Topology;
using namespace std::chrono_literals;

struct Reading {
  std::int64_t sensor = 0;
  std::int64_t value = 0;
  EventTime time;
};
WEIR_RECORD(Reading, sensor, value, time);

struct Alarms : KeyedBolt<std::int64_t, Reading, Reading> {
  void process(const Reading&, Context&, Emitter<Reading>&) {}
};

auto readings() {
  return generate<Reading>(1000, [](std::uint64_t, Reading&) {}, {.partitions = 4});
}

void build(Topology& t) {
  auto old = t.spout("old", readings()).event_time(&Reading::time, ascending());
  auto live = t.spout("live", readings()).event_time(&Reading::time, bounded_disorder(30s));
  auto all = live.filter("positive", [](const Reading& r) { return r.value > 0; }).merge(old);
  auto [good, bad] = all.split("plausible", [](const Reading& r) { return r.value < 100; });
  good.key_by(&Reading::sensor)
      .window(sliding(1h, 10min, 1min), refire_within(20min, late_to("late")))
      .aggregate("means", mean(&Reading::value), count())
      .sink("report", discard());
  t.side<Reading>("late").sink("late", discard());
  bad.key_by(&Reading::sensor).bolt("alarms", Alarms{}).parallelism(2).sink("pager", discard());
  bad.global().sink("\"all\\bad\"", discard());
  good.broadcast().map("everywhere", [](const Reading& r) { return r; }).sink("x", discard());
}

std::string golden(const std::string& name) {
  const std::string path = std::string(WEIR_SOURCE_DIR) + "/tests/data/golden/" + name;
  std::ifstream in(path, std::ios::binary);
  EXPECT_TRUE(in) << path;
  return {std::istreambuf_iterator<char>(in), {}};
}

TEST(Prints, ShowTheTopology) {
  runtime::Params params;
  Topology topology(params);
  build(topology);
  EXPECT_EQ(print_topology(topology), golden("print-topology.txt"));
  EXPECT_EQ(print_topology_dot(topology), golden("print-topology.dot"));
}

TEST(Prints, ShowThePlan) {
  runtime::Params params;
  Topology topology(params);
  build(topology);
  const auto plan = runtime::make_plan(topology, {.parallelism = 3});
  ASSERT_TRUE(plan.ok()) << plan.status();
  EXPECT_EQ(print_plan(*plan), golden("print-plan.txt"));
  EXPECT_EQ(print_plan_dot(*plan), golden("print-plan.dot"));
  const auto single = runtime::make_plan(topology, {.parallelism = 1, .combine = false});
  ASSERT_TRUE(single.ok()) << single.status();
  EXPECT_EQ(print_plan(*single), golden("print-plan-single.txt"));
}

}  // namespace
}  // namespace weir
