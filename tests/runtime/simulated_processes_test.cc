#include "weir/runtime/simulated_processes.h"

#include <gtest/gtest.h>

namespace weir::runtime {
namespace {

using namespace std::chrono_literals;

// Counts its runs; each `interval` it wants another.
class Ticking final : public Runnable {
 public:
  Ticking(Clock& clock, MonotonicTime interval) : clock_(clock), interval_(interval) {}
  RunResult run() override {
    ++runs;
    return {RunState::kBlocked, clock_.now() + interval_};
  }
  int runs = 0;

 private:
  Clock& clock_;
  const MonotonicTime interval_;
};

class Restless final : public Runnable {
 public:
  RunResult run() override {
    ++runs;
    return {RunState::kMore};
  }
  int runs = 0;
};

class SimulatedProcessesTest : public ::testing::Test {
 protected:
  void run_for(MonotonicTime time) {
    processes_.run_until([] { return false; }, clock_.now() + time);
  }
  ManualClock clock_;
  SimulatedProcesses processes_{1, clock_};
};

TEST_F(SimulatedProcessesTest, RunsTimersOfAllProcesses) {
  const auto a = processes_.start("a"), b = processes_.start("b");
  Ticking slow(clock_, 100ms), fast(clock_, 10ms);
  a->add(slow);
  b->add(fast);
  run_for(1s);
  EXPECT_NEAR(slow.runs, 10, 1);
  EXPECT_NEAR(fast.runs, 100, 1);
  EXPECT_EQ(clock_.now(), 1s);
}

TEST_F(SimulatedProcessesTest, WhatNeverRestsDoesNotStopTheClock) {
  const auto a = processes_.start("a");
  Ticking ticking(clock_, 10us);
  Restless restless;
  a->add(restless);
  a->add(ticking);
  run_for(10ms);
  EXPECT_GT(restless.runs, 1000);
  EXPECT_GT(ticking.runs, 100);
}

TEST_F(SimulatedProcessesTest, ACrashedProcessDoesNothingMore) {
  const auto a = processes_.start("a"), b = processes_.start("b");
  auto ticking = std::make_unique<Ticking>(clock_, 10ms);
  Ticking other(clock_, 10ms);
  int jobs = 0;
  a->add(*ticking);
  b->add(other);
  run_for(100ms);
  a->submit_io([&] { ++jobs; });
  a->at(clock_.now() + 5ms, [&] { ++jobs; });
  b->submit_io([&] { ++jobs; });
  a->crash();
  ticking->wake();
  const int before = ticking->runs;
  ticking.reset();
  a->submit_io([&] { ++jobs; });
  run_for(100ms);
  EXPECT_GT(before, 5);
  EXPECT_EQ(jobs, 1) << "only that of the other process";
  EXPECT_GT(other.runs, 15);
}

TEST_F(SimulatedProcessesTest, APausedProcessGoesOnWhereItStood) {
  const auto a = processes_.start("a");
  Ticking ticking(clock_, 10ms);
  std::vector<int> order;
  a->add(ticking);
  run_for(100ms);
  a->pause();
  const int before = ticking.runs;
  a->submit_io([&] { order.push_back(3); });
  a->at(clock_.now() + 10ms, [&] { order.push_back(1); });
  a->at(clock_.now() + 20ms, [&] { order.push_back(2); });
  run_for(1s);
  EXPECT_EQ(ticking.runs, before);
  EXPECT_TRUE(order.empty());
  a->resume();
  run_for(100ms);
  EXPECT_EQ(order, (std::vector<int>{1, 2, 3}));
  EXPECT_GT(ticking.runs, before + 5);
}

TEST_F(SimulatedProcessesTest, ForgetsARunnableThatWaitsForItsTime) {
  const auto a = processes_.start("a");
  auto gone = std::make_unique<Ticking>(clock_, 10ms);
  Ticking stays(clock_, 10ms);
  a->add(*gone);
  a->add(stays);
  run_for(100ms);
  gone->wake();
  a->forget(*gone);
  gone->wake();
  gone.reset();
  run_for(100ms);
  EXPECT_GT(stays.runs, 15);
}

TEST_F(SimulatedProcessesTest, StopFinishesItsJobs) {
  const auto a = processes_.start("a");
  int jobs = 0;
  a->submit_io([&] { a->submit_io([&] { ++jobs; }); });
  a->stop();
  EXPECT_EQ(jobs, 1);
}

TEST_F(SimulatedProcessesTest, DriveEndsWhenNotified) {
  const auto a = processes_.start("a");
  a->at(clock_.now() + 50ms, [&] { a->notify(); });
  a->drive(clock_.now() + 10s);
  EXPECT_EQ(clock_.now(), 50ms);
  a->drive(clock_.now() + 10ms);
  EXPECT_EQ(clock_.now(), 60ms);
}

}  // namespace
}  // namespace weir::runtime
