// Spout: the contract of a source, for people who write one. A spout has a fixed number of
// partitions; the engine makes one copy of the object per partition and drives it:
//
//   struct Numbers : weir::Spout<std::int64_t> {
//     using Position = std::int64_t;                    // anything with a Codec: where to go on
//     std::uint32_t partitions() const { return 1; }
//     absl::Status open(const weir::SpoutContext& context, const Position* resume);
//     weir::Poll poll(weir::SpoutOutput<std::int64_t>& out);
//     Position position() const;                        // after the records emitted so far
//   };
//
// open() is called once per partition, with the position of the restored checkpoint if there is
// one; then poll() and position() in any number. All on the task's thread, so poll() must not
// block: it emits at most out.room() records and says what comes next. The calls are resolved at
// compile time. Records must be the same, in the same order, when a partition is read again from a
// position; a source that cannot do that says `static constexpr bool kReplayable = false`.
//
// Optional: `std::string fault() const` says why the spout cannot work as declared (empty: it can);
// the topology reports it with its other faults. A spout with a second output, such as records that
// cannot be decoded, names its type `Side` and its stream in `std::string side_stream() const`
// (empty: not wanted), and has poll(SpoutOutput<Output>& out, SpoutOutput<Side>& side).
#pragma once

#include <algorithm>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "weir/operators/side_output.h"
#include "weir/runtime/batch.h"
#include "weir/runtime/codec.h"
#include "weir/runtime/operator.h"
#include "weir/runtime/topology.h"

namespace weir::operators {

// What poll() says: the state of the partition after it.
struct Poll {
  enum class State : std::uint8_t { kMore, kWait, kEnd };
  State state = State::kMore;
  runtime::MonotonicTime wake_at = runtime::MonotonicTime::max();

  static Poll more() { return {State::kMore, {}}; }
  // Nothing now; ask again at `at` (monotonic), or when SpoutContext::wake has been called.
  static Poll wait_until(runtime::MonotonicTime at) { return {State::kWait, at}; }
  static Poll wait() { return {State::kWait, runtime::MonotonicTime::max()}; }
  // This partition will never deliver anything more.
  static Poll end() { return {State::kEnd, {}}; }
};

struct SpoutContext {
  std::string name;             // of the spout
  std::uint32_t partition = 0;  // 0 .. partitions() - 1
  runtime::Clock* clock = nullptr;
  runtime::OperatorMetrics* metrics = nullptr;
  std::function<void()> wake;  // callable from any thread
  // Fails the attempt once the current call has returned; for the task's thread only.
  std::function<void(absl::Status)> fail;
};

// Where poll() puts records: straight into the batch that travels on.
template <class T>
class SpoutOutput {
 public:
  explicit SpoutOutput(runtime::Batch<T>& batch) : batch_(batch) {}

  // Records that still fit.
  std::uint32_t room() const { return batch_.capacity() - batch_.size(); }
  // A record to fill in place: it holds whatever it held before. Call keep() once it is filled.
  T& next() { return batch_[batch_.size()]; }
  void keep() { batch_.resize(batch_.size() + 1); }
  void emit(T record) {
    next() = std::move(record);
    keep();
  }
  // The free records, to be filled from the front; keep(n) keeps the first n of them.
  std::span<T> free() { return {batch_.records() + batch_.size(), room()}; }
  void keep(std::uint32_t n) { batch_.resize(batch_.size() + n); }

 private:
  runtime::Batch<T>& batch_;
};

// Base of all spouts: names the record type, and the lifecycle calls that one may leave out.
template <class Out>
class Spout {
 public:
  using Output = Out;
  static constexpr bool kReplayable = true;
  absl::Status close() { return absl::OkStatus(); }
  // For people, in the plan: "out/*.csv".
  std::string describe() const { return ""; }
  std::string fault() const { return ""; }
  const char* kind() const { return "spout"; }
};

// A spout with a second output.
template <class S>
concept SpoutWithSide = HasSide<S> && requires(const S& cs) {
  { cs.side_stream() } -> std::same_as<std::string>;
};

template <class S>
concept SpoutLike = runtime::RecordLike<typename S::Output> && std::copy_constructible<S> &&
    runtime::Encodable<typename S::Position> &&
    requires(S& s, const S& cs, const SpoutContext& context, const typename S::Position* resume) {
  { cs.partitions() } -> std::convertible_to<std::uint32_t>;
  { s.open(context, resume) } -> std::same_as<absl::Status>;
  { cs.position() } -> std::same_as<typename S::Position>;
};

// Whether poll() fits the outputs that the spout names.
template <class S>
constexpr bool has_fitting_poll() {
  if constexpr (SpoutWithSide<S>) {
    return requires(S & s, SpoutOutput<typename S::Output> & out,
                    SpoutOutput<typename S::Side> & side) {
      { s.poll(out, side) } -> std::same_as<Poll>;
    };
  } else {
    return requires(S & s, SpoutOutput<typename S::Output> & out) {
      { s.poll(out) } -> std::same_as<Poll>;
    };
  }
}

// The erased half of every spout: which partitions this task drives, whose turn it is, ends.
class SpoutDriver : public runtime::SpoutOperator {
 public:
  absl::Status open(runtime::OperatorContext& context) override;
  runtime::PollResult poll() override;
  std::vector<PartitionEvent> take_partition_events() override;
  bool is_idle() const override { return active_ != 0 && idle_ == active_; }
  void snapshot(runtime::CheckpointId id, runtime::OperatorSnapshot& out,
                runtime::IoWork& io) override;

