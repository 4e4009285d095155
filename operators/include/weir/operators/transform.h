// The stateless bolts: map, filter, flat_map, process. One short loop per batch each; the user's
// function is inlined into it.
#pragma once

#include <concepts>
#include <cstdint>
#include <functional>
#include <memory>
#include <type_traits>
#include <utility>
#include <vector>

#include "weir/runtime/batch.h"
#include "weir/runtime/operator.h"
#include "weir/runtime/user_error.h"

namespace weir::operators {

// Copies the columns of a batch (times, hashes, runs, partition) to one with as many records.
void copy_columns(const runtime::BatchBase& from, runtime::BatchBase& to);
// The same without the hashes.
void copy_times(const runtime::BatchBase& from, runtime::BatchBase& to);
// An output batch with room for as many records as `in` can hold.
template <class T>
runtime::Batch<T>& fitting_batch(std::unique_ptr<runtime::Batch<T>>& batch,
                                 const runtime::BatchBase& in) {
  if (batch == nullptr || batch->capacity() < in.capacity()) {
    batch = std::make_unique<runtime::Batch<T>>(in.capacity());
  }
  batch->clear();
  return *batch;
}

// f(T&) changes records in place; f(const T&) -> U makes new ones.
template <class T, class F>
class MapOperator final : public runtime::Operator {
 public:
  using Result = std::invoke_result_t<F&, T&>;
  static constexpr bool kInPlace = std::is_void_v<Result>;
  using Out = std::conditional_t<kInPlace, T, std::remove_cvref_t<Result>>;

  explicit MapOperator(F f) : f_(std::move(f)) {}

  void push(runtime::BatchBase& batch) override {
    auto& in = runtime::Batch<T>::of(batch);
    T* records = in.records();
    if constexpr (kInPlace) {
      runtime::for_each_record(context(), in, [&](std::uint32_t i) { f_(records[i]); });
      output().push(in);
    } else if constexpr (std::is_same_v<Out, T>) {
      runtime::for_each_record(context(), in,
                               [&](std::uint32_t i) { records[i] = f_(records[i]); });
      output().push(in);
    } else {
      auto& out = fitting_batch(out_, in);
      Out* results = out.records();
      runtime::for_each_record(context(), in,
                               [&](std::uint32_t i) { results[i] = f_(records[i]); });
      out.resize(in.size());
      copy_columns(in, out);
      output().push(out);
    }
  }

 private:
  F f_;
  std::unique_ptr<runtime::Batch<Out>> out_;
};

// Keeps the records for which f(const T&) holds, by compaction in place.
template <class T, class F>
class FilterOperator final : public runtime::Operator {
 public:
  explicit FilterOperator(F f) : f_(std::move(f)) {}

  void push(runtime::BatchBase& batch) override {
    auto& in = runtime::Batch<T>::of(batch);
    std::uint32_t kept = 0;
    if (!in.has_times && !in.has_hashes) {
      T* records = in.records();
      runtime::for_each_record(context(), in, [&](std::uint32_t i) {
        const bool keep = f_(std::as_const(records[i]));
        if (kept != i) records[kept] = std::move(records[i]);
        kept += keep ? 1 : 0;
      });
      in.resize(kept);
    } else {
      compact_with_columns(in);
    }
    if (!in.empty()) output().push(in);
  }

 private:
  void compact_with_columns(runtime::Batch<T>& in) {
    T* records = in.records();
    std::int64_t* times = in.times();
    std::uint64_t* hashes = in.hashes();
    std::uint32_t kept = 0;
    std::size_t run = 1;
    auto& runs = in.runs();
    std::uint32_t next_run = runs.size() > 1 ? runs[1].offset : UINT32_MAX;
    runtime::for_each_record(context(), in, [&](std::uint32_t i) {
      while (i >= next_run) [[unlikely]] {
          runs[run].offset = kept;
          ++run;
          next_run = run < runs.size() ? runs[run].offset : UINT32_MAX;
        }
      const bool keep = f_(std::as_const(records[i]));
      if (kept != i) records[kept] = std::move(records[i]);
      times[kept] = times[i];
      hashes[kept] = hashes[i];
      kept += keep ? 1 : 0;
    });
    for (; run < runs.size(); ++run) runs[run].offset = kept;
    in.resize(kept);
  }

  F f_;
};

// What flat_map and process functions write to: any number of records per input record, each with
// the input's event time.
template <class U>
class Emitter {
 public:
  void emit(U record) {
    (*batch_)[batch_->size()] = std::move(record);
    keep();
  }
  // A record to fill in place; keep() emits it.
  U& next() { return (*batch_)[batch_->size()]; }
  void keep() {
    const std::uint32_t n = batch_->size();
    batch_->times()[n] = time_;
    batch_->hashes()[n] = hash_;
    batch_->resize(n + 1);
    if (batch_->full()) flush();
  }
  // Event time of the record at hand; min() if the stream has none.
  EventTime time() const { return EventTime(time_); }

