// What all slices of the current window add up to, per key, kept up to date as slices enter and
// leave; so that firing costs one step per key, not one per key and slice. Derived from the slices:
// never part of a snapshot.
//
// Two ways, by the aggregate's traits:
//   SubtractingTotals  leaving slices are subtracted
//   TwoStackTotals     for min, max and the like: the older part of the window (front) is kept as
//                      suffix aggregates with, per slice, what remains of each of its keys when
//                      that slice leaves; the newer part (back) as one running aggregate. When the
//                      front is used up, the back becomes the new front. Amortised two merges per
//                      entry. After Tangwongsan et al., "General Incremental Sliding-Window
//                      Aggregation".
#pragma once

#include <algorithm>
#include <cstdint>
#include <map>
#include <memory>
#include <utility>

#include "weir/runtime/key.h"
#include "weir/state/flat_table.h"

namespace weir::operators {

template <class K, class Set>
class SubtractingTotals {
 public:
  using Acc = typename Set::Acc;
  using Slice = state::FlatTable<K, Acc>;
  SubtractingTotals(const Set& set, state::HashShare share)
      : set_(set), totals_(state::RowPrefix{.share = share}) {}

  void clear() { totals_.drop_all(); }
  // The slice starting at `start` is complete and enters the window.
  void enter(std::int64_t, const Slice& slice) {
    totals_.reserve(slice.size());
    auto view = totals_.view();
    slice.for_each([&](const K& key, const Acc& acc) {
      Total& total = totals_.upsert(view, runtime::KeyTraits<K>::hash(key), key);
      set_.merge(total.acc, acc);
      ++total.slices;
    });
  }
  // The oldest slice leaves it.
  void leave(std::int64_t, const state::TableMap&, const Slice& slice) {
    auto view = totals_.view();
    slice.for_each([&](const K& key, const Acc& acc) {
      const std::uint64_t hash = runtime::KeyTraits<K>::hash(key);
      Total& total = totals_.upsert(view, hash, key);
      if (--total.slices == 0) {
        totals_.erase(hash, key);  // which moves nothing, so that the view lives on
      } else {
        set_.subtract(total.acc, acc);
      }
    });
  }
  // `acc` has been added to `key` in a slice that is inside; `is_new` if the slice had no such key.
  void correct(std::int64_t, const state::TableMap&, std::uint64_t hash, const K& key,
               const Acc& acc, bool is_new) {
    Total& total = totals_.upsert(hash, key);
    set_.merge(total.acc, acc);
    total.slices += is_new ? 1 : 0;
  }
  // f(key, acc) -> bool for each key from position `from` on, until f says false; the position
  // where to go on, or end().
  template <class F>
  std::size_t for_each_from(std::size_t from, F&& f) const {
    return totals_.for_each_from(from, [&](const K& key, const Total& t) { return f(key, t.acc); });
  }
  std::size_t end() const { return totals_.capacity(); }

 private:
  struct Total {
    Acc acc{};
    std::uint64_t slices = 0;  // of the window that hold the key
  };
  const Set& set_;
  state::FlatTable<K, Total, false> totals_;
};

template <class K, class Set>
class TwoStackTotals {
 public:
  using Acc = typename Set::Acc;
  using Slice = state::FlatTable<K, Acc>;
  TwoStackTotals(const Set& set, state::HashShare share)
      : set_(set), prefix_{.share = share}, front_(prefix_), back_(prefix_) {}

