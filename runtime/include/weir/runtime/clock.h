// The clock seam: the only way anything in Weir learns the time.
//
// Wall time is for people and file names; deadlines, linger, leases and rates use monotonic time.
// Implementations are safe to call from any thread.
#pragma once

#include <chrono>
#include <cstdint>

namespace weir::runtime {

// Nanoseconds on a clock that never jumps. Only differences mean something.
using MonotonicTime = std::chrono::nanoseconds;

class Clock {
 public:
  virtual ~Clock() = default;
  virtual MonotonicTime now() const = 0;
  // Microseconds since the epoch, UTC. May jump in both directions.
  virtual std::chrono::microseconds wall_now() const = 0;
};

// The machine's clocks. Lives for the whole process.
Clock& system_clock();

// A clock that stands still until it is told to move; for tests and simulation.
// Thread-compatible: move it only from the thread that drives the simulation.
class ManualClock final : public Clock {
 public:
  explicit ManualClock(MonotonicTime start = MonotonicTime(0)) : now_(start) {}
  MonotonicTime now() const override { return now_; }
  std::chrono::microseconds wall_now() const override {
    return std::chrono::duration_cast<std::chrono::microseconds>(now_) + wall_offset_;
  }
  void advance(MonotonicTime by) { now_ += by; }
  void set_wall_offset(std::chrono::microseconds offset) { wall_offset_ = offset; }

 private:
  MonotonicTime now_;
  std::chrono::microseconds wall_offset_{0};
};

}  // namespace weir::runtime
