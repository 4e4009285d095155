// Event time and watermarks: assigns each record's event time, and tracks one watermark per spout
// partition: the largest event time seen, minus the allowed disorder. It moves after every record.
//
// Stands in the spout's own chain, before any exchange, since only there is a partition's order
// known. Its batches carry the watermark as runs, cut where the watermark passes a multiple of the
// step that the windows downstream ask for; so every consumer judges lateness by the same values,
// whatever the batch size or parallelism.
#pragma once

#include <cstdint>
#include <functional>
#include <utility>
#include <vector>

#include "weir/runtime/operator.h"
#include "weir/runtime/user_error.h"

namespace weir::operators {

// How far behind the largest event time of its partition a record may be and still not be late.
struct Disorder {
  runtime::Duration bound{0};
};
// Records are late if they lie `bound` or more behind the largest event time seen before.
inline Disorder bounded_disorder(runtime::Duration bound) { return {bound}; }
// Event times never fall within a partition.
inline Disorder ascending() { return {}; }

// The erased half: watermarks of the task's partitions.
class WatermarkAssigner : public runtime::Operator {
 public:
  explicit WatermarkAssigner(Disorder disorder) : bound_(disorder.bound) {}

  absl::Status open(runtime::OperatorContext& context) override;
  EventTime output_watermark(EventTime input) override;
  void snapshot(runtime::CheckpointId id, runtime::OperatorSnapshot& out,
                runtime::IoWork& io) override;
  void partition_ended(std::uint32_t index) override;
  void partition_idle(std::uint32_t index, bool idle) override;

 protected:
  // Fails the attempt: no window could hold a record of this event time.
  void refuse(std::int64_t time);
  // The times of `batch` are set and `largest` is their maximum: cuts runs, moves the watermark.
  void on_times(runtime::BatchBase& batch, std::int64_t largest);

 private:
  struct Partition {
    std::int64_t largest = EventTime::min().micros();  // event time seen so far
    std::int64_t cut_at = EventTime::min().micros();  // event time that moves the stepped watermark
    EventTime watermark = EventTime::min();           // stepped: a multiple of the step
    bool ended = false;
    bool idle = false;
  };
  void raise(Partition& p, std::int64_t largest) const;
  void set_watermark(Partition& p, EventTime watermark) const;
  void recompute();

  const runtime::Duration bound_;
  std::vector<Partition> partitions_;
  EventTime current_ = EventTime::min();  // the minimum over partitions, never falls
};

template <class T, class F>
class EventTimeOperator final : public WatermarkAssigner {
 public:
  EventTimeOperator(F f, Disorder disorder) : WatermarkAssigner(disorder), f_(std::move(f)) {}

  void push(runtime::BatchBase& batch) override {
    auto& in = runtime::Batch<T>::of(batch);
    const T* records = in.records();
    std::int64_t* times = in.times();
    std::int64_t largest = EventTime::min().micros();
    std::int64_t smallest = EventTime::max().micros();
    runtime::for_each_record(context(), in, [&](std::uint32_t i) {
      const std::int64_t t = EventTime(std::invoke(f_, records[i])).micros();
      times[i] = t;
      largest = t > largest ? t : largest;
      smallest = t < smallest ? t : smallest;
    });
    if (smallest < EventTime::earliest().micros() || largest > EventTime::latest().micros()) {
      refuse(smallest < EventTime::earliest().micros() ? smallest : largest);
      return;
    }
    on_times(in, largest);
    output().push(in);
  }

 private:
  F f_;
};

}  // namespace weir::operators

namespace weir {
using operators::ascending;
using operators::bounded_disorder;
}  // namespace weir
