// SimulatedProcesses: many processes in one thread, in an order drawn from a seed, on a clock that
// moves only here. What the simulation of a cluster runs on.
//
// A SimulatedProcess is an Executor of its own: what runs on it can be paused and resumed as by
// SIGSTOP and SIGCONT, and crashed, after which nothing of it runs any more. step() does one thing:
// an event that is due, a runnable's quantum, or an I/O job. When there is nothing to do, time
// passes to the next event. Equal seeds and calls give equal runs; digest() is the proof.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <random>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "weir/runtime/clock.h"
#include "weir/runtime/executor.h"

namespace weir::runtime {

class SimulatedProcesses;

// Must outlive whatever was added to it, and die before its SimulatedProcesses.
class SimulatedProcess final : public Executor {
 public:
  ~SimulatedProcess() override;

  const std::string& process_name() const { return name_; }
  // Nothing of it runs, now or later; pending I/O jobs and events are dropped. What was added may
  // be destroyed afterwards.
  void crash();
  bool has_crashed() const { return has_crashed_; }
  // Nothing of it runs until resume(); what comes in the meantime waits.
  void pause() { is_paused_ = true; }
  void resume();
  bool is_paused() const { return is_paused_; }
  // `runnable` is never run again and may be destroyed.
  void forget(Runnable& runnable);
  // Runs `job` at `time`, or soon if that has passed.
  void at(MonotonicTime time, std::function<void()> job);

  void submit_io(std::function<void()> job) override;
  void drive(MonotonicTime deadline) override;
  void notify() override;
  // As crash(), but I/O jobs are finished first.
  void stop() override;
  std::string_view name() const override { return "simulated"; }

 protected:
  void enqueue(Runnable& runnable) override;
  bool has_waiting() const override { return true; }
  void wake_later(Runnable& runnable, MonotonicTime at) override;

 private:
  friend class SimulatedProcesses;
  SimulatedProcess(SimulatedProcesses& all, std::string name) : all_(all), name_(std::move(name)) {}

  SimulatedProcesses& all_;
  const std::string name_;
  bool has_crashed_ = false;
  bool is_paused_ = false;
  bool is_notified_ = false;
  std::deque<std::function<void()>> io_;
  MonotonicTime io_not_before_{0};
  // Events that came during a pause, by time and order.
  std::vector<std::pair<std::pair<MonotonicTime, std::uint64_t>, std::function<void()>>> missed_;
};

class SimulatedProcesses {
 public:
  // Each step takes up to `step_time`, so that what never rests does not stop the clock.
  SimulatedProcesses(std::uint64_t seed, ManualClock& clock,
                     MonotonicTime step_time = MonotonicTime(2000))
      : clock_(clock), step_time_(step_time), random_(seed) {}

  std::unique_ptr<SimulatedProcess> start(std::string name);

  // One thing. False if `deadline` has come, or nothing is left to do at any time.
  bool step(MonotonicTime deadline = MonotonicTime::max());
  // Steps until `is_true`; false if that does not come about before `deadline`.
  bool run_until(const std::function<bool()>& is_true, MonotonicTime deadline);
  // Runs `job`, which belongs to no process, at `time`: faults, say.
  void at(MonotonicTime time, std::function<void()> job);
  // A slow disk: each I/O job that is submitted from now on begins up to so much later than it
  // could, and those behind it wait.
  void set_io_delay(MonotonicTime most) { io_delay_ = most; }

  ManualClock& clock() { return clock_; }
  // The one source of chance.
  std::mt19937_64& random() { return random_; }
  std::uint64_t steps() const { return steps_; }
  // Of all that has been done so far, in order.
  std::uint64_t digest() const { return digest_; }

 private:
  friend class SimulatedProcess;
  struct Queued {
    SimulatedProcess* process;
    Runnable* runnable;
  };
  struct Event {
    SimulatedProcess* process;  // may be null
    Runnable* runnable;         // to be woken; else `job`
    std::function<void()> job;
  };

  void add_event(MonotonicTime time, Event event);
  void drop_all_of(const SimulatedProcess& process);
  void delay_io(SimulatedProcess& process);
  bool run_due_event();
  bool run_one();
  bool pass_time(MonotonicTime deadline);
  void note(std::uint64_t what) { digest_ = (digest_ ^ what) * 0x100000001B3u; }
  std::uint64_t number_of(const SimulatedProcess* process) const;

  ManualClock& clock_;
  const MonotonicTime step_time_;
  MonotonicTime io_delay_{0};
  std::mt19937_64 random_;
  std::uint64_t steps_ = 0;
  std::uint64_t serial_ = 0;
  std::uint64_t digest_ = 0xCBF29CE484222325u;
  std::vector<SimulatedProcess*> processes_;
  std::vector<Queued> ready_;
  std::map<std::pair<MonotonicTime, std::uint64_t>, Event> events_;  // by time, then order
};

}  // namespace weir::runtime