 protected:
  std::uint32_t partition_count() const override = 0;
  // Makes local partition `index`; `resume` is its encoded position, or null.
  virtual absl::Status open_partition(std::uint32_t index, runtime::PartitionId id,
                                      const std::string* resume) = 0;
  // Polls it into the output batch and pushes that if there is something in it.
  virtual Poll poll_partition(std::uint32_t index) = 0;
  virtual std::string encode_position(std::uint32_t index) const = 0;

 private:
  struct PartitionState {
    bool ended = false;
    bool idle = false;
    bool was_busy = false;  // has delivered since anybody looked at the clock
    runtime::MonotonicTime last_data{0};
  };
  void note_result(std::uint32_t index, const Poll& polled, bool had_data);

  std::vector<PartitionState> partitions_;
  std::uint32_t turn_ = 0;
  std::uint32_t active_ = 0;  // partitions that have not ended
  std::uint32_t idle_ = 0;    // of those, the idle ones
  std::vector<PartitionEvent> events_;
};

template <SpoutLike S>
class SpoutAdapter final : public SpoutDriver {
 public:
  using Out = typename S::Output;
  using Side = typename SideOf<S>::Type;
  using Position = typename S::Position;

  explicit SpoutAdapter(S prototype) : prototype_(std::move(prototype)) {}

  absl::Status open(runtime::OperatorContext& context) override {
    batch_ = std::make_unique<runtime::Batch<Out>>(context.batch_size);
    if constexpr (SpoutWithSide<S>)
      side_ = std::make_unique<runtime::Batch<Side>>(context.batch_size);
    return SpoutDriver::open(context);
  }
  absl::Status close() override {
    absl::Status status = absl::OkStatus();
    for (S& instance : instances_) status.Update(instance.close());
    return status;
  }

 protected:
  std::uint32_t partition_count() const override { return prototype_.partitions(); }

  absl::Status open_partition(std::uint32_t, runtime::PartitionId id,
                              const std::string* resume) override {
    instances_.push_back(prototype_);
    const SpoutContext c{context().name,  id.value,
                         context().clock, context().metrics,
                         context().wake,  [this](absl::Status why) { context().fail(why); }};
    if (resume == nullptr) return instances_.back().open(c, nullptr);
    Position position{};
    if (!runtime::decode_from(*resume, position)) {
      return absl::DataLossError("the position of partition " + std::to_string(id.value) +
                                 " in the checkpoint cannot be decoded");
    }
    return instances_.back().open(c, &position);
  }

  Poll poll_partition(std::uint32_t index) override {
    batch_->clear();
    batch_->partition = index;
    SpoutOutput<Out> out(*batch_);
    Poll polled;
    if constexpr (SpoutWithSide<S>) {
      side_->clear();
      SpoutOutput<Side> side(*side_);
      polled = instances_[index].poll(out, side);
      if (!side_->empty() && is_connected(kSidePort)) output(kSidePort).push(*side_);
    } else {
      polled = instances_[index].poll(out);
    }
    if (!batch_->empty()) {
      context().metrics->records_out.add(batch_->size());
      output().push(*batch_);
    }
    return polled;
  }

  std::string encode_position(std::uint32_t index) const override {
    return runtime::encode_to_string(instances_[index].position());
  }

 private:
  S prototype_;
  std::vector<S> instances_;
  std::unique_ptr<runtime::Batch<Out>> batch_;
  std::unique_ptr<runtime::Batch<Side>> side_;  // only with a second output
};

}  // namespace weir::operators

namespace weir {
using operators::Poll;
using operators::Spout;
using operators::SpoutContext;
using operators::SpoutOutput;
}  // namespace weir
