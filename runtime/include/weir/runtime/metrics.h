// Counters that a task writes and people read. One writer (the task's thread) per object; readers on
// any thread see values that are a moment old.
#pragma once

#include <atomic>
#include <cstdint>

namespace weir::runtime {

// A number with one writer; readable from any thread.
class Gauge {
 public:
  void set(std::int64_t v) { value_.store(v, std::memory_order_relaxed); }
  void add(std::int64_t v) { set(get() + v); }
  std::int64_t get() const { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<std::int64_t> value_{0};
};

struct OperatorMetrics {
  Gauge records_in;   // records
  Gauge records_out;  // records (spouts, sinks, windows)
  Gauge late;         // records dropped or diverted as late
  Gauge bad;          // records that could not be decoded and were dropped or diverted
};

}  // namespace weir::runtime
