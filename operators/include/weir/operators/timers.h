// Timers per key: rows (key, time, id) held by value in keyed state, with the order of firing in
// memory. Firing removes the row in the same step as its effect (rule 21).
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "weir/runtime/operator.h"
#include "weir/state/table_group.h"

namespace weir::operators {

// A timer that fires, as on_timer sees it.
struct Timer {
  std::int64_t time = 0;  // microseconds: event time, or wall clock
  std::uint32_t id = 0;
  bool is_event_time = true;
  EventTime event_time() const { return EventTime(time); }
};

template <class K>
struct TimerRow {
  std::int64_t time = 0;
  std::uint32_t id = 0;
  K key{};
  friend bool operator==(const TimerRow&, const TimerRow&) = default;
};

template <class K>
class TimerQueue {
 public:
  static constexpr std::int64_t kNone = INT64_MAX;

  void open(const runtime::OperatorContext& context, const char* name, bool is_event_time) {
    is_event_time_ = is_event_time;
    rows_.declare(context, name, "timers");
    rows_.pin();
  }
  // Puts the loaded rows in order.
  void restored() {
    for (const auto& entry : rows_.tables()) {
      state::table_of<Table>(entry).for_each([&](const TimerRow<K>& row, char) { order(row); });
    }
  }
  bool is_event_time() const { return is_event_time_; }
  const runtime::StateDescriptor& descriptor() const { return rows_.descriptor(); }

  void set(const TimerRow<K>& row) {
    auto& table = rows_.at(0);
    const std::uint64_t hash = runtime::KeyTraits<TimerRow<K>>::hash(row);
    if (table.contains(hash, row)) return;
    table.upsert(hash, row) = 1;
    order(row);
  }
  void remove(const TimerRow<K>& row) {
    const std::uint64_t hash = runtime::KeyTraits<TimerRow<K>>::hash(row);
    if (!rows_.at(0).erase(hash, row)) return;
    const auto it = queue_.find({row.time, row.id, hash});
    std::erase(it->second, row.key);
    if (it->second.empty()) queue_.erase(it);
  }
  // Time of the first timer; kNone if there is none.
  std::int64_t next() const { return queue_.empty() ? kNone : std::get<0>(queue_.begin()->first); }
  TimerRow<K> take_first() {
    const auto it = queue_.begin();
    const TimerRow<K> row{std::get<0>(it->first), std::get<1>(it->first), it->second.front()};
    remove(row);
    return row;
  }

 private:
  void order(const TimerRow<K>& row) {
    const std::uint64_t hash = runtime::KeyTraits<TimerRow<K>>::hash(row);
    queue_[{row.time, row.id, hash}].push_back(row.key);
  }

  using Rows = state::TableGroup<TimerRow<K>, char>;
  using Table = typename Rows::Table;

  Rows rows_;
  // (time, id, hash) -> keys; the hash makes the order independent of insertion.
  std::map<std::tuple<std::int64_t, std::uint32_t, std::uint64_t>, std::vector<K>> queue_;
  bool is_event_time_ = true;
};

}  // namespace weir::operators

namespace weir::runtime {

template <class K>
struct Codec<operators::TimerRow<K>> {
  using Row = operators::TimerRow<K>;
  static void encode(Encoder& out, const Row& v) {
    Codec<std::int64_t>::encode(out, v.time);
    Codec<std::uint32_t>::encode(out, v.id);
    Codec<K>::encode(out, v.key);
  }
  static bool decode(Decoder& in, Row& v) {
    return Codec<std::int64_t>::decode(in, v.time) && Codec<std::uint32_t>::decode(in, v.id) &&
           Codec<K>::decode(in, v.key);
  }
  static std::string schema() { return "timer<" + Codec<K>::schema() + ">"; }
};

template <class K>
struct KeyTraits<operators::TimerRow<K>> {
  using Row = operators::TimerRow<K>;
  using Probe = const Row&;
  static std::uint64_t hash(const Row& row) { return KeyTraits<K>::hash(row.key); }
  static void encode_key(std::string& out, const Row& row) { encode_to(out, row); }
  [[nodiscard]] static bool decode_key(std::string_view bytes, Row& row) {
    return decode_from(bytes, row);
  }
  static bool equal(const Row& stored, const Row& probe) { return stored == probe; }
  static const Row& own(const Row& probe) { return probe; }
};

}  // namespace weir::runtime
