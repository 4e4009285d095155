// The simulated network: the contracts of transport and links over it, its faults, and that a seed
// says everything.
#include "weir/runtime/simulated_network.h"

#include <gtest/gtest.h>

#include "links_contract.h"
#include "transport_contract.h"

namespace weir::runtime {
namespace {

using namespace std::chrono_literals;
using tests::RecordingHandler;

// One process that holds all endpoints.
class SimulatedWorld {
 public:
  Transport& transport() { return network_.transport(*process_); }
  Clock& clock() { return clock_; }
  Executor& executor() { return *process_; }
  std::string any_address() const { return "tcp://127.0.0.1:0"; }
  bool wait_until(const std::function<bool()>& is_true) {
    return processes_.run_until(is_true, clock_.now() + 60s);
  }
  void stop() { process_->stop(); }

 private:
  ManualClock clock_;
  SimulatedProcesses processes_{5, clock_};
  SimulatedNetwork network_{processes_};
  std::unique_ptr<SimulatedProcess> process_ = processes_.start("p");
};

}  // namespace
}  // namespace weir::runtime

namespace weir::tests {
INSTANTIATE_TYPED_TEST_SUITE_P(Simulated, TransportContract, runtime::SimulatedWorld);
INSTANTIATE_TYPED_TEST_SUITE_P(Simulated, LinksContract, runtime::SimulatedWorld);
}  // namespace weir::tests

namespace weir::runtime {
namespace {

// Two processes with an endpoint each; a is connected to b.
class TwoProcesses {
 public:
  explicit TwoProcesses(std::uint64_t seed, const NetworkFaults& faults = {})
      : processes(seed, clock), network(processes, faults) {
    a_end = *network.transport(*a).open({.name = "a"}, at_a);
    b_end = *network.transport(*b).open({.name = "b", .listen = "tcp://127.0.0.1:0"}, at_b);
    EXPECT_TRUE(a_end->connect("b", b_end->address()).ok());
  }
  void run_for(MonotonicTime time) {
    processes.run_until([] { return false; }, clock.now() + time);
  }
  void send(int from, int to) {
    for (int i = from; i < to; ++i) a_end->send("b", {std::to_string(i), {}});
  }
  // What b has heard, as numbers.
  std::vector<int> heard() const {
    std::vector<int> numbers;
    for (const auto& message : at_b.messages()) numbers.push_back(std::stoi(message.head));
    return numbers;
  }

