// The producer's half of a window around an exchange (records -> partial aggregates), and what it
// shares with the whole one: which records go into a slice, and where late ones go.
#pragma once

#include <algorithm>
#include <cstdint>
#include <map>
#include <memory>
#include <utility>
#include <vector>

#include "weir/operators/keying.h"
#include "weir/operators/transform.h"
#include "weir/operators/window_spec.h"
#include "weir/runtime/operator.h"
#include "weir/runtime/user_error.h"
#include "weir/state/round_table.h"
#include "weir/state/update_entries.h"

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

// Whether all of n times lie in [start, start + length). Without a branch per time, since that is
// so of most stretches of records.
inline bool are_within(const std::int64_t* times, std::uint32_t n, std::int64_t start,
                       std::int64_t length) {
  const std::int64_t last = start + length - 1;
  std::int64_t outside = 0;  // its sign bit
  for (std::uint32_t i = 0; i < n; ++i) outside |= (times[i] - start) | (last - times[i]);
  return outside >= 0;
}

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
      if (are_within(times + i, end - i, start, spec.slice_us)) {
        i = end;
      } else {
        while (i < end && static_cast<std::uint64_t>(times[i] - start) < length) ++i;
      }
      same_slice(begin, i, start);
    }
  });
}

// Adds records [begin, end) of a batch to the accumulators of their keys in `slice`.
template <class T, class KeyFn, class Set, class Slice>
void add_to_slice(const runtime::OperatorContext& context, const runtime::Batch<T>& in,
                  std::uint32_t begin, std::uint32_t end, const Set& all, const KeyFn& key_fn,
                  Slice& slice) {
  const T* records = in.records();
  const std::conditional_t<std::is_trivially_copy_constructible_v<Set>, Set, const Set&> set = all;
  const LoopCopy<KeyFn> key = key_fn;
  std::uint32_t current = begin;
  try {
    state::update_entries(
        slice, begin, end, in.hashes(),
        [&](std::uint32_t i) -> decltype(auto) {
          current = i;
          return std::invoke(key, records[i]);
        },
        [&](std::uint32_t i, typename Set::Acc& acc) {
          current = i;
          set.add_record(acc, records[i]);
        });
  } catch (...) {
    runtime::rethrow_with_place(context, in, current);
  }
}

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
  using Slice = state::RoundTable<K, Acc>;

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
    limit_held(in.size());
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
  static constexpr std::int64_t kMaxHeld = 1 << 16;    // entries
  static constexpr std::int64_t kMinUncounted = 4096;  // records between two counts, at least
  static constexpr std::size_t kMaxSpare = 2;          // tables

  Slice& slice_at(std::int64_t start) {
    auto& table = slices_[start];
    if (table != nullptr) return *table;
    if (spare_.empty()) return *(table = std::make_unique<Slice>());
    table = std::move(spare_.back());
    spare_.pop_back();
    return *table;
  }
  // Sends everything before there is too much. Entries are counted only when there may be as many.
  void limit_held(std::uint32_t more_records) {
    uncounted_ -= more_records;
    if (uncounted_ > 0) return;
    std::size_t n = 0;
    for (const auto& [start, table] : slices_) n += table->size();
    const std::int64_t room = kMaxHeld - static_cast<std::int64_t>(n);
    if (room < kMinUncounted) send_held(INT64_MAX);
    uncounted_ = room < kMinUncounted ? kMaxHeld : room;
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
    const std::uint32_t n = begin(EventTime(watermark));
    put(n, key, hash, slice, std::move(acc));
    out_->resize(n + 1);
    if (out_->full()) push_output();
  }
  // Sends what is gathered of a slice.
  void send_on_time(std::int64_t slice, Slice& table) {
    std::uint32_t n = begin(EventTime::min());
    table.finish_round([&](const K& key, std::uint64_t hash, Acc&& acc) {
      put(n, key, hash, slice, std::move(acc));
      if (++n < out_->capacity()) return;
      out_->resize(n);
      push_output();
      n = begin(EventTime::min());
    });
    out_->resize(n);
  }
  // Where the next partial aggregate goes; it and those that follow have `watermark`.
  std::uint32_t begin(EventTime watermark) {
    out_->has_times = true;
    out_->has_hashes = true;
    out_->open_run(watermark);
    return out_->size();
  }
  void put(std::uint32_t n, const K& key, std::uint64_t hash, std::int64_t slice, Acc&& acc) {
    Out& o = (*out_)[n];
    o.key = key;
    o.acc = std::move(acc);
    out_->times()[n] = slice;
    out_->hashes()[n] = hash;
  }
  // Sends the slices of which a window ends at `upto` or before.
  void send_held(std::int64_t upto) {
    if (slices_.empty()) return;
    while (!slices_.empty() && spec_.first_end(slices_.begin()->first) <= upto) {
      const std::int64_t slice = slices_.begin()->first;
      send_on_time(slice, *slices_.begin()->second);
      if (spare_.size() < kMaxSpare) spare_.push_back(std::move(slices_.begin()->second));
      slices_.erase(slices_.begin());
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
  std::int64_t uncounted_ = kMaxHeld;          // so many records may come until entries are counted
  std::vector<std::unique_ptr<Slice>> spare_;  // of past slices; they know their keys
  std::unique_ptr<runtime::Batch<Out>> out_;
};

}  // namespace weir::operators
