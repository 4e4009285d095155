// Pace: so many records per second, and no more.
#pragma once

#include <algorithm>
#include <cstdint>

#include "weir/runtime/clock.h"

namespace weir::operators {

// A value; one thread. What falls due while nobody asks may be taken at once, up to one second's
// worth.
class Pace {
 public:
  // `per_second` = 0: no limit.
  void start(double per_second, runtime::MonotonicTime now) {
    period_ns_ = per_second > 0 ? 1e9 / per_second : 0;
    started_ = now;
    taken_ = 0;
  }
  bool is_limited() const { return period_ns_ > 0; }

  // How many of `wanted` records are due at `now`.
  std::uint32_t due(runtime::MonotonicTime now, std::uint32_t wanted) {
    if (!is_limited()) return wanted;
    const double passed = static_cast<double>((now - started_).count());
    const auto upto = static_cast<std::uint64_t>(passed / period_ns_) + 1;
    if (upto <= taken_) return 0;
    const auto most = static_cast<std::uint64_t>(1e9 / period_ns_) + 1;
    if (upto - taken_ > most) taken_ = upto - most;
    return static_cast<std::uint32_t>(std::min<std::uint64_t>(wanted, upto - taken_));
  }
  void took(std::uint32_t n) { taken_ += n; }
  // When the next record is due.
  runtime::MonotonicTime next() const {
    return started_ + runtime::MonotonicTime(
                          static_cast<std::int64_t>(static_cast<double>(taken_) * period_ns_) + 1);
  }

 private:
  double period_ns_ = 0;
  runtime::MonotonicTime started_{0};
  std::uint64_t taken_ = 0;  // since started_
};

}  // namespace weir::operators
