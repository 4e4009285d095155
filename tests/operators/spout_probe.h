// Drives one partition of a spout by hand, on a clock that stands still.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "weir/operators/record_errors.h"
#include "weir/operators/spout.h"
#include "weir/runtime/clock.h"

namespace weir::operators {

template <class S>
class SpoutProbe {
 public:
  using Record = typename S::Output;
  using Position = typename S::Position;

  explicit SpoutProbe(S spout, std::uint32_t batch_size = 16)
      : spout_(std::move(spout)), batch_(batch_size), side_(batch_size) {}

  absl::Status open(const Position* resume = nullptr, std::uint32_t partition = 0) {
    SpoutContext context{"probe", partition,
                         &clock,  &metrics,
                         [] {},   [this](absl::Status why) { failure = std::move(why); }};
    return spout_.open(context, resume);
  }
  Poll poll() {
    batch_.clear();
    side_.clear();
    SpoutOutput<Record> out(batch_);
    SpoutOutput<BadRecord> side(side_);
    const Poll polled = spout_.poll(out, side);
    for (std::uint32_t i = 0; i < batch_.size(); ++i) records.push_back(batch_[i]);
    for (std::uint32_t i = 0; i < side_.size(); ++i) bad.push_back(side_[i]);
    return polled;
  }
  // Polls while there is more.
  Poll run() {
    for (;;) {
      const Poll polled = poll();
      if (polled.state != Poll::State::kMore || !failure.ok()) return polled;
    }
  }
  Position position() const { return spout_.position(); }
  std::vector<Record> take() { return std::exchange(records, {}); }

  runtime::ManualClock clock;
  runtime::OperatorMetrics metrics;
  std::vector<Record> records;
  std::vector<BadRecord> bad;
  absl::Status failure;

 private:
  S spout_;
  runtime::Batch<Record> batch_;
  runtime::Batch<BadRecord> side_;
};

}  // namespace weir::operators
