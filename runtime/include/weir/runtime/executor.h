// The executor seam: who runs tasks, when, and on which thread.
//
// A Runnable is cooperative: run() does a quantum of work and returns. The executor never runs one
// object on two threads at once, and runs it again after every wake() that came during or after its
// last run. Blocking work goes to submit_io, whose jobs run one after the other, in order.
// Implementations: TBB (production), plain threads (ThreadSanitizer), seeded single thread (tests
// and simulation).
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <string_view>

#include "weir/runtime/channel.h"
#include "weir/runtime/clock.h"

namespace weir::runtime {

enum class RunState : std::uint8_t {
  kMore,     // run me again
  kBlocked,  // run me after a wake(), or at `wake_at`
  kDone,     // never again
};

struct RunResult {
  RunState state = RunState::kMore;
  MonotonicTime wake_at = MonotonicTime::max();  // with kBlocked; max() = only by wake()
};

class Executor;

// Base of everything that an executor runs. Belongs to at most one executor.
class Runnable : public Wakeable {
 public:
  virtual RunResult run() = 0;
  // Marks it runnable and queues it if it is not; from any thread. No effect before it is added.
  void wake() final;

 private:
  friend class Executor;
  enum State : std::uint8_t { kIdle, kQueued, kRunning, kRunningWoken, kFinished };
  std::atomic<std::uint8_t> state_{kIdle};
  std::atomic<Executor*> executor_{nullptr};
  std::uint32_t place_ = 0;  // in the order in which the executor got its runnables
};

class Executor {
 public:
  virtual ~Executor() = default;

  // Takes charge of `runnable` (borrowed until stop() has returned) and runs it soon.
  void add(Runnable& runnable);
  // Runs `job` on the I/O thread, after all jobs submitted before.
  virtual void submit_io(std::function<void()> job) = 0;
  // Lets work go on until notify() is called or `deadline` has come. Called by the control loop.
  virtual void drive(MonotonicTime deadline) = 0;
  // Ends the current (or next) drive(); from any thread.
  virtual void notify() = 0;
  // Ends all running, joins all threads. Jobs submitted to the I/O thread are finished first.
  virtual void stop() = 0;
  virtual std::string_view name() const = 0;

 protected:
  friend class Runnable;
  // Queues a runnable whose state has just become kQueued.
  virtual void enqueue(Runnable& runnable) = 0;
  // Whether others wait for a thread; if not, a runnable with more to do goes on at once.
  virtual bool has_waiting() const = 0;
  // Arranges for runnable.wake() at `at`.
  virtual void wake_later(Runnable& runnable, MonotonicTime at) = 0;
  // Runs a queued runnable once and decides what becomes of it.
  void run_queued(Runnable& runnable);
  // Takes `runnable` for finished: no wake() has an effect any more.
  static void retire(Runnable& runnable);
  // How many runnables had been added before `runnable`.
  static std::uint32_t place(const Runnable& runnable) { return runnable.place_; }

 private:
  std::atomic<std::uint32_t> added_{0};
};

// `threads`: worker threads, at least 1. `clock` is borrowed.
std::unique_ptr<Executor> make_thread_executor(std::uint32_t threads, Clock& clock);
std::unique_ptr<Executor> make_tbb_executor(std::uint32_t threads, Clock& clock);
// Runs everything, I/O jobs included, inside drive(), one step at a time in an order drawn from
// `seed`. With a `manual` clock time moves only when nothing is runnable, to the next deadline.
std::unique_ptr<Executor> make_single_executor(std::uint64_t seed, Clock& clock,
                                               ManualClock* manual = nullptr);

}  // namespace weir::runtime