  // --- for the engine ---
  void start(runtime::Batch<U>& batch, runtime::Input& to) {
    batch_ = &batch;
    to_ = &to;
  }
  void begin_batch(const runtime::BatchBase& in) {
    has_times_ = in.has_times;
    has_hashes_ = in.has_hashes;
    partition_ = in.partition;
    prepare();
  }
  void begin_untied(EventTime time, EventTime watermark) {
    has_times_ = true;
    has_hashes_ = false;
    partition_ = 0;
    prepare();
    set_record(time.micros(), 0);
    open_run(watermark);
  }
  void set_record(std::int64_t time, std::uint64_t hash) {
    time_ = time;
    hash_ = hash;
  }
  void open_run(EventTime watermark) {
    watermark_ = watermark;
    if (has_times_) batch_->open_run(watermark);
  }
  void flush() {
    if (!batch_->empty()) to_->push(*batch_);
    prepare();
    if (has_times_) batch_->open_run(watermark_);
  }
  void end_batch() {
    if (!batch_->empty()) to_->push(*batch_);
    batch_->clear();
  }

 private:
  void prepare() {
    batch_->clear();
    batch_->has_times = has_times_;
    batch_->has_hashes = has_hashes_;
    batch_->partition = partition_;
  }

  runtime::Batch<U>* batch_ = nullptr;
  runtime::Input* to_ = nullptr;
  std::int64_t time_ = EventTime::min().micros();
  std::uint64_t hash_ = 0;
  EventTime watermark_ = EventTime::min();
  bool has_times_ = false;
  bool has_hashes_ = false;
  std::uint32_t partition_ = 0;
};

// f(const T&, Emitter<U>&).
template <class T, class U, class F>
class FlatMapOperator final : public runtime::Operator {
 public:
  explicit FlatMapOperator(F f) : f_(std::move(f)) {}

  absl::Status open(runtime::OperatorContext& context) override {
    out_ = std::make_unique<runtime::Batch<U>>(context.batch_size);
    const absl::Status status = runtime::Operator::open(context);
    emitter_.start(*out_, output());
    return status;
  }

  void push(runtime::BatchBase& batch) override {
    auto& in = runtime::Batch<T>::of(batch);
    const T* records = in.records();
    emitter_.begin_batch(in);
    std::size_t run = 0;
    const auto& runs = in.runs();
    std::uint32_t next_run = runs.empty() ? UINT32_MAX : 0;
    runtime::for_each_record(context(), in, [&](std::uint32_t i) {
      while (i >= next_run) [[unlikely]] {
          emitter_.open_run(runs[run].watermark);
          ++run;
          next_run = run < runs.size() ? runs[run].offset : UINT32_MAX;
        }
      emitter_.set_record(in.has_times ? in.times()[i] : EventTime::min().micros(),
                          in.has_hashes ? in.hashes()[i] : 0);
      f_(records[i], emitter_);
    });
    emitter_.end_batch();
  }

 private:
  F f_;
  std::unique_ptr<runtime::Batch<U>> out_;
  Emitter<U> emitter_;
};

// Sends the records for which f(const T&) holds to port 0, the others to port 1.
template <class T, class F>
class SplitRecords final : public runtime::Operator {
 public:
  explicit SplitRecords(F f) : f_(std::move(f)) {}

  void push(runtime::BatchBase& batch) override {
    auto& in = runtime::Batch<T>::of(batch);
    if (chosen_.size() < in.size()) {
      chosen_.resize(in.capacity());
      others_.resize(in.capacity());
    }
    std::uint32_t chosen = 0;
    std::uint32_t others = 0;
    runtime::for_each_record(context(), in, [&](std::uint32_t i) {
      const bool is_chosen = f_(std::as_const(in[i]));
      chosen_[chosen] = i;
      others_[others] = i;
      chosen += is_chosen ? 1 : 0;
      others += is_chosen ? 0 : 1;
    });
    send(in, chosen_.data(), chosen, 0);
    send(in, others_.data(), others, 1);
  }

 private:
  void send(const runtime::Batch<T>& in, const std::uint32_t* index, std::uint32_t count,
            std::uint32_t port) {
    if (count == 0) return;
    auto& out = fitting_batch(out_, in);
    out.partition = in.partition;
    out.append_selected(in, index, count);
    output(port).push(out);
  }

  F f_;
  std::vector<std::uint32_t> chosen_;
  std::vector<std::uint32_t> others_;
  std::unique_ptr<runtime::Batch<T>> out_;
};

// Passes records on unchanged: union, and the place of a name.
class PassOperator final : public runtime::Operator {
 public:
  void push(runtime::BatchBase& batch) override { output().push(batch); }
};

}  // namespace weir::operators

namespace weir {
using operators::Emitter;
}  // namespace weir
