// Counters that a task writes and people read. One writer (the task's thread) per object; readers
// on any thread see values that are a moment old.
#pragma once

#include <atomic>
#include <cstdint>
#include <limits>

namespace weir::runtime {

// A number with one writer; readable from any thread.
class Gauge {
 public:
  explicit Gauge(std::int64_t v = 0) : value_(v) {}
  void set(std::int64_t v) { value_.store(v, std::memory_order_relaxed); }
  void add(std::int64_t v) { set(get() + v); }
  std::int64_t get() const { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<std::int64_t> value_;
};

struct OperatorMetrics {
  Gauge records_in;   // records
  Gauge records_out;  // records (spouts, sinks, windows)
  Gauge late;         // records dropped or diverted as late
  Gauge bad;          // records that could not be decoded and were dropped or diverted
  // Largest event time assigned, microseconds; int64 min: none, or not an operator that does so.
  Gauge largest_time{std::numeric_limits<std::int64_t>::min()};
};

// Why a task does not run.
enum class BlockingReason : std::uint8_t {
  kNone,      // it runs
  kNoInput,   // nothing to receive, or its spout waits
  kNoCredit,  // a consumer's channel is full
  kAligning,  // every input that has something is held until a barrier has come on all of them
  kEnded,     // all input processed; waits for the last checkpoint
};

const char* blocking_reason_name(BlockingReason reason);

struct TaskMetrics {
  Gauge records_in;     // records received, or read by the spout
  Gauge watermark;      // merged event time, microseconds; int64 min = none yet
  Gauge blocking;       // BlockingReason
  Gauge state_bytes;    // memory held by keyed state, estimate
  Gauge holding_input;  // index of the input that holds the watermark back; -1 = none
};

}  // namespace weir::runtime
