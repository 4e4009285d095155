// A spout that delivers record i at its due time and tells it that time. The generator of the
// engine paces itself by its own start; a spout that knows the schedule leaves no doubt.
#pragma once

#include <algorithm>
#include <cstdint>
#include <utility>

#include "weir/operators/spout.h"

namespace weir::bench {

// When records are due.
struct Schedule {
  std::uint64_t start_ns = 0;  // monotonic; 0: when the spout is opened
  double period_ns = 0;        // between two records, over all partitions
  std::uint64_t records = 0;
  std::uint64_t at_once = 0;  // these many first ones are due at the start
  std::uint32_t partitions = 1;
  std::uint64_t pause_ns = 0;  // at least so long until the spout looks at the clock again

  // Of record i, where the first one that is paced is `first`.
  std::uint64_t due_ns(std::uint64_t i, std::uint64_t first = 0) const {
    const std::uint64_t paced = i - std::min(i, first);
    return start_ns + static_cast<std::uint64_t>(static_cast<double>(paced) * period_ns);
  }
};

// Delivers record i, filled by f(i, due, record), at its due time. Partition p has the records with
// i % partitions == p; a restored one goes on at its pace from where it was.
template <class T, class F>
class PacedSpout : public operators::Spout<T> {
 public:
  using Position = std::uint64_t;  // records delivered by this partition
  PacedSpout(const Schedule& schedule, F f) : schedule_(schedule), f_(std::move(f)) {}

  std::uint32_t partitions() const { return schedule_.partitions; }
  absl::Status open(const operators::SpoutContext& context, const Position* resume) {
    clock_ = context.clock;
    partition_ = context.partition;
    if (resume != nullptr) next_ = *resume;
    if (schedule_.start_ns == 0) schedule_.start_ns = now_ns();
    first_paced_ = std::max(schedule_.at_once, next_ * schedule_.partitions);
    end_ = schedule_.records / schedule_.partitions +
           (partition_ < schedule_.records % schedule_.partitions ? 1 : 0);
    return absl::OkStatus();
  }
  operators::Poll poll(operators::SpoutOutput<T>& out) {
    const std::uint64_t now = now_ns();
    for (; next_ < end_ && out.room() > 0; ++next_) {
      const std::uint64_t i = next_ * schedule_.partitions + partition_;
      const std::uint64_t due = schedule_.due_ns(i, first_paced_);
      if (due > now) return operators::Poll::wait_until(time_of(due, now));
      f_(i, due, out.next());
      out.keep();
    }
    return next_ == end_ ? operators::Poll::end() : operators::Poll::more();
  }
  Position position() const { return next_; }

 private:
  runtime::MonotonicTime time_of(std::uint64_t due, std::uint64_t now) const {
    return runtime::MonotonicTime(
        static_cast<std::int64_t>(std::max(due, now + schedule_.pause_ns)));
  }
  std::uint64_t now_ns() const { return static_cast<std::uint64_t>(clock_->now().count()); }

  Schedule schedule_;
  F f_;
  runtime::Clock* clock_ = nullptr;
  std::uint32_t partition_ = 0;
  std::uint64_t next_ = 0;
  std::uint64_t first_paced_ = 0;
  std::uint64_t end_ = 0;
};
template <class T, class F>
PacedSpout<T, F> paced(const Schedule& schedule, F f) {
  return {schedule, std::move(f)};
}

}  // namespace weir::bench
