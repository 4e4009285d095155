// Executors wake what waits for a time, without help from anything else that happens.
#include "weir/runtime/executor.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <climits>
#include <memory>
#include <random>
#include <vector>

#include "support/sanitizers.h"

namespace weir::runtime {
namespace {

using namespace std::chrono_literals;

constexpr int kRings = tests::kSanitizer ? 2'000 : 20'000;

// Waits `waits` times for a moment `wait` ahead, then is done and notifies the executor.
class Sleeper final : public Runnable {
 public:
  Sleeper(Clock& clock, std::chrono::nanoseconds wait, int waits)
      : clock_(clock), wait_(wait), waits_(waits) {}

  void start(Executor& executor) {
    executor_ = &executor;
    executor.add(*this);
  }
  RunResult run() override {
    const MonotonicTime now = clock_.now();
    if (now < due_) ++early_;
    if (waits_-- == 0) {
      is_done_ = true;
      executor_->notify();
      return {RunState::kDone};
    }
    due_ = now + wait_;
    return {RunState::kBlocked, due_};
  }
  bool is_done() const { return is_done_.load(); }
  int early() const { return early_; }

 private:
  Clock& clock_;
  const std::chrono::nanoseconds wait_;
  int waits_;
  int early_ = 0;
  MonotonicTime due_{0};
  Executor* executor_ = nullptr;
  std::atomic<bool> is_done_{false};
};

using Make = std::unique_ptr<Executor> (*)(std::uint32_t threads, Clock& clock);

// Hears what is rung, stays awake for a few runs more, and blocks.
class Bell final : public Runnable {
 public:
  void ring(int value) {
    rung_.store(value, std::memory_order_release);
    wake();
  }
  bool has_heard(int value) const { return heard_.load(std::memory_order_acquire) == value; }

  RunResult run() override {
    const int rung = rung_.load(std::memory_order_acquire);
    if (rung != heard_.load(std::memory_order_relaxed)) {
      heard_.store(rung, std::memory_order_release);
      runs_left_ = 3;
    }
    return {runs_left_-- > 0 ? RunState::kMore : RunState::kBlocked};
  }

 private:
  // Apart, so that a store to the one is not helped on its way by a store to the other.
  alignas(64) std::atomic<int> rung_{0};
  alignas(64) std::atomic<int> heard_{0};
  int runs_left_ = 0;
};

class ExecutorWakes : public ::testing::TestWithParam<Make> {
 protected:
  // Until all are done, or for a minute.
  static void drive(Executor& executor, const std::vector<std::unique_ptr<Sleeper>>& sleepers) {
    const MonotonicTime deadline = system_clock().now() + 60s;
    const auto all_done = [&] {
      return std::all_of(sleepers.begin(), sleepers.end(),
                         [](const auto& s) { return s->is_done(); });
    };
    while (!all_done() && system_clock().now() < deadline) executor.drive(deadline);
    EXPECT_TRUE(all_done()) << "something still waits for its time";
    executor.stop();
    for (const auto& s : sleepers) EXPECT_EQ(s->early(), 0);
  }
};

TEST_P(ExecutorWakes, TheOnlyOneThatWaits) {
  const auto executor = GetParam()(1, system_clock());
  std::vector<std::unique_ptr<Sleeper>> sleepers;
  sleepers.push_back(std::make_unique<Sleeper>(system_clock(), 2ms, 5));
  sleepers[0]->start(*executor);
  drive(*executor, sleepers);
}

TEST_P(ExecutorWakes, ManyInAnyOrderOfTheirTimes) {
  const auto executor = GetParam()(2, system_clock());
  std::vector<std::unique_ptr<Sleeper>> sleepers;
  for (const auto wait : {20ms, 1ms, 7ms, 3ms, 15ms}) {
    sleepers.push_back(std::make_unique<Sleeper>(system_clock(), wait, 3));
  }
  for (const auto& s : sleepers) s->start(*executor);
  drive(*executor, sleepers);
}

TEST_P(ExecutorWakes, OneWhoseTimeHasPassed) {
  const auto executor = GetParam()(1, system_clock());
  std::vector<std::unique_ptr<Sleeper>> sleepers;
  sleepers.push_back(std::make_unique<Sleeper>(system_clock(), 0ms, 100));
  sleepers[0]->start(*executor);
  drive(*executor, sleepers);
}

// A wake() that finds it queued, running or already woken must not be lost. (It was, a few times in
// 100,000, where the waker's stores became visible later than what it had read.)
TEST_P(ExecutorWakes, OneThatIsWokenTwiceInARow) {
  const auto executor = GetParam()(1, system_clock());
  Bell bell;
  executor->add(bell);
  std::minstd_rand random(1);
  for (int i = 1; i <= kRings; ++i) {
    bell.wake();
    for (auto pause = random() % 200; pause > 0; --pause) {
      std::atomic_signal_fence(std::memory_order_seq_cst);  // keeps the loop, costs nothing
    }
    bell.ring(i);
    const MonotonicTime deadline = system_clock().now() + 20s;
    while (!bell.has_heard(i)) {
      ASSERT_LT(system_clock().now(), deadline) << "ring " << i << " was not heard";
    }
  }
  executor->stop();
}

// Has more to do until another one has run.
class Busy final : public Runnable {
 public:
  void wait_for(const Busy& other) { other_ = &other; }
  bool has_run() const { return has_run_.load(); }
  bool is_done() const { return is_done_.load(); }

  RunResult run() override {
    has_run_.store(true);
    if (!other_->has_run()) return {RunState::kMore};
    is_done_.store(true);
    return {RunState::kDone};
  }

 private:
  const Busy* other_ = nullptr;
  std::atomic<bool> has_run_{false};
  std::atomic<bool> is_done_{false};
};

// Also where a second executor in the process, as of TBB, leaves this one a single thread.
TEST_P(ExecutorWakes, AllBesideOneThatAlwaysHasMore) {
  const auto small = GetParam()(1, system_clock());
  const auto executor = GetParam()(4, system_clock());
  Busy busy[4];
  for (int i = 0; i < 4; ++i) busy[i].wait_for(busy[(i + 1) % 4]);
  for (Busy& one : busy) executor->add(one);
  const MonotonicTime deadline = system_clock().now() + 20s;
  for (const Busy& one : busy) {
    while (!one.is_done()) ASSERT_LT(system_clock().now(), deadline) << "one never runs";
  }
  executor->stop();
  small->stop();
}

// Whatever still fires while it stops must find an executor that is there.
TEST_P(ExecutorWakes, NothingAfterTheEnd) {
  for (int i = 0; i < 200; ++i) {
    std::vector<std::unique_ptr<Sleeper>> sleepers;
    const auto executor = GetParam()(2, system_clock());
    for (int n = 0; n < 4; ++n) {
      sleepers.push_back(std::make_unique<Sleeper>(system_clock(), n * 5us, INT_MAX));
      sleepers.back()->start(*executor);
    }
    executor->drive(system_clock().now() + 200us);
  }
}

INSTANTIATE_TEST_SUITE_P(Threads, ExecutorWakes, ::testing::Values(make_thread_executor));
#ifndef __SANITIZE_THREAD__  // it cannot see into TBB
INSTANTIATE_TEST_SUITE_P(Tbb, ExecutorWakes, ::testing::Values(make_tbb_executor));
#endif

}  // namespace
}  // namespace weir::runtime
