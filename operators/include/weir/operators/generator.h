// A spout that computes its records: record i is a function of i, so every position can be
// replayed.
#pragma once

#include <cstdint>
#include <string>
#include <utility>

#include "weir/operators/spout.h"

namespace weir::operators {

struct GeneratorOptions {
  // Partition p delivers the records i with i % partitions == p, in rising order.
  std::uint32_t partitions = 1;
  // Records per second over all partitions; 0 = as fast as they are taken.
  double rate = 0;
};

// Records 0 .. count - 1 (count = UINT64_MAX: without end), each filled in place by f(i, record).
template <class T, class F>
class GeneratorSpout : public Spout<T> {
 public:
  using Position = std::uint64_t;  // records delivered by this partition

  GeneratorSpout(std::uint64_t count, F f, GeneratorOptions options)
      : count_(count), f_(std::move(f)), options_(options) {}

  std::uint32_t partitions() const { return options_.partitions; }
  const char* kind() const { return "generate"; }
  std::string describe() const {
    return count_ == UINT64_MAX ? "without end" : std::to_string(count_) + " records";
  }

  absl::Status open(const SpoutContext& context, const Position* resume) {
    partition_ = context.partition;
    clock_ = context.clock;
    if (resume != nullptr) done_ = *resume;
    if (options_.rate < 0) return absl::InvalidArgumentError("a rate must not be negative");
    if (options_.rate > 0) {
      started_ = clock_->now();
      first_ = done_;
      period_ns_ = 1e9 / options_.rate;
    }
    total_ = count_ / options_.partitions + (partition_ < count_ % options_.partitions ? 1 : 0);
    return absl::OkStatus();
  }

  Poll poll(SpoutOutput<T>& out) {
    std::uint64_t n = std::min<std::uint64_t>(out.room(), total_ - done_);
    if (options_.rate > 0) {
      const auto now = clock_->now();
      n = std::min(n, due(now));
      if (n == 0 && done_ < total_) return Poll::wait_until(started_ + time_of(done_ - first_));
    }
    T* records = out.free().data();
    const std::uint64_t step = options_.partitions;
    std::uint64_t i = done_ * step + partition_;
    for (std::uint64_t j = 0; j < n; ++j, i += step) f_(i, records[j]);
    out.keep(static_cast<std::uint32_t>(n));
    done_ += n;
    return done_ == total_ ? Poll::end() : Poll::more();
  }

  Position position() const { return done_; }

 private:
  // When record `n` of this attempt is due, counted from the start.
  runtime::MonotonicTime time_of(std::uint64_t n) const {
    const auto index = static_cast<double>(n * options_.partitions + partition_);
    return runtime::MonotonicTime(static_cast<std::int64_t>(index * period_ns_));
  }
  // Records that are due at `now` and have not been delivered.
  std::uint64_t due(runtime::MonotonicTime now) const {
    const double passed = static_cast<double>((now - started_).count()) / period_ns_;
    const double offset = static_cast<double>(partition_);
    if (passed < offset) return 0;
    const auto upto =
        static_cast<std::uint64_t>((passed - offset) / static_cast<double>(options_.partitions)) +
        1;
    const std::uint64_t delivered = done_ - first_;
    return upto > delivered ? upto - delivered : 0;
  }

  std::uint64_t count_;
  F f_;
  GeneratorOptions options_;
  std::uint32_t partition_ = 0;
  runtime::Clock* clock_ = nullptr;
  std::uint64_t total_ = 0;
  std::uint64_t done_ = 0;
  std::uint64_t first_ = 0;  // position at the start of this attempt
  runtime::MonotonicTime started_{0};
  double period_ns_ = 0;
};

template <class T, class F>
GeneratorSpout<T, F> generate(std::uint64_t count, F f, GeneratorOptions options = {}) {
  return GeneratorSpout<T, F>(count, std::move(f), options);
}

// The numbers from `from` up to, but without, `to`, in order (with several partitions: in order in
// each).
inline auto sequence(std::int64_t from, std::int64_t to, GeneratorOptions options = {}) {
  const auto count =
      to > from ? static_cast<std::uint64_t>(to) - static_cast<std::uint64_t>(from) : 0;
  return generate<std::int64_t>(
      count,
      [from](std::uint64_t i, std::int64_t& number) {
        number = static_cast<std::int64_t>(static_cast<std::uint64_t>(from) + i);
      },
      options);
}

}  // namespace weir::operators

namespace weir {
using operators::generate;
using operators::GeneratorOptions;
using operators::sequence;
}  // namespace weir
