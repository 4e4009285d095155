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
    Slice* slice = nullptr;
    std::int64_t slice_start = 0;
    std::uint32_t run_begin = 0;
    std::uint32_t run_end = 0;
    std::int64_t watermark = 0;
    std::int64_t on_time_from = 0;
    std::size_t run = 0;
    const T* records = in.records();
    const std::int64_t* times = in.times();
    const std::uint64_t* hashes = in.hashes();
    const std::uint64_t length = static_cast<std::uint64_t>(core_.spec().slice_us);
    const std::uint32_t n = in.size();
    const bool must_fetch = core_.must_fetch();
    runtime::for_each_record(context(), in, [&](std::uint32_t i) {
      if (i >= run_end) [[unlikely]] {
        run_begin = i;
        run_end = next_run(in, run, watermark, run_begin);
        on_time_from = core_.on_time_from(EventTime(watermark));
      }
      const std::int64_t t = times[i];
      if (t < on_time_from) [[unlikely]] {
        if (add_behind(records[i], t, hashes[i], watermark)) slice = nullptr;
        return;
      }
      if (slice == nullptr || static_cast<std::uint64_t>(t - slice_start) >= length) [[unlikely]] {
        slice_start = core_.spec().slice_of(t);
        slice = &core_.slice_at(slice_start);
      }
      if (must_fetch) [[unlikely]] fetch_one(hashes[i], records[i], slice_start);
      if (i + kAhead < n) slice->prefetch(hashes[i + kAhead]);
      core_.set().add_record(slice->upsert(hashes[i], std::invoke(key_, records[i])), records[i]);
    });
    late_.flush(output(kLatePort));
  }

  runtime::Progress advance(EventTime watermark) override {
    return core_.advance(watermark, output());
  }
  void snapshot(runtime::CheckpointId, runtime::OperatorSnapshot& out, runtime::IoWork&) override {
    core_.snapshot(out);
  }

 private:
  static constexpr std::uint32_t kAhead = 12;

  // The end of the run that starts at `begin`, and its watermark.
  static std::uint32_t next_run(const runtime::BatchBase& in, std::size_t& run,
                                std::int64_t& watermark, std::uint32_t begin) {
    const auto& runs = in.runs();
    while (run < runs.size() && runs[run].offset <= begin) ++run;
    watermark = run == 0 ? EventTime::min().micros() : runs[run - 1].watermark.micros();
    return run < runs.size() ? runs[run].offset : in.size();
  }

  void fetch_one(std::uint64_t hash, const T& record, std::int64_t slice) {
    core_.fetch(
        1, &hash, [&](std::uint32_t) -> decltype(auto) { return std::invoke(key_, record); }, slice);
  }

  // A record behind the watermark of its partition. True if slice tables may have moved.
  bool add_behind(const T& record, std::int64_t t, std::uint64_t hash, std::int64_t watermark) {
    const std::int64_t start = core_.spec().slice_of(t);
    if (core_.is_late(start, watermark)) {
      late_.put(record, t, watermark, output(kLatePort));
      return false;
    }
    if (core_.spec().first_end(start) > watermark) {
      if (core_.must_fetch()) fetch_one(hash, record, start);
      core_.set().add_record(core_.slice_at(start).upsert(hash, std::invoke(key_, record)), record);
    } else {
      core_.set().add_record(core_.pending_at(start, hash, std::invoke(key_, record), watermark),
                             record);
    }
    return true;
  }

  Core core_;
  KeyFn key_;
  LateOutput<T> late_;
};

// What the producer's half sends: the aggregate of some records of one key and slice. `watermark` is
// INT64_MIN if they are on time for all windows, else that of their partition.
template <class K, class Acc>
struct Partial {
  K key{};
  std::int64_t slice = 0;
  std::int64_t watermark = INT64_MIN;
  Acc acc{};
};

// The producer's half: pre-aggregates per slice and key until the watermark moves, and decides which
// records are late, since it knows their partition's watermark.
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
    const T* records = in.records();
    const std::int64_t* times = in.times();
    const std::uint64_t* hashes = in.hashes();
    const std::uint64_t length = static_cast<std::uint64_t>(spec_.slice_us);
    Slice* slice = nullptr;
    std::int64_t slice_start = 0;
    std::size_t run = 0;
    std::uint32_t run_end = 0;
    std::int64_t watermark = 0;
    std::int64_t on_time_from = 0;
    const auto& runs = in.runs();
    runtime::for_each_record(context(), in, [&](std::uint32_t i) {
      if (i >= run_end) [[unlikely]] {
        while (run < runs.size() && runs[run].offset <= i) ++run;
        watermark = run == 0 ? INT64_MIN : runs[run - 1].watermark.micros();
        run_end = run < runs.size() ? runs[run].offset : in.size();
        on_time_from = watermark == INT64_MIN ? INT64_MIN : spec_.slice_of(watermark);
      }
      const std::int64_t t = times[i];
      if (t < on_time_from) [[unlikely]] {
        send_behind(records[i], t, hashes[i], watermark);
        return;
      }
      if (slice == nullptr || static_cast<std::uint64_t>(t - slice_start) >= length) [[unlikely]] {
        slice_start = spec_.slice_of(t);
        slice = &slice_at(slice_start);
      }
      set_.add_record(slice->upsert(hashes[i], std::invoke(key_, records[i])), records[i]);
    });
    late_.flush(output(kLatePort));
    if (held_entries() > kMaxHeld) send_held();
    push_output();
  }

  void flush(runtime::FlushReason reason) override {
    if (reason != runtime::FlushReason::kDry) send_held();
  }
  runtime::Progress advance(EventTime) override {
    send_held();
    return runtime::Progress::kDone;
  }

 private:
  static constexpr std::size_t kMaxHeld = 1 << 16;  // entries

  Slice& slice_at(std::int64_t start) {
    auto& table = slices_[start];
    if (table == nullptr) table = std::make_unique<Slice>(state::RowPrefix{});
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
    const std::uint32_t n = out_->size();
    Out& o = (*out_)[n];
    o.key = key;
    o.slice = slice;
    o.watermark = watermark;
    o.acc = std::move(acc);
    out_->times()[n] = slice;
    out_->hashes()[n] = hash;
    out_->resize(n + 1);
    if (out_->full()) push_output();
  }
  void send_held() {
    for (auto& [start, table] : slices_) {
      const std::int64_t slice = start;
      table->for_each([&](const K& key, const Acc& acc) {
        send(key, runtime::KeyTraits<K>::hash(key), slice, INT64_MIN, acc);
      });
    }
    slices_.clear();
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
    const std::uint64_t* hashes = in.hashes();
    for (std::uint32_t i = 0; i < in.size(); ++i) {
      const In& p = in[i];
      if (p.watermark != INT64_MIN) {
        core_.set().merge(core_.pending_at(p.slice, hashes[i], p.key, p.watermark), p.acc);
        continue;
      }
      if (core_.must_fetch()) {
        core_.fetch(1, &hashes[i], [&](std::uint32_t) -> const K& { return p.key; }, p.slice);
      }
      core_.set().merge(core_.slice_at(p.slice).upsert(hashes[i], p.key), p.acc);
    }
  }
  runtime::Progress advance(EventTime watermark) override {
    return core_.advance(watermark, output());
  }
  void snapshot(runtime::CheckpointId, runtime::OperatorSnapshot& out, runtime::IoWork&) override {
    core_.snapshot(out);
  }

 private:
  Core core_;
};

}  // namespace weir::operators
