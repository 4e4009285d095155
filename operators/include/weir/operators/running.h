// Running aggregates of a keyed stream: every record updates its key's accumulator and emits the
// updated result.
//
// Across an exchange the work is split: the producer projects each record to its key and the values
// that the aggregates look at, so that only these travel; the consumer updates.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <utility>

#include "weir/operators/aggregates.h"
#include "weir/operators/keying.h"
#include "weir/operators/transform.h"
#include "weir/runtime/codec.h"
#include "weir/runtime/record.h"
#include "weir/state/table_group.h"

namespace weir::operators {

// What comes out: the key and the updated result (a tuple if there are several aggregates).
template <class K, class R>
struct Keyed {
  K key{};
  R value{};
};

// What travels between the halves.
template <class K, class V>
struct Projected {
  K key{};
  V value{};
};

// Records of type In -> updates of table -> Keyed<K, R>. `Access` tells how to get key and
// values out of In: the whole record (RecordAccess) or a Projected.
template <class In, class K, class Set, class Access>
class RunningOperator final : public runtime::Operator {
 public:
  using Out = Keyed<K, typename Set::Result>;

  RunningOperator(Set set, Access access) : set_(std::move(set)), access_(std::move(access)) {}

  absl::Status open(runtime::OperatorContext& context) override {
    const absl::Status status = runtime::Operator::open(context);
    group_.declare(context, "running", "aggregating");
    table_ = &group_.at(0);
    return status;
  }

  void push(runtime::BatchBase& batch) override {
    auto& in = runtime::Batch<In>::of(batch);
    auto& out = fitting_batch(out_, in);
    const In* records = in.records();
    const std::uint64_t* hashes = in.hashes();
    if (group_.must_fetch()) {
      group_.fetch(in.size(), hashes,
                   [&](std::uint32_t i) -> decltype(auto) { return access_.key(records[i]); });
    }
    Out* results = out.records();
    const std::uint32_t n = in.size();
    auto& table = *table_;
    auto view = table.view();
    const std::uint32_t prefetch_until = table.is_large() && n > kAhead ? n - kAhead : 0;
    runtime::for_each_record(context(), in, [&](std::uint32_t i) {
      if (i < prefetch_until) table.prefetch(view, hashes[i + kAhead]);
      auto& acc = table.upsert(view, hashes[i], access_.key(records[i]));
      access_.add(set_, acc, records[i]);
      results[i].key = access_.key(records[i]);
      results[i].value = set_.result(acc);
    });
    out.resize(n);
    copy_times(in, out);
    output().push(out);
  }
  void snapshot(runtime::CheckpointId, runtime::OperatorSnapshot& out, runtime::IoWork&) override {
    out.states.push_back(group_.descriptor());
  }

 private:
  static constexpr std::uint32_t kAhead = 24;  // records between prefetch and use

  Set set_;
  Access access_;
  state::TableGroup<K, typename Set::Acc> group_;
  state::FlatTable<K, typename Set::Acc>* table_ = nullptr;
  std::unique_ptr<runtime::Batch<Out>> out_;
};

template <class T, class KeyFn>
struct RecordAccess {
  KeyFn key_fn;
  decltype(auto) key(const T& record) const { return std::invoke(key_fn, record); }
  template <class Set>
  void add(const Set& set, typename Set::Acc& acc, const T& record) const {
    set.add_record(acc, record);
  }
};

template <class K, class V>
struct ProjectedAccess {
  const K& key(const Projected<K, V>& p) const { return p.key; }
  template <class Set>
  void add(const Set& set, typename Set::Acc& acc, const Projected<K, V>& p) const {
    set.add(acc, p.value);
  }
};

// The producer's half: records -> Projected, with all columns.
template <class T, class K, class KeyFn, class Set>
class ProjectOperator final : public runtime::Operator {
 public:
  using Out = Projected<K, typename Set::Value>;
  ProjectOperator(Set set, KeyFn key) : set_(std::move(set)), key_(std::move(key)) {}

  void push(runtime::BatchBase& batch) override {
    auto& in = runtime::Batch<T>::of(batch);
    auto& out = fitting_batch(out_, in);
    const T* records = in.records();
    Out* results = out.records();
    runtime::for_each_record(context(), in, [&](std::uint32_t i) {
      results[i].key = std::invoke(key_, records[i]);
      results[i].value = set_.project(records[i]);
    });
    out.resize(in.size());
    copy_columns(in, out);
    output().push(out);
  }

 private:
  Set set_;
  KeyFn key_;
  std::unique_ptr<runtime::Batch<Out>> out_;
};

}  // namespace weir::operators

namespace weir::runtime {

template <Encodable K, Encodable R>
struct Codec<operators::Keyed<K, R>> : RowCodec<operators::Keyed<K, R>, VisitTwo, K, R> {
  static std::string schema() {
    return "keyed<" + Codec<K>::schema() + "," + Codec<R>::schema() + ">";
  }
};

template <Encodable K, Encodable V>
struct Codec<operators::Projected<K, V>> : RowCodec<operators::Projected<K, V>, VisitTwo, K, V> {
  static std::string schema() {
    return "projected<" + Codec<K>::schema() + "," + Codec<V>::schema() + ">";
  }
};

}  // namespace weir::runtime

namespace weir {
using operators::Keyed;
}  // namespace weir
