// RestartStrategy: how long a job rests after a failure before it is tried again, and when trying
// ends. Pure: time comes with the calls, chance from a seed. It never gives up silently: giving up
// has a text.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <random>
#include <string>

#include "weir/runtime/clock.h"

namespace weir::coordinator {

struct RestartOptions {
  enum class Kind : std::uint8_t {
    kExponential,  // pauses grow, and start small again after a quiet time; never gives up
    kFixedDelay,   // the same pause each time, at most `attempts` in a row
    kFailureRate,  // gives up at more than `failures` within `window`
  };
  Kind kind = Kind::kExponential;
  runtime::MonotonicTime delay = std::chrono::milliseconds(500);  // the first, or the only one
  runtime::MonotonicTime longest = std::chrono::seconds(60);      // kExponential
  double factor = 2.0;                                            // kExponential, at least 1
  double jitter = 0.1;  // kExponential: up to this part of the pause is added or taken away
  // A run without failure for so long forgets what was before. kExponential, kFixedDelay.
  runtime::MonotonicTime quiet = std::chrono::minutes(5);
  std::uint32_t attempts = 0;  // kFixedDelay; 0: no limit
  std::uint32_t failures = 3;  // kFailureRate
  runtime::MonotonicTime window = std::chrono::minutes(10);
};

class RestartStrategy {
 public:
  RestartStrategy(const RestartOptions& options, std::uint64_t seed);

  struct Verdict {
    std::optional<runtime::MonotonicTime> pause;  // nullopt: give up
    std::string why;                              // with nullopt: for people
  };
  Verdict on_failure(runtime::MonotonicTime now);
  // The attempt runs since `now`.
  void on_running(runtime::MonotonicTime now) { running_since_ = now; }

 private:
  Verdict exponential();
  Verdict fixed_delay();
  Verdict failure_rate(runtime::MonotonicTime now);

  const RestartOptions options_;
  std::mt19937_64 random_;
  std::optional<runtime::MonotonicTime> running_since_;
  std::uint32_t in_a_row_ = 0;
  std::deque<runtime::MonotonicTime> recent_;  // failures within the window
};

}  // namespace weir::coordinator
