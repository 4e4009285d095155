// The operators of event-time windows: whole (records in, windows out), and the consumer's half of
// the pair around an exchange (records -> partial aggregates | partial aggregates -> windows).
#pragma once

#include <cstdint>
#include <memory>
#include <utility>

#include "weir/operators/window_combine.h"
#include "weir/operators/window_core.h"
#include "weir/runtime/user_error.h"

namespace weir::operators {

// Records in, windows out.
template <class T, class K, class KeyFn, class Set>
class WindowOperator final : public runtime::Operator {
 public:
  using Core = WindowCore<K, Set>;
  using Slice = typename Core::Slice;
  using Out = typename Core::Out;

  WindowOperator(WindowSpec spec, LatePolicy late, Set set, KeyFn key)
      : core_(spec, late.allowed, std::move(set)), key_(std::move(key)) {}

  absl::Status open(runtime::OperatorContext& context) override {
    const absl::Status status = runtime::Operator::open(context);
    if (!status.ok()) return status;
    late_.open(context);
    return core_.open(context);
  }
  void restored() override { core_.restored(); }

  void push(runtime::BatchBase& batch) override {
    auto& in = runtime::Batch<T>::of(batch);
    for_each_stretch(
        in, core_.spec(), core_.fired(),
        [&](std::uint32_t begin, std::uint32_t end, std::int64_t start) {
          if (core_.must_fetch()) fetch(in, begin, end, start);
          add_to_slice(context(), in, begin, end, core_.set(), key_, core_.slice_at(start));
        },
        [&](std::uint32_t i, std::int64_t watermark) { add_behind(in, i, watermark); });
    late_.flush(output(kLatePort));
  }

  runtime::Progress advance(EventTime watermark) override {
    return core_.advance(watermark, output());
  }
  void snapshot(runtime::CheckpointId, runtime::OperatorSnapshot& out, runtime::IoWork&) override {
    core_.snapshot(out);
  }

 private:
  void fetch(const runtime::Batch<T>& in, std::uint32_t begin, std::uint32_t end,
             std::int64_t slice) {
    core_.fetch(
        end - begin, in.hashes() + begin,
        [&](std::uint32_t i) -> decltype(auto) { return std::invoke(key_, in[begin + i]); }, slice);
  }

  // A record behind the watermark of its partition.
  void add_behind(const runtime::Batch<T>& in, std::uint32_t i, std::int64_t watermark) {
    const std::int64_t start = core_.spec().slice_of(in.times()[i]);
    if (core_.is_late(start, watermark)) {
      late_.put(in[i], in.times()[i], watermark, output(kLatePort));
    } else if (core_.spec().first_end(start) > watermark) {
      if (core_.must_fetch()) fetch(in, i, i + 1, start);
      add_to_slice(context(), in, i, i + 1, core_.set(), key_, core_.slice_at(start));
    } else {
      core_.set().add_record(
          core_.pending_at(start, in.hashes()[i], std::invoke(key_, in[i]), watermark), in[i]);
    }
  }

  Core core_;
  KeyFn key_;
  LateOutput<T> late_;
};

// The consumer's half: partial aggregates in, windows out.
template <class K, class Set>
class MergeWindowOperator final : public runtime::Operator {
 public:
  using Acc = typename Set::Acc;
  using In = Partial<K, Acc>;
  using Core = WindowCore<K, Set>;

  MergeWindowOperator(WindowSpec spec, LatePolicy late, Set set)
      : core_(spec, late.allowed, std::move(set)) {}

  absl::Status open(runtime::OperatorContext& context) override {
    const absl::Status status = runtime::Operator::open(context);
    return status.ok() ? core_.open(context) : status;
  }
  void restored() override { core_.restored(); }

  void push(runtime::BatchBase& batch) override {
    auto& in = runtime::Batch<In>::of(batch);
    const std::int64_t* slices = in.times();
    const std::int64_t fired = core_.fired();
    const std::int64_t on_time_from = fired == INT64_MIN ? fired : core_.spec().slice_of(fired);
    in.for_each_run([&](std::uint32_t i, std::uint32_t end, EventTime watermark) {
      const std::int64_t w = std::max(watermark.micros(), fired);
      while (i < end) {
        const std::uint32_t begin = i++;
        if (watermark != EventTime::min() || slices[begin] < on_time_from) {
          add_behind(in, begin, w);
          continue;
        }
        while (i < end && slices[i] == slices[begin]) ++i;
        merge_into_slice(in, begin, i);
      }
    });
  }
  runtime::Progress advance(EventTime watermark) override {
    return core_.advance(watermark, output());
  }
  void snapshot(runtime::CheckpointId, runtime::OperatorSnapshot& out, runtime::IoWork&) override {
    core_.snapshot(out);
  }

 private:
  // What may be too late for some of its windows. Too late for all is only what comes from a
  // partition that was idle: the producer has sent everything else that is late where the late
  // policy wants it.
  void add_behind(const runtime::Batch<In>& in, std::uint32_t i, std::int64_t w) {
    const std::int64_t slice = in.times()[i];
    if (core_.spec().first_end(slice) > w) {
      merge_into_slice(in, i, i + 1);
    } else if (core_.is_late(slice, w)) {
      context().metrics->late.add(1);
    } else {
      core_.set().merge(core_.pending_at(slice, in.hashes()[i], in[i].key, w), in[i].acc);
    }
  }
  // Records [begin, end) are of one slice.
  void merge_into_slice(const runtime::Batch<In>& in, std::uint32_t begin, std::uint32_t end) {
    const std::int64_t slice = in.times()[begin];
    const std::uint64_t* hashes = in.hashes();
    if (core_.must_fetch()) {
      core_.fetch(
          end - begin, hashes + begin,
          [&](std::uint32_t i) -> const K& { return in[begin + i].key; }, slice);
    }
    state::update_entries(
        core_.slice_at(slice), begin, end, hashes,
        [&](std::uint32_t i) -> const K& { return in[i].key; },
        [&](std::uint32_t i, Acc& acc) { core_.set().merge(acc, in[i].acc); });
  }

  Core core_;
};

}  // namespace weir::operators

namespace weir::runtime {

template <Encodable K, Encodable A>
struct Codec<operators::Partial<K, A>> : RowCodec<operators::Partial<K, A>, VisitTwo, K, A> {
  static std::string schema() {
    return "partial<" + Codec<K>::schema() + "," + Codec<A>::schema() + ">";
  }
};

}  // namespace weir::runtime
