// Functions of the user that throw: the job fails, and its message names the operator, where it is
// declared, its task, and the event time at hand.
#include <gtest/gtest.h>

#include <functional>
#include <stdexcept>
#include <string>
#include <vector>

#include "support/script_spout.h"
#include "weir/coordinator/embedded_job.h"
#include "weir/operators/dsl.h"

namespace weir {
namespace {

using runtime::Topology;
using tests::ScriptSpout;

struct Reading {
  std::int64_t value = 0;
  EventTime time;
};
WEIR_RECORD(Reading, value, time);

constexpr const char* kTimeOfTheThird = "event time of the record: 2001-01-19T06:00:02Z";

// Readings 0 .. 9, one a second; the functions below throw at the third.
Stream<Reading, true> readings(Topology& t, std::function<void()> at_poll = nullptr) {
  std::vector<Reading> records;
  for (std::int64_t i = 0; i < 10; ++i) {
    records.push_back({i, EventTime::from_seconds(979'884'000 + i)});
  }
  const auto script = std::make_shared<const std::vector<std::vector<Reading>>>(
      std::vector<std::vector<Reading>>{records});
  return t.spout("readings", ScriptSpout<Reading>(script, std::move(at_poll)))
      .event_time(&Reading::time, ascending());
}

std::int64_t fragile(const Reading& r) {
  if (r.value == 2) throw std::runtime_error("cannot bear a 2");
  return r.value;
}

struct FragileBolt : Bolt<Reading, Reading> {
  void process(const Reading& r, Emitter<Reading>& out) {
    fragile(r);
    out.emit(r);
  }
};
struct FragileAtWatermark : Bolt<Reading, Reading> {
  void process(const Reading&, Emitter<Reading>&) {}
  void on_watermark(EventTime, Emitter<Reading>&) { throw std::runtime_error("cannot bear time"); }
};
struct FragileKeyedBolt : KeyedBolt<std::int64_t, Reading, Reading> {
  void process(const Reading& r, Context&, Emitter<Reading>&) { fragile(r); }
};
struct FragileTimer : KeyedBolt<std::int64_t, Reading, Reading> {
  void process(const Reading& r, Context& c, Emitter<Reading>&) { c.set_event_timer(r.time); }
  void on_timer(const Timer&, Context& c, Emitter<Reading>&) { fragile({c.key(), {}}); }
};
struct FragileOpen : Bolt<Reading, Reading> {
  absl::Status open(const BoltContext&) { throw std::runtime_error("cannot bear opening"); }
  void process(const Reading&, Emitter<Reading>&) {}
};
struct FragileSink : Sink<Reading> {
  static constexpr Delivery kDelivery = Delivery::kAtLeastOnce;
  void write(const Batch<Reading>& rows) {
    for (std::uint32_t i = 0; i < rows.size(); ++i) fragile(rows[i]);
  }
};
struct FragileSeal : Sink<Reading> {
  static constexpr Delivery kDelivery = Delivery::kAtLeastOnce;
  void write(const Batch<Reading>&) {}
  void seal(CheckpointId, std::string&, IoWork& io) {
    io.push_back([]() -> absl::Status { throw std::runtime_error("cannot bear a disk"); });
  }
};

struct Case {
  const char* name;
  std::function<void(Topology&)> build;
  std::vector<std::string> parts;  // of the message, besides where it is declared
};

std::vector<Case> bolts() {
  return {
      {"map",
       [](Topology& t) { readings(t).map("f", fragile).sink("out", discard()); },
       {"operator 'f' (task 0, ", "cannot bear a 2", kTimeOfTheThird}},
      {"filter",
       [](Topology& t) {
         readings(t)
             .filter("f", [](const Reading& r) { return fragile(r) >= 0; })
             .sink("out", discard());
       },
       {"operator 'f' (task 0, ", "cannot bear a 2", kTimeOfTheThird}},
      {"flat_map",
       [](Topology& t) {
         readings(t)
             .flat_map<Reading>("f", [](const Reading& r, Emitter<Reading>&) { fragile(r); })
             .sink("out", discard());
       },
       {"operator 'f' (task 0, ", "cannot bear a 2", kTimeOfTheThird}},
      {"bolt",
       [](Topology& t) { readings(t).bolt("f", FragileBolt{}).sink("out", discard()); },
       {"operator 'f' (task 0, ", "cannot bear a 2", kTimeOfTheThird}},
      {"on_watermark",
       [](Topology& t) { readings(t).bolt("f", FragileAtWatermark{}).sink("out", discard()); },
       {"operator 'f' (task 0, ", "cannot bear time"}},
      {"open",
       [](Topology& t) { readings(t).bolt("f", FragileOpen{}).sink("out", discard()); },
       {"operator 'f' (task 0, ", "cannot bear opening"}},
  };
}

std::vector<Case> keyed() {
  return {
      {"key",
       [](Topology& t) {
         readings(t).key_by(fragile).aggregate("n", count()).sink("out", discard());
       },
       {"operator 'readings.event_time.key_by' (task 0, ", "cannot bear a 2", kTimeOfTheThird}},
      {"keyed bolt",
       [](Topology& t) {
         readings(t).key_by(&Reading::value).bolt("f", FragileKeyedBolt{}).sink("out", discard());
       },
       {"operator 'f' (task 0, ", "cannot bear a 2", kTimeOfTheThird}},
      {"timer",
       [](Topology& t) {
         readings(t).key_by(&Reading::value).bolt("f", FragileTimer{}).sink("out", discard());
       },
       {"operator 'f' (task 0, ", "cannot bear a 2", "time of the timer: 2001-01-19T06:00:02Z"}},
      {"event_time",
       [](Topology& t) {
         readings(t)
             .event_time([](const Reading& r) { return EventTime(fragile(r)); }, ascending())
             .sink("out", discard());
       },
       {"operator 'readings.event_time.event_time' (task 0, ", "cannot bear a 2"}},
      {"aggregate",
       [](Topology& t) {
         readings(t)
             .key_by(&Reading::value)
             .window(tumbling(std::chrono::seconds(1)), late_drop())
             .aggregate("f", sum([](const Reading& r) { return fragile(r); }))
             .sink("out", discard());
       },
       {"operator 'f' (task 0, ", "cannot bear a 2", kTimeOfTheThird}},
      {"reduce",
       [](Topology& t) {
         readings(t)
             .key_by([](const Reading&) { return 0; })
             .reduce("f",
                     [](const Reading& a, const Reading& b) {
                       fragile(b);
                       return a;
                     })
             .sink("out", discard());
       },
       {"operator 'f' (task 0, ", "cannot bear a 2", kTimeOfTheThird}},
  };
}

std::vector<Case> ends() {
  const auto pass = [](const Reading& r) { return r; };
  return {
      {"group_by",
       [pass](Topology& t) {
         auto grouped =
             readings(t).group_by([](const Reading& r, std::uint32_t) { return fragile(r); });
         grouped.map("f", pass).parallelism(2).sink("out", discard());
       },
       {"group_by (declared at user_errors_test.cc:", "cannot bear a 2", kTimeOfTheThird}},
      {"call",
       [](Topology& t) {
         readings(t).sink("f", at_least_once(call([](const Reading& r) { fragile(r); })));
       },
       {"operator 'f' (task 0, ", "cannot bear a 2", kTimeOfTheThird}},
      {"sink",
       [](Topology& t) { readings(t).sink("f", at_least_once(FragileSink{})); },
       {"operator 'f' (task 0, ", "cannot bear a 2",
        "event times of the records at hand: 2001-01-19T06:00:00Z to 2001-01-19T06:00:09Z"}},
      {"poll",
       [](Topology& t) {
         readings(t, [] {
           throw std::runtime_error("cannot bear reading");
         }).sink("out", discard());
       },
       {"operator 'readings' (task 0, ", "cannot bear reading"}},
      {"no std::exception",
       [](Topology& t) {
         readings(t).map("f", [](const Reading&) -> int { throw 7; }).sink("out", discard());
       },
       {"operator 'f' (task 0, ", "an exception that is no std::exception"}},
  };
}

void expect_named(const std::vector<Case>& cases) {
  for (const Case& c : cases) {
    for (const bool combine : {true, false}) {
      SCOPED_TRACE(c.name);
      JobOptions options;
      options.executor = ExecutorKind::kSingle;
      options.combine = combine;
      const JobResult result = run_embedded(c.build, options);
      EXPECT_EQ(result.outcome, JobResult::Outcome::kFailed);
      const std::string message(result.status.message());
      EXPECT_NE(message.find("declared at user_errors_test.cc:"), std::string::npos) << message;
      for (const std::string& part : c.parts) {
        EXPECT_NE(message.find(part), std::string::npos) << part << " in: " << message;
      }
    }
  }
}

TEST(UserErrors, OfBoltsNameTheOperatorItsTaskAndTheTime) { expect_named(bolts()); }
TEST(UserErrors, OfKeyedFunctionsNameTheOperatorItsTaskAndTheTime) { expect_named(keyed()); }
TEST(UserErrors, OfSpoutsSinksAndGroupingsNameWhereTheyAre) { expect_named(ends()); }

TEST(UserErrors, OfASinkThatWritesFailTheCheckpointNotTheProcess) {
  runtime::ManualClock clock;
  JobOptions options;
  options.manual_clock = &clock;
  options.executor = ExecutorKind::kSingle;
  const JobResult result = run_embedded(
      [](Topology& t) { readings(t).sink("f", at_least_once(FragileSeal{})); }, options);
  EXPECT_EQ(result.outcome, JobResult::Outcome::kFailed);
  EXPECT_NE(std::string(result.status.message()).find("cannot bear a disk"), std::string::npos)
      << result.status;
  EXPECT_GT(result.progress.failed_checkpoints, 0u);
}

TEST(UserErrors, AnEventTimeThatNoWindowCouldHoldFailsTheJob) {
  for (const EventTime time :
       {EventTime::min(), EventTime::max(), EventTime(EventTime::earliest().micros() - 1),
        EventTime(EventTime::latest().micros() + 1)}) {
    JobOptions options;
    options.executor = ExecutorKind::kSingle;
    const auto build = [&](EventTime of_the_third) {
      return [of_the_third](Topology& t) {
        readings(t)
            .event_time([=](const Reading& r) { return r.value == 2 ? of_the_third : r.time; },
                        ascending())
            .key_by(&Reading::value)
            .window(sliding(std::chrono::hours(24), std::chrono::minutes(1)), late_drop())
            .aggregate("n", count())
            .sink("out", discard());
      };
    };
    const JobResult result = run_embedded(build(time), options);
    const std::string message(result.status.message());
    EXPECT_NE(message.find(std::to_string(time.micros()) + " us, more than 146,000 years"),
              std::string::npos)
        << message;
    EXPECT_NE(message.find("check the unit"), std::string::npos) << message;
    EXPECT_TRUE(run_embedded(build(EventTime::earliest()), options).ok());
  }
}

}  // namespace
}  // namespace weir
