// Actor: a state machine with a mailbox, run by an executor. What coordinator, supervisors and
// workers are on the outside: events come in from any thread, and are handled one at a time.
//
//   transport, I/O jobs, tasks --post()--> mailbox --run()--> handle(event), tick(now)
//
// Never blocks: blocking work goes to Executor::submit_io, whose job posts its result back.
// Construction to add() on one thread; post() from any; everything protected is called by run().
#pragma once

#include <utility>
#include <vector>

#include "weir/runtime/clock.h"
#include "weir/runtime/executor.h"
#include "weir/runtime/mutex.h"

namespace weir::runtime {

template <class Event>
class Actor : public Runnable {
 public:
  explicit Actor(Clock& clock) : clock_(clock) {}

  void post(Event event) {
    {
      MutexLock lock(mutex_);
      events_.push_back(std::move(event));
    }
    wake();
  }

  RunResult run() final {
    std::vector<Event> events;
    {
      MutexLock lock(mutex_);
      events.swap(events_);
    }
    for (Event& event : events) {
      if (is_over_) break;
      handle(std::move(event));
    }
    if (!is_over_ && clock_.now() >= next_tick()) tick(clock_.now());
    if (is_over_) return {RunState::kDone};
    return {RunState::kBlocked, next_tick()};
  }

 protected:
  virtual void handle(Event event) = 0;
  // Called when next_tick() has come.
  virtual void tick(MonotonicTime) {}
  virtual MonotonicTime next_tick() const { return MonotonicTime::max(); }
  // Nothing is handled any more.
  void end() { is_over_ = true; }
  bool is_over() const { return is_over_; }
  Clock& clock() const { return clock_; }

 private:
  Clock& clock_;
  bool is_over_ = false;
  Mutex mutex_;
  std::vector<Event> events_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace weir::runtime
