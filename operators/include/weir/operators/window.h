// The operators of event-time windows: whole (records in, windows out), and in two halves around an
// exchange (records -> partial aggregates | partial aggregates -> windows).
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <utility>

#include "weir/operators/keying.h"
#include "weir/operators/transform.h"
#include "weir/operators/window_core.h"
#include "weir/runtime/user_error.h"

namespace weir::operators {

// Output ports of a window: results, and records that are late for all their windows.
inline constexpr std::uint32_t kLatePort = 1;

// Sends late records to the late port, or counts them.
template <class T>
class LateOutput {
 public:
  void open(const runtime::OperatorContext& context) {
    metrics_ = context.metrics;
    batch_ = std::make_unique<runtime::Batch<T>>(context.batch_size);
  }
  void put(const T& record, std::int64_t time, std::int64_t watermark, runtime::Input& to) {
    metrics_->late.add(1);
    if (batch_->full()) flush(to);
    batch_->has_times = true;
    batch_->open_run(EventTime(watermark));
    const std::uint32_t n = batch_->size();
    (*batch_)[n] = record;
    batch_->times()[n] = time;
    batch_->resize(n + 1);
  }
  void flush(runtime::Input& to) {
    if (batch_->empty()) return;
    to.push(*batch_);
    batch_->clear();
  }

 private:
  runtime::OperatorMetrics* metrics_ = nullptr;
  std::unique_ptr<runtime::Batch<T>> batch_;
};

// Cuts a timed batch into stretches of records that go the same way: into one slice, because they
// are on time for all its windows, or one by one, because they lie behind the watermark of their
// partition, or behind `least` if that is larger. Calls same_slice(begin, end, slice_start) and
// behind(i, watermark).
template <class SameSlice, class Behind>
void for_each_stretch(const runtime::BatchBase& batch, const WindowSpec& spec, std::int64_t least,
                      SameSlice&& same_slice, Behind&& behind) {
  const std::int64_t* times = batch.times();
  batch.for_each_run([&](std::uint32_t i, std::uint32_t end, EventTime watermark) {
    const std::int64_t w = std::max(watermark.micros(), least);
    const std::int64_t on_time_from = w == INT64_MIN ? INT64_MIN : spec.slice_of(w);
    const auto length = static_cast<std::uint64_t>(spec.slice_us);
    while (i < end) {
      if (times[i] < on_time_from) {
        behind(i, w);
        ++i;
        continue;
      }
      const std::int64_t start = spec.slice_of(times[i]);
      const std::uint32_t begin = i++;
      while (i < end && static_cast<std::uint64_t>(times[i] - start) < length) ++i;
      same_slice(begin, i, start);
    }
  });
}

// Adds records [begin, end) of a batch to the accumulators of their keys in `slice`.
template <class T, class KeyFn, class Set, class Slice>
void add_to_slice(const runtime::OperatorContext& context, const runtime::Batch<T>& in,
                  std::uint32_t begin, std::uint32_t end, const Set& set, const KeyFn& key,
                  Slice& slice) {
  constexpr std::uint32_t kAhead = 12;  // records between prefetch and use
  const T* records = in.records();
  const std::uint64_t* hashes = in.hashes();
  auto view = slice.view();
  std::uint32_t i = begin;
  try {
    if (slice.is_large()) {
      const std::uint32_t last = in.size() - 1;
      for (; i < end; ++i) {
        slice.prefetch(view, hashes[std::min(i + kAhead, last)]);
        set.add_record(slice.upsert(view, hashes[i], std::invoke(key, records[i])), records[i]);
      }
    } else {
      for (; i < end; ++i) {
        set.add_record(slice.upsert(view, hashes[i], std::invoke(key, records[i])), records[i]);
      }
    }
  } catch (...) {
    runtime::rethrow_with_place(context, in, i);
  }
}

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

// What the producer's half sends: the aggregate of some records of one key and slice. Its time is
// the slice's start; the watermark of its run is EventTime::min() if the records are on time for
// all windows, else that of their partition.
template <class K, class Acc>
struct Partial {
  K key{};
  Acc acc{};
};

// The producer's half: pre-aggregates per slice and key until a window of the slice may fire, and
// decides which records are late, since it knows their partition's watermark.
template <class T, class K, class KeyFn, class Set>
class CombineOperator final : public runtime::Operator {
 public:
  using Acc = typename Set::Acc;
  using Out = Partial<K, Acc>;
  using Slice = state::FlatTable<K, Acc, false>;

