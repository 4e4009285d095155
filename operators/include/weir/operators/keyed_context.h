// What a KeyedBolt works with: the key at hand, typed state handles, timers.
//
// Handles are small and copyable; they are made in open() and stay valid for the life of the task.
// A reference that a handle returns is valid until the next call of any handle of the same state.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "weir/operators/aggregates.h"
#include "weir/operators/timers.h"
#include "weir/state/table_group.h"

namespace weir::operators {

// The key that the current call is about.
template <class K>
struct CurrentKey {
  std::uint64_t hash = 0;
  K key{};
};

// One value per key.
template <class K, class V>
class ValueState {
 public:
  ValueState() = default;
  ValueState(state::TableGroup<K, V>& group, const CurrentKey<K>& current)
      : table_(&group.at(0)), current_(&current) {}

  // The key's value, or null.
  const V* get() const { return table_->find(current_->hash, current_->key); }
  bool has() const { return get() != nullptr; }
  void set(V value) { edit() = std::move(value); }
  // The value to be changed in place; V{} at first.
  V& edit() { return table_->upsert(current_->hash, current_->key); }
  void clear() { table_->erase(current_->hash, current_->key); }

 private:
  state::FlatTable<K, V>* table_ = nullptr;
  const CurrentKey<K>* current_ = nullptr;
};

// A list per key, kept as one value.
template <class K, class V>
class ListState : public ValueState<K, std::vector<V>> {
 public:
  using ValueState<K, std::vector<V>>::ValueState;
  void add(V value) { this->edit().push_back(std::move(value)); }
  std::size_t size() const { return this->has() ? this->get()->size() : 0; }
};

// A map per key, kept as one value: meant for small maps.
template <class K, class MK, class MV>
class MapState : public ValueState<K, std::map<MK, MV>> {
 public:
  using ValueState<K, std::map<MK, MV>>::ValueState;
  void put(const MK& key, MV value) { this->edit()[key] = std::move(value); }
  const MV* find(const MK& key) const {
    const std::map<MK, MV>* all = this->get();
    if (all == nullptr) return nullptr;
    const auto it = all->find(key);
    return it == all->end() ? nullptr : &it->second;
  }
  void remove(const MK& key) {
    if (find(key) == nullptr) return;
    std::map<MK, MV>& all = this->edit();
    all.erase(key);
    if (all.empty()) this->clear();
  }
};

// All values added for a key, reduced to one by f(V, V) -> V.
template <class K, class V, class F>
class ReducingState : public ValueState<K, V> {
 public:
  ReducingState() = default;
  ReducingState(state::TableGroup<K, V>& group, const CurrentKey<K>& current, F f)
      : ValueState<K, V>(group, current), f_(std::make_shared<F>(std::move(f))) {}
  void add(V value) {
    if (!this->has()) {
      this->set(std::move(value));
    } else {
      V& current = this->edit();
      current = (*f_)(current, value);
    }
  }

 private:
  std::shared_ptr<F> f_;
};

// All records of type T added for a key, as aggregate A sees them.
template <class K, class T, class A>
class AggregatingState {
 public:
  using Acc = typename Bound<A, T>::Acc;
  AggregatingState() = default;
  AggregatingState(state::TableGroup<K, Acc>& group, const CurrentKey<K>& current, A a)
      : value_(group, current), set_(std::make_shared<AggregateSet<T, A>>(std::move(a))) {}
  void add(const T& record) { set_->add_record(value_.edit(), record); }
  bool has() const { return value_.has(); }
  auto result() const { return set_->result(value_.has() ? *value_.get() : Acc{}); }
  void clear() { value_.clear(); }

 private:
  ValueState<K, Acc> value_;
  std::shared_ptr<AggregateSet<T, A>> set_;
};

template <class K>
class Timers {
 public:
  void open(const runtime::OperatorContext& context) {
    event_time_.open(context, "event-timers", true);
    processing_time_.open(context, "processing-timers", false);
  }
  void restored() {
    event_time_.restored();
    processing_time_.restored();
  }
  TimerQueue<K>& event_time() { return event_time_; }
  TimerQueue<K>& processing_time() { return processing_time_; }
  const TimerQueue<K>& processing_time() const { return processing_time_; }
  std::vector<runtime::StateDescriptor> descriptors() const {
    return {event_time_.descriptor(), processing_time_.descriptor()};
  }

