#include "cluster/restart_strategy.h"

#include <algorithm>
#include <cmath>

namespace weir::coordinator {

using runtime::MonotonicTime;

RestartStrategy::RestartStrategy(const RestartOptions& options, std::uint64_t seed)
    : options_(options), random_(seed) {}

RestartStrategy::Verdict RestartStrategy::on_failure(MonotonicTime now) {
  if (running_since_.has_value() && now - *running_since_ >= options_.quiet) in_a_row_ = 0;
  running_since_.reset();
  ++in_a_row_;
  switch (options_.kind) {
    case RestartOptions::Kind::kExponential: return exponential();
    case RestartOptions::Kind::kFixedDelay: return fixed_delay();
    case RestartOptions::Kind::kFailureRate: break;
  }
  return failure_rate(now);
}

RestartStrategy::Verdict RestartStrategy::exponential() {
  const double longest = static_cast<double>(options_.longest.count());
  const double grown =
      static_cast<double>(options_.delay.count()) * std::pow(options_.factor, in_a_row_ - 1);
  // Not a std:: distribution: those differ between libraries, and a seed must replay.
  const double unit = static_cast<double>(random_() >> 11) / static_cast<double>(1ull << 53);
  const double pause = std::min(grown, longest) * (1 + options_.jitter * (2 * unit - 1));
  return {MonotonicTime(static_cast<std::int64_t>(pause)), {}};
}

RestartStrategy::Verdict RestartStrategy::fixed_delay() {
  if (options_.attempts != 0 && in_a_row_ > options_.attempts) {
    return {std::nullopt,
            "given up after " + std::to_string(options_.attempts) + " restarts in a row"};
  }
  return {options_.delay, {}};
}

RestartStrategy::Verdict RestartStrategy::failure_rate(MonotonicTime now) {
  recent_.push_back(now);
  while (now - recent_.front() > options_.window) recent_.pop_front();
  if (recent_.size() > options_.failures) {
    const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(options_.window).count();
    return {std::nullopt, "given up after " + std::to_string(recent_.size()) + " failures within " +
                              std::to_string(seconds) + " s"};
  }
  return {options_.delay, {}};
}

}  // namespace weir::coordinator