  CombineOperator(WindowSpec spec, LatePolicy late, Set set, KeyFn key)
      : spec_(spec), allowed_(late.allowed.count()), set_(std::move(set)), key_(std::move(key)) {}

  absl::Status open(runtime::OperatorContext& context) override {
    late_.open(context);
    out_ = std::make_unique<runtime::Batch<Out>>(context.batch_size);
    return runtime::Operator::open(context);
  }

  void push(runtime::BatchBase& batch) override {
    auto& in = runtime::Batch<T>::of(batch);
    for_each_stretch(
        in, spec_, INT64_MIN,
        [&](std::uint32_t begin, std::uint32_t end, std::int64_t start) {
          add_to_slice(context(), in, begin, end, set_, key_, slice_at(start));
        },
        [&](std::uint32_t i, std::int64_t watermark) {
          send_behind(in[i], in.times()[i], in.hashes()[i], watermark);
        });
    late_.flush(output(kLatePort));
    if (held_entries() > kMaxHeld) send_held(INT64_MAX);
    push_output();
  }

  void flush(runtime::FlushReason reason) override {
    // At a watermark, advance() sends what is due.
    const bool is_all =
        reason == runtime::FlushReason::kIdle || reason == runtime::FlushReason::kBarrier;
    if (is_all) send_held(INT64_MAX);
  }
  runtime::Progress advance(EventTime watermark) override {
    send_held(watermark.micros());
    return runtime::Progress::kDone;
  }

 private:
  static constexpr std::size_t kMaxHeld = 1 << 16;  // entries

  Slice& slice_at(std::int64_t start) {
    auto& table = slices_[start];
    if (table == nullptr) {
      table = spare_ != nullptr ? std::move(spare_) : std::make_unique<Slice>(state::RowPrefix{});
    }
    return *table;
  }
  std::size_t held_entries() const {
    std::size_t n = 0;
    for (const auto& [start, table] : slices_) n += table->size();
    return n;
  }
  void send_behind(const T& record, std::int64_t t, std::uint64_t hash, std::int64_t watermark) {
    const std::int64_t start = spec_.slice_of(t);
    if (spec_.last_end(start) + allowed_ <= watermark) {
      late_.put(record, t, watermark, output(kLatePort));
      return;
    }
    Acc acc{};
    set_.add_record(acc, record);
    const bool is_on_time = spec_.first_end(start) > watermark;
    send(K(std::invoke(key_, record)), hash, start, is_on_time ? INT64_MIN : watermark,
         std::move(acc));
  }
  void send(const K& key, std::uint64_t hash, std::int64_t slice, std::int64_t watermark, Acc acc) {
    out_->has_times = true;
    out_->has_hashes = true;
    out_->open_run(EventTime(watermark));
    const std::uint32_t n = out_->size();
    Out& o = (*out_)[n];
    o.key = key;
    o.acc = std::move(acc);
    out_->times()[n] = slice;
    out_->hashes()[n] = hash;
    out_->resize(n + 1);
    if (out_->full()) push_output();
  }
  // Sends the slices of which a window ends at `upto` or before.
  void send_held(std::int64_t upto) {
    if (slices_.empty()) return;
    while (!slices_.empty() && spec_.first_end(slices_.begin()->first) <= upto) {
      const std::int64_t slice = slices_.begin()->first;
      spare_ = std::move(slices_.begin()->second);
      slices_.erase(slices_.begin());
      spare_->for_each_from(0, [&](const K& key, const Acc& acc) {
        send(key, runtime::KeyTraits<K>::hash(key), slice, INT64_MIN, acc);
        return true;
      });
      spare_->drop_all();
    }
    push_output();
  }
  void push_output() {
    if (!out_->empty()) output().push(*out_);
    out_->clear();
  }

  const WindowSpec spec_;
  const std::int64_t allowed_;
  const Set set_;
  KeyFn key_;
  LateOutput<T> late_;
  std::map<std::int64_t, std::unique_ptr<Slice>> slices_;  // on time for all their windows
  std::unique_ptr<Slice> spare_;
  std::unique_ptr<runtime::Batch<Out>> out_;
};

// The consumer's half: partial aggregates in, windows out.
template <class K, class Set>
class MergeWindowOperator final : public runtime::Operator {
 public:
  using In = Partial<K, typename Set::Acc>;
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
    auto& table = core_.slice_at(slice);
    auto view = table.view();
    for (std::uint32_t i = begin; i < end; ++i) {
      core_.set().merge(table.upsert(view, hashes[i], in[i].key), in[i].acc);
    }
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