 private:
  TimerQueue<K> event_time_;
  TimerQueue<K> processing_time_;
};

template <class K>
class KeyedContext {
 public:
  const K& key() const { return current_.key; }
  // Event time of the record or timer at hand; min() without event time.
  EventTime time() const { return time_; }
  // The merged watermark: what has fired lies at or before it.
  EventTime watermark() const { return watermark_; }
  std::uint32_t task_index() const { return operator_->task_index; }

  // State, declared in open(); `name` is unique within the bolt and stable across versions.
  template <class V>
  ValueState<K, V> value(std::string_view name) {
    return ValueState<K, V>(group<V>(name, "value"), current_);
  }
  template <class V>
  ListState<K, V> list(std::string_view name) {
    return ListState<K, V>(group<std::vector<V>>(name, "list"), current_);
  }
  template <class MK, class MV>
  MapState<K, MK, MV> map(std::string_view name) {
    return MapState<K, MK, MV>(group<std::map<MK, MV>>(name, "map"), current_);
  }
  template <class V, class F>
  ReducingState<K, V, F> reducing(std::string_view name, F f) {
    return ReducingState<K, V, F>(group<V>(name, "reducing"), current_, std::move(f));
  }
  template <class T, class A>
  AggregatingState<K, T, A> aggregating(std::string_view name, A a) {
    return AggregatingState<K, T, A>(group<typename Bound<A, T>::Acc>(name, "aggregating"),
                                     current_, std::move(a));
  }

  // Timers of the key at hand. A time that the watermark has passed fires with its next advance.
  void set_event_timer(EventTime at, std::uint32_t id = 0) {
    timers_.event_time().set({at.micros(), id, current_.key});
  }
  void remove_event_timer(EventTime at, std::uint32_t id = 0) {
    timers_.event_time().remove({at.micros(), id, current_.key});
  }
  // At `after` from now, by the wall clock.
  void set_processing_timer(std::chrono::microseconds after, std::uint32_t id = 0) {
    const auto at = operator_->clock->wall_now() + after;
    timers_.processing_time().set({at.count(), id, current_.key});
  }

  // --- for the engine ---
  void open(runtime::OperatorContext& context) {
    operator_ = &context;
    timers_.open(context);
  }
  template <class Key>
  void select(std::uint64_t hash, const Key& key) {
    current_.hash = hash;
    current_.key = key;
  }
  void set_time(EventTime t) { time_ = t; }
  void set_watermark(EventTime w) { watermark_ = w; }
  // Loads what rests in the store only, for n keys.
  template <class KeyAt>
  void fetch(std::uint32_t n, const std::uint64_t* hashes, KeyAt&& key_at) {
    if (!state::keyed_state(*operator_).has_evicted()) return;
    std::vector<K> keys;
    for (std::uint32_t i = 0; i < n; ++i) keys.push_back(key_at(i));
    for (const auto& fetch_state : fetchers_) fetch_state(keys, hashes);
  }
  Timers<K>& timers() { return timers_; }
  const Timers<K>& timers() const { return timers_; }
  std::vector<runtime::StateDescriptor> descriptors() const {
    std::vector<runtime::StateDescriptor> all = timers_.descriptors();
    all.insert(all.end(), descriptors_.begin(), descriptors_.end());
    return all;
  }

 private:
  template <class V>
  state::TableGroup<K, V>& group(std::string_view name, const char* kind) {
    const std::string uid = operator_->uid + "/" + std::string(name);
    for (const runtime::StateDescriptor& other : descriptors()) {
      if (other.name != uid) continue;
      throw std::invalid_argument("the state '" + std::string(name) +
                                  "' is declared twice; give each a name of its own");
    }
    auto owned = std::make_shared<state::TableGroup<K, V>>();
    owned->declare(*operator_, name, kind);
    descriptors_.push_back(owned->descriptor());
    fetchers_.push_back(
        [raw = owned.get()](const std::vector<K>& keys, const std::uint64_t* hashes) {
          raw->fetch(static_cast<std::uint32_t>(keys.size()), hashes,
                     [&](std::uint32_t i) -> const K& { return keys[i]; });
        });
    owned_.push_back(owned);
    return *owned;
  }

  runtime::OperatorContext* operator_ = nullptr;
  CurrentKey<K> current_;
  EventTime time_ = EventTime::min();
  EventTime watermark_ = EventTime::min();
  Timers<K> timers_;
  std::vector<runtime::StateDescriptor> descriptors_;
  std::vector<std::function<void(const std::vector<K>&, const std::uint64_t*)>> fetchers_;
  std::vector<std::shared_ptr<void>> owned_;
};

}  // namespace weir::operators
