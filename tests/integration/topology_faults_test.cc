// What a topology declares wrongly is said before anything runs: all of it at once, each fault with
// its place in the source and what to do.
#include <gtest/gtest.h>

#include <chrono>
#include <functional>
#include <string>
#include <vector>

#include "weir/operators/dsl.h"
#include "weir/runtime/plan.h"

namespace weir {
namespace {

using runtime::Topology;
using namespace std::chrono_literals;

struct Reading {
  std::int64_t value = 0;
  EventTime time;
};
WEIR_RECORD(Reading, value, time);

void fill(std::uint64_t i, Reading& r) {
  r = {static_cast<std::int64_t>(i), EventTime(static_cast<std::int64_t>(i))};
}
auto readings() { return generate<Reading>(10, fill); }

std::string message_of(const std::function<void(Topology&)>& build, std::uint32_t parallelism = 1) {
  runtime::Params params;
  Topology topology(params);
  build(topology);
  return std::string(runtime::make_plan(topology, {.parallelism = parallelism}).status().message());
}

std::string window_fault(operators::WindowSpec spec) {
  return message_of([spec](Topology& t) {
    t.spout("in", readings())
        .event_time(&Reading::time, ascending())
        .key_by(&Reading::value)
        .window(spec, late_drop())
        .aggregate("n", count())
        .sink("out", discard());
  });
}

testing::AssertionResult says(const std::string& message, const std::vector<std::string>& parts) {
  for (const std::string& part : parts) {
    if (message.find(part) == std::string::npos) {
      return testing::AssertionFailure() << "no \"" << part << "\" in: " << message;
    }
  }
  return testing::AssertionSuccess();
}

TEST(TopologyFaults, OfWindowsSayWhatAWindowNeeds) {
  EXPECT_TRUE(says(window_fault(tumbling(0s)),
                   {"topology_faults_test.cc:", "a window of 0", "give a size above 0"}));
  EXPECT_TRUE(says(window_fault(tumbling(-1h)), {"a window of -1h", "give a size above 0"}));
  EXPECT_TRUE(says(window_fault(sliding(1h, 0s)), {"slides by 0", "give a slide above 0"}));
  EXPECT_TRUE(says(window_fault(sliding(1h, -1s)), {"slides by -1s", "give a slide above 0"}));
  EXPECT_TRUE(says(window_fault(sliding(1h, 2h)),
                   {"a slide of 2h is larger than the window of 1h", "give a slide up to"}));
  EXPECT_TRUE(says(window_fault(tumbling(Duration::max())), {"more than 36,000 years"}));
  EXPECT_TRUE(says(window_fault(tumbling(1h, Duration::min())), {"more than 36,000 years"}));
  EXPECT_EQ(window_fault(sliding(1h, 1h)), "");
}

TEST(TopologyFaults, OfNamesSayWhereTheOtherOneIs) {
  const std::string twice = message_of([](Topology& t) {
    t.spout("in", readings()).map("f", [](const Reading& r) { return r; }).sink("f", discard());
  });
  EXPECT_TRUE(says(
      twice, {"the name 'f' is taken by the map at topology_faults_test.cc:", "names are unique"}));
  EXPECT_TRUE(says(message_of([](Topology& t) { t.spout("", readings()).sink("o", discard()); }),
                   {"a name must not be empty"}));
  EXPECT_TRUE(
      says(message_of([](Topology& t) { t.spout("i", readings()).sink("o/pre", discard()); }),
           {"'o/pre'", "the engine keeps"}));
}

TEST(TopologyFaults, OfSideStreamsWithOneNameAreFoundWhenOneIsRead) {
  const auto build = [](bool is_read) {
    return [is_read](Topology& t) {
      for (const char* name : {"a", "b"}) {
        t.spout(name, readings())
            .event_time(&Reading::time, ascending())
            .key_by(&Reading::value)
            .window(tumbling(1s), late_to("late"))
            .aggregate(std::string(name) + ".n", count())
            .sink(std::string(name) + ".out", discard());
      }
      if (is_read) t.side<Reading>("late").sink("late", discard());
    };
  };
  EXPECT_EQ(message_of(build(false)), "");
  EXPECT_TRUE(says(message_of(build(true)),
                   {"the side stream 'late' of 'b.n'", "'a.n'", "a name of its own"}));
  EXPECT_TRUE(says(message_of([](Topology& t) {
                     t.spout("in", readings()).sink("out", discard());
                     t.side<Reading>("lost").sink("lost", discard());
                   }),
                   {"there is no side stream 'lost'"}));
}

TEST(TopologyFaults, OfParallelismSayTheRange) {
  const auto with = [](std::uint32_t tasks) {
    return [tasks](Topology& t) {
      t.spout("in", readings())
          .map("f", [](const Reading& r) { return r; })
          .parallelism(tasks)
          .sink("out", discard());
    };
  };
  EXPECT_TRUE(says(message_of(with(0)), {"'f' has parallelism 0", "between 1 and 128"}));
  EXPECT_TRUE(says(message_of(with(129)), {"'f' has parallelism 129", "between 1 and 128"}));
  EXPECT_EQ(message_of(with(128)), "");
  EXPECT_TRUE(says(message_of(with(1), 0), {"parallelism 0 must lie between 1 and 128"}));
  EXPECT_TRUE(says(message_of(with(1), 1'000'000), {"between 1 and 128"}));
  for (const std::uint32_t groups : {0u, 32769u}) {
    EXPECT_TRUE(says(message_of([&](Topology& t) {
                       t.max_parallelism = groups;
                       with(1)(t);
                     }),
                     {"max_parallelism is " + std::to_string(groups), "between 1 and 32768"}));
  }
  EXPECT_TRUE(
      says(message_of([](Topology& t) {
             t.spout("in", generate<Reading>(1, fill, {.partitions = 0})).sink("out", discard());
           }),
           {"'in': the spout has no partitions", "give it at least one"}));
}

TEST(TopologyFaults, AreToldAllAtOnce) {
  const std::string message = message_of([](Topology& t) {
    t.spout("in", readings()).map("f", [](const Reading& r) { return r; });
    t.spout("in", readings()).parallelism(0).sink("out", discard());
  });
  EXPECT_TRUE(says(message, {"the topology has 3 faults:", "nothing reads the output of 'f'",
                             "end the stream with .sink(", "'in' is taken", "has parallelism 0"}));
  EXPECT_TRUE(says(message_of([](Topology&) {}), {"the topology is empty", "t.spout("}));
}

TEST(TopologyFaults, OfEventTimeSayWhereItBelongs) {
  const std::string message = message_of([](Topology& t) {
    t.spout("in", readings())
        .shuffle()
        .event_time(&Reading::time, bounded_disorder(-1s))
        .sink("out", discard());
  });
  EXPECT_TRUE(says(message, {"a disorder of -1s is negative; give",
                             "event_time must stand before records are redistributed"}));
}

}  // namespace
}  // namespace weir
