// Lease: what is known of a peer that sends heartbeats. An automaton on the monotonic clock: alive,
// then suspect (people are told), then dead (its lease is over, and others may act on that). Dead
// is final: whoever comes back begins a new lease, with a Hello.
#pragma once

#include <cstdint>

#include "weir/runtime/clock.h"

namespace weir::coordinator {

enum class Liveness : std::uint8_t { kAlive, kSuspect, kDead };

class Lease {
 public:
  struct Options {
    runtime::MonotonicTime suspect_after = std::chrono::seconds(3);
    runtime::MonotonicTime dead_after = std::chrono::seconds(10);
  };

  Lease(const Options& options, runtime::MonotonicTime now) : options_(options), renewed_(now) {}

  // A heartbeat was answered: the peer may count on its lease until dead_after from now.
  void renew(runtime::MonotonicTime now) {
    if (!is_dead_) renewed_ = now > renewed_ ? now : renewed_;
  }
  // Who judges has not been running for `gap`: that says nothing about the peer. Longer is safe.
  void forgive(runtime::MonotonicTime gap) { renewed_ += gap; }

  Liveness judge(runtime::MonotonicTime now) {
    if (now - renewed_ >= options_.dead_after) is_dead_ = true;
    if (is_dead_) return Liveness::kDead;
    return now - renewed_ >= options_.suspect_after ? Liveness::kSuspect : Liveness::kAlive;
  }
  // When judge() may answer something else; max(): never.
  runtime::MonotonicTime next_change(runtime::MonotonicTime now) const {
    if (is_dead_) return runtime::MonotonicTime::max();
    const runtime::MonotonicTime suspect = renewed_ + options_.suspect_after;
    return now < suspect ? suspect : renewed_ + options_.dead_after;
  }

 private:
  Options options_;
  runtime::MonotonicTime renewed_;
  bool is_dead_ = false;
};

}  // namespace weir::coordinator