  void clear() {
    front_.drop_all();
    back_.drop_all();
    after_.clear();
    back_begin_ = INT64_MIN;
    newest_ = INT64_MIN;
  }
  void enter(std::int64_t start, const Slice& slice) {
    if (back_begin_ == INT64_MIN) back_begin_ = start;
    newest_ = start;
    back_.reserve(slice.size());
    auto view = back_.view();
    slice.for_each([&](const K& key, const Acc& acc) {
      set_.merge(back_.upsert(view, runtime::KeyTraits<K>::hash(key), key), acc);
    });
  }
  void leave(std::int64_t start, const state::TableMap& slices, const Slice&) {
    if (start >= back_begin_) turn_over(start, slices);
    const auto it = after_.find(start);
    if (it == after_.end()) return;
    state::table_of<AfterTable>(*it).for_each([&](const K& key, const After& after) {
      const std::uint64_t hash = runtime::KeyTraits<K>::hash(key);
      if (after.has_acc) {
        front_.upsert(hash, key) = after.acc;
      } else {
        front_.erase(hash, key);
      }
    });
    after_.erase(it);
  }
  void correct(std::int64_t start, const state::TableMap& slices, std::uint64_t hash, const K& key,
               const Acc& acc, bool is_new) {
    if (start >= back_begin_) {
      // The slice may be one that had no record when it would have entered.
      if (back_begin_ == INT64_MIN) back_begin_ = start;
      newest_ = std::max(newest_, start);
      set_.merge(back_.upsert(hash, key), acc);
      return;
    }
    set_.merge(front_.upsert(hash, key), acc);
    for (const auto& entry : after_) {
      if (entry.first >= start) break;
      AfterTable& table = state::table_of<AfterTable>(entry);
      if (!table.contains(hash, key)) continue;
      After& after = table.upsert(hash, key);
      set_.merge(after.acc, acc);
      after.has_acc = true;
    }
    if (is_new) after_slot(start).upsert(hash, key) = suffix_after(start, slices, hash, key);
  }
  template <class F>
  std::size_t for_each_from(std::size_t from, F&& f) {
    if (from < front_.capacity()) {
      bool go_on = true;
      from = front_.for_each_from(from, [&](const K& key, const Acc& acc) {
        const Acc* newer = back_.find(runtime::KeyTraits<K>::hash(key), key);
        if (newer == nullptr) return go_on = f(key, acc);
        Acc both = acc;
        set_.merge(both, *newer);
        return go_on = f(key, both);
      });
      if (!go_on) return from;
    }
    const std::size_t base = front_.capacity();
    return base + back_.for_each_from(from - base, [&](const K& key, const Acc& acc) {
      return front_.contains(runtime::KeyTraits<K>::hash(key), key) || f(key, acc);
    });
  }
  std::size_t end() const { return front_.capacity() + back_.capacity(); }

 private:
  // What the front holds of a key once a slice has left.
  struct After {
    Acc acc{};
    bool has_acc = false;
  };
  using AfterTable = state::FlatTable<K, After, false>;

  AfterTable& after_slot(std::int64_t start) {
    auto& table = after_[start];
    if (table == nullptr) table = std::make_unique<AfterTable>(prefix_);
    return static_cast<AfterTable&>(*table);
  }

  // The back becomes the front: suffix aggregates from the newest slice to `oldest`.
  void turn_over(std::int64_t oldest, const state::TableMap& slices) {
    front_.drop_all();
    back_.drop_all();
    after_.clear();
    auto it = slices.upper_bound(newest_);
    while (it != slices.begin()) {
      --it;
      if (it->first < oldest) break;
      const Slice& slice = state::table_of<Slice>(*it);
      AfterTable& after = after_slot(it->first);
      after.reserve(slice.size());
      front_.reserve(slice.size());
      slice.for_each([&](const K& key, const Acc& acc) {
        const std::uint64_t hash = runtime::KeyTraits<K>::hash(key);
        After& entry = after.upsert(hash, key);
        Acc suffix = acc;
        if (const Acc* newer = front_.find(hash, key)) {
          entry = {*newer, true};
          set_.merge(suffix, *newer);
        }
        front_.upsert(hash, key) = std::move(suffix);
      });
    }
    back_begin_ = newest_ + 1;
  }

  // What the slices of the front that are newer than `start` hold of `key`.
  After suffix_after(std::int64_t start, const state::TableMap& slices, std::uint64_t hash,
                     const K& key) const {
    for (auto it = after_.upper_bound(start); it != after_.end(); ++it) {
      const After* after = state::table_of<AfterTable>(*it).find(hash, key);
      if (after == nullptr) continue;
      After out = *after;
      set_.merge(out.acc, *state::table_of<Slice>(*slices.find(it->first)).find(hash, key));
      out.has_acc = true;
      return out;
    }
    return {};
  }

  const Set& set_;
  const state::RowPrefix prefix_;  // of tables that are never stored
  state::FlatTable<K, Acc, false> front_;
  state::FlatTable<K, Acc, false> back_;
  state::TableMap after_;                // AfterTables: slices of the front, oldest first
  std::int64_t back_begin_ = INT64_MIN;  // slices from here on are in the back
  std::int64_t newest_ = INT64_MIN;      // start of the newest slice inside
};

}  // namespace weir::operators