  ManualClock clock;
  SimulatedProcesses processes;
  SimulatedNetwork network;
  RecordingHandler at_a, at_b;
  std::unique_ptr<SimulatedProcess> a = processes.start("pa"), b = processes.start("pb");
  std::unique_ptr<Endpoint> a_end, b_end;
};

TEST(SimulatedNetwork, LosesRunsOfMessagesAndKeepsTheOrderOfTheRest) {
  TwoProcesses two(1, {.lose = 0.01});
  two.run_for(10ms);
  two.send(0, 2000);
  two.run_for(1s);
  const auto heard = two.heard();
  EXPECT_LT(heard.size(), 2000u);
  EXPECT_GT(heard.size(), 1000u);
  EXPECT_EQ(heard.size() + two.network.counts().lost, 2000u);
  EXPECT_TRUE(std::is_sorted(heard.begin(), heard.end()));
  EXPECT_EQ(two.at_a.unreachable_count(), 0u) << "nobody is told";
}

TEST(SimulatedNetwork, Duplicates) {
  TwoProcesses two(2, {.duplicate = 0.1});
  two.run_for(10ms);
  two.send(0, 1000);
  two.run_for(1s);
  EXPECT_EQ(two.heard().size(), 1000 + two.network.counts().duplicated);
  EXPECT_GT(two.network.counts().duplicated, 0u);
}

TEST(SimulatedNetwork, BreaksConnectionsTellsAndDialsAgain) {
  TwoProcesses two(3, {.disconnect = 0.01});
  two.run_for(10ms);
  for (int i = 0; i < 2000; i += 10) {
    two.send(i, i + 10);
    two.run_for(10ms);
  }
  two.network.set_faults({});
  two.run_for(1s);
  EXPECT_GT(two.network.counts().broken, 0u);
  EXPECT_GE(two.at_a.unreachable_count(), two.network.counts().broken);
  two.send(5000, 5001);
  two.run_for(1s);
  EXPECT_EQ(two.heard().back(), 5000) << "it stands again";
}

TEST(SimulatedNetwork, MessagesOfDifferentConnectionsOvertakeEachOther) {
  TwoProcesses two(4, {.slow = 0.2});
  const auto c = two.processes.start("pc");
  RecordingHandler nobody;
  auto c_end = *two.network.transport(*c).open({.name = "c"}, nobody);
  ASSERT_TRUE(c_end->connect("b", two.b_end->address()).ok());
  two.run_for(1s);
  for (int i = 0; i < 100; ++i) {
    two.a_end->send("b", {std::to_string(2 * i), {}});
    c_end->send("b", {std::to_string(2 * i + 1), {}});
  }
  two.run_for(60s);
  const auto heard = two.heard();
  EXPECT_EQ(heard.size(), 200u);
  EXPECT_FALSE(std::is_sorted(heard.begin(), heard.end()));
}

TEST(SimulatedNetwork, ACutHoldsMessagesInOneDirection) {
  bool has_healed = false, has_broken = false;
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    TwoProcesses two(seed);
    two.run_for(10ms);
    two.network.cut("pa", "pb");
    two.send(0, 10);
    two.b_end->send("a", {"the other way", {}});
    two.run_for(5s);
    EXPECT_TRUE(two.heard().empty());
    EXPECT_EQ(two.at_a.message_count(), 1u);
    two.network.heal("pa", "pb");
    two.run_for(1s);
    has_healed = has_healed || two.heard().size() == 10;
    has_broken = has_broken || two.at_a.unreachable_count() == 1;
    EXPECT_EQ(two.heard().size() == 10, two.at_a.unreachable_count() == 0);
  }
  EXPECT_TRUE(has_healed && has_broken);
}

TEST(SimulatedNetwork, ALongCutBreaksTheConnection) {
  TwoProcesses two(6);
  two.run_for(10ms);
  two.network.cut("pa", "pb");
  two.send(0, 1);
  two.run_for(20s);
  EXPECT_EQ(two.at_a.unreachable_count(), 1u);
  two.network.heal_all();
  two.run_for(1s);
  two.send(1, 2);
  two.run_for(1s);
  EXPECT_EQ(two.heard(), std::vector<int>{1});
}

TEST(SimulatedNetwork, ACrashTakesSomeOfWhatWasJustSent) {
  bool has_arrived = false, has_vanished = false;
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    TwoProcesses two(seed);
    two.run_for(10ms);
    two.send(0, 5);
    two.a->crash();
    two.network.crash(*two.a);
    two.run_for(1s);
    has_arrived = has_arrived || two.heard().size() == 5;
    has_vanished = has_vanished || two.heard().empty();
    EXPECT_EQ(two.at_a.message_count() + two.at_a.unreachable_count(), 0u) << "it hears no more";
    two.b_end->send("a", {"hello?", {}});
    two.run_for(1s);
    EXPECT_EQ(two.at_b.unreachable_count(), 1u);
  }
  EXPECT_TRUE(has_arrived && has_vanished);
}

TEST(SimulatedNetwork, APausedProcessHearsEverythingLater) {
  TwoProcesses two(8);
  two.run_for(10ms);
  two.b->pause();
  two.send(0, 50);
  two.run_for(100s);
  EXPECT_TRUE(two.heard().empty());
  two.b->resume();
  two.send(50, 60);
  two.run_for(1s);
  const auto heard = two.heard();
  EXPECT_EQ(heard.size(), 60u);
  EXPECT_TRUE(std::is_sorted(heard.begin(), heard.end()));
}

// A noisy run, for comparison with itself.
std::uint64_t digest_of_run(std::uint64_t seed) {
  TwoProcesses two(seed, {.slow = 0.05, .lose = 0.01, .duplicate = 0.01, .disconnect = 0.01});
  for (int i = 0; i < 300; ++i) {
    two.send(i, i + 1);
    two.b_end->send("a", {"back", {}});
    two.run_for(1ms);
    if (i % 50 == 20) two.network.cut("pa", "pb");
    if (i % 50 == 40) two.network.heal_all();
  }
  two.run_for(1s);
  return two.processes.digest();
}

TEST(SimulatedNetwork, EqualSeedsGiveEqualRuns) {
  for (const std::uint64_t seed : {1, 2, 3}) {
    EXPECT_EQ(digest_of_run(seed), digest_of_run(seed));
  }
  EXPECT_NE(digest_of_run(1), digest_of_run(2));
}

// Links under faults: a run ends with everything there, or with a failure; never with less.
struct NoisyRun {
  bool is_complete = false;
  std::size_t failures = 0;
};
NoisyRun run_links(std::uint64_t seed, const NetworkFaults& faults) {
  ManualClock clock;
  SimulatedProcesses processes(seed, clock);
  SimulatedNetwork network(processes, faults);
  const auto pa = processes.start("pa"), pb = processes.start("pb");
  struct World {
    SimulatedNetwork& network;
    SimulatedProcess& process;
    ManualClock& manual;
    Transport& transport() { return network.transport(process); }
    Clock& clock() { return manual; }
    Executor& executor() { return process; }
    std::string any_address() const { return "tcp://127.0.0.1:0"; }
  } at_a{network, *pa, clock}, at_b{network, *pb, clock};
  tests::Source<tests::Worded> source(200);
  tests::Target<tests::Worded> target;
  tests::Source<tests::Numbered> back(200);
  tests::Target<tests::Numbered> back_target;
  tests::WorkerLinks a(at_a, "a"), b(at_b, "b");
  tests::introduce(a, "a", b, "b");
  const auto& worded = record_type<tests::Worded>();
  const auto& numbered = record_type<tests::Numbered>();
  source.connect(a->add_sender("b", ChannelId(0), worded, 16, 4000, source));
  target.connect(b->add_receiver("a", ChannelId(0), worded, 16, 4000, target));
  back.connect(b->add_sender("a", ChannelId(1), numbered, 16, 4000, back));
  back_target.connect(a->add_receiver("b", ChannelId(1), numbered, 16, 4000, back_target));
  EXPECT_TRUE(a->start().ok() && b->start().ok());
  pa->add(source);
  pa->add(back_target);
  pb->add(target);
  pb->add(back);
  NoisyRun run;
  processes.run_until(
      [&] {
        return a.has_failed() || b.has_failed() || (target.is_done() && back_target.is_done());
      },
      300s);
  run.is_complete = target.is_done() && back_target.is_done();
  if (run.is_complete) {
    EXPECT_EQ(target.records(), 200 * 16);
    EXPECT_EQ(target.marks(), tests::expected_marks(200));
    EXPECT_EQ(back_target.records(), 200 * 16);
  }
  // Whoever hears of a failure late, hears of it once.
  processes.run_until([] { return false; }, clock.now() + 20s);
  EXPECT_LE(a.failures().size(), 1u);
  EXPECT_LE(b.failures().size(), 1u);
  run.failures = a.failures().size() + b.failures().size();
  pa->crash();
  pb->crash();
  return run;
}

TEST(LinksUnderFaults, NeverLoseARecordWithoutAFailure) {
  int complete = 0, failed = 0;
  for (std::uint64_t seed = 0; seed < 300; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    const double p = seed % 3 == 0 ? 0.0005 : 0.003;
    NetworkFaults faults{.slow = 0.01};
    if (seed % 4 == 0) faults.lose = p;
    if (seed % 4 == 1) faults.disconnect = p;
    if (seed % 4 == 2) faults.duplicate = p;
    if (seed % 4 == 3) faults.lose = faults.disconnect = faults.duplicate = p / 3;
    const NoisyRun run = run_links(seed, faults);
    EXPECT_TRUE(run.is_complete || run.failures > 0) << "it stands still and nobody says why";
    complete += run.is_complete ? 1 : 0;
    failed += run.failures > 0 ? 1 : 0;
  }
  EXPECT_GT(complete, 20);
  EXPECT_GT(failed, 20);
}

TEST(LinksUnderFaults, DelayAloneFailsNothing) {
  for (std::uint64_t seed = 0; seed < 30; ++seed) {
    const NoisyRun run = run_links(seed, {.slow = 0.2});
    EXPECT_TRUE(run.is_complete) << "seed " << seed;
    EXPECT_EQ(run.failures, 0u) << "seed " << seed;
  }
}

}  // namespace
}  // namespace weir::runtime
