// FlatTable<K, V>: the live entries of one state (or of one slice of time), as objects in an
// open-addressing table that knows which rows have changed since the last barrier.
//
// Layout: an array of {key, value} slots, one control byte per slot, and one bit per slot that says
// "live and noted as changed": all that a hot update has to look at besides the slot. A key's home
// is the top bits of its hash, without those that all keys of the task share: the table is ordered
// by hash (around its end), and so by key group, and scanning a group is scanning memory. Whoever
// inserts in that order must reserve() first, or the table grows through ever longer full runs.
//
// A table that will rather be read than changed can be packed: slots without gaps, in the same
// order. Any access to a single entry lays it out anew. The memory that it leaves serves for a
// table that awaits the same keys: until anything but these is asked for, making an entry there is
// one store into its control byte (upsert_awaited()), and what it entails is made up for later.
//
// What changes between barriers is tracked by StoredTable. Task thread only.
#pragma once

#include <cstdint>
#include <string>
#include <type_traits>
#include <utility>

#include "weir/runtime/codec.h"
#include "weir/runtime/key.h"
#include "weir/state/probe.h"
#include "weir/state/row_key.h"
#include "weir/state/slots.h"
#include "weir/state/stored_table.h"

namespace weir::state {

using runtime::KeyTraits;

// With kTracked = false it notes no changes: for tables that are derived and never stored.
template <class K, class V, bool kTracked = true>
class FlatTable final : public StoredTable {
 public:
  using Probe = typename KeyTraits<K>::Probe;
  struct Slot {
    K key;
    V value;
  };

  explicit FlatTable(RowPrefix prefix, std::size_t expected = 0)
      : StoredTable(prefix, sizeof(Slot), kTracked) {
    allocate(size_.capacity_for(expected), Form::kPlain);
  }
  // An empty table in the memory of one that was packed: keys that were in that one find their
  // slots prepared.
  FlatTable(RowPrefix prefix, SlotArrays<Slot> mould)
      : StoredTable(prefix, sizeof(Slot), kTracked) {
    const std::size_t used = mould.used;
    await_live(mould.control.get(), mould.capacity);
    adopt(std::move(mould), Form::kPlain);
    hot_.clear();
    used_ = used;
    if constexpr (kCanAwait) {
      for (std::size_t i = 0; i < capacity_; ++i) slots_[i].value = V{};
      form_ = Form::kAwaiting;
    }
  }

  // What a loop over a batch keeps in registers; upsert() keeps it up to date. Dies with any other
  // call that may add or remove an entry, and with freeze().
  struct View {
    Slot* slots;
    const std::uint64_t* hot;  // a bit per slot: its entry needs no bookkeeping
    std::size_t mask;
    unsigned shift;
  };
  View view() {
    settle();
    return {slots_.get(), hot_.words(), mask_, shift_};
  }

  // The same for upsert_awaited(), while is_awaiting().
  struct AwaitingView {
    Slot* slots;
    std::uint8_t* control;
    std::size_t mask;
    unsigned shift;
    std::uint8_t touched;  // what marks an entry
  };
  AwaitingView awaiting_view() {
    return {slots_.get(), control_.get(), mask_, shift_,
            static_cast<std::uint8_t>(kTracked ? kLive | dirty_now_ : kLive)};
  }
  // The entry of `key`, as upsert() gives it, or null if the key is not awaited.
  [[gnu::always_inline]] static V* upsert_awaited(const AwaitingView& view, std::uint64_t hash,
                                                  Probe key) {
    const std::size_t i = slot_of_known<K>(view, hash, key);
    if (i == kNoSlot) [[unlikely]]
      return nullptr;
    view.control[i] |= view.touched;
    return &view.slots[i].value;
  }

  // Asks the memory for the slot of `hash` ahead of its use.
  static void prefetch(const View& view, std::uint64_t hash) {
    __builtin_prefetch(&view.slots[hash >> view.shift & view.mask]);
  }

  // The entry of `key`, made from V{} if there is none; counts as changed. Valid until the next
  // call that may add an entry.
  [[gnu::always_inline]] V& upsert(View& view, std::uint64_t hash, Probe key) {
    std::size_t i = first_guess<K>(view, hash, key);
    for (;;) {
      if (KeyTraits<K>::equal(view.slots[i].key, key)) [[likely]] {
        if ((view.hot[i / 64] >> (i % 64) & 1) != 0 || reheat(i)) [[likely]]
          return view.slots[i].value;
        break;
      }
      if (KeyTraits<K>::is_default(view.slots[i].key)) break;  // empty, as a rule
      i = (i + 1) & view.mask;
    }
    V& value = upsert(hash, key);
    view = this->view();
    return value;
  }
  [[gnu::noinline]] V& upsert(std::uint64_t hash, Probe key) {
    settle();
    std::size_t i = home(hash);
    for (; control_[i] != kEmpty; i = (i + 1) & mask_) {
      if ((control_[i] & kLive) == 0 || !KeyTraits<K>::equal(slots_[i].key, key)) continue;
      if constexpr (kTracked) {
        if ((control_[i] & dirty_now_) == 0) touch(i);
        hot_.set(i);
      }
      return slots_[i].value;
    }
    return insert(i, hash, key);
  }

  // The entry of `key`, or null. Does not count as a change.
  const V* find(std::uint64_t hash, Probe key) {
    const std::size_t i = locate(hash, key);
    return i == kNone ? nullptr : &slots_[i].value;
  }
  bool contains(std::uint64_t hash, Probe key) { return locate(hash, key) != kNone; }

  // Lays the entries out without gaps. Returns the memory where they were, with their keys, if it
  // serves for a new table: these are copied by a move, and the size is right.
  SlotArrays<Slot> pack() {
    if (is_awaiting()) note_awaited();
    if (form_ == Form::kPacked || live_ == 0) return {};
    auto old = rebuild(live_, Form::kPacked);
    if (!runtime::ScalarKey<K> || size_.capacity_for(live_) != old.capacity) old = {};
    return old;
  }

  // Removes the entry of `key`; false if there was none.
  bool erase(std::uint64_t hash, Probe key) {
    const std::size_t i = locate(hash, key);
    if (i == kNone) return false;
    if constexpr (kTracked) note_removal(i);
    slots_[i] = Slot{};
    vacate(i);
    return true;
  }

  // Calls f(key, value) for each entry, in hash order but for a few wrapped ones. Whoever fills
  // another table in this order must reserve() there. Values may be changed only through upsert.
  template <class F>
  void for_each(F&& f) const {
    for_each_live(control_.get(), 0, capacity_, [&](std::size_t i) {
      f(slots_[i].key, slots_[i].value);
      return true;
    });
  }
  // The same from position `from` on until `f` returns false; returns where to go on, or
  // capacity(). In no order, so that the receiver may build a table from it.
  template <class F>
  std::size_t for_each_from(std::size_t from, F&& f) const {
    while (from < capacity_) {
      const std::size_t first = scattered(from);
      const std::size_t end = first + block_size() - from % block_size();
      bool go_on = true;
      from += for_each_live(control_.get(), first, end, [&](std::size_t i) {
        return go_on = f(slots_[i].key, slots_[i].value);
      });
      from -= first;
      if (!go_on) return from;
    }
    return capacity_;
  }

  // Adds an entry read back from the store: present, unchanged. An entry that is there already is
  // newer and stays.
  void load(std::uint64_t hash, K key, V value) {
    if (locate(hash, key) != kNone) return;
    const std::size_t i = place(hash);
    slots_[i].key = std::move(key);
    slots_[i].value = std::move(value);
    control_[i] = kLive | kStored;
    is_written_ = true;
  }

 private:
  // Whether V{} is made by the way for keys that may not come.
  static constexpr bool kCanAwait = std::is_trivially_destructible_v<V>;
  static constexpr std::size_t kNone = ~std::size_t{0};

  void append_row(std::size_t i, std::string& key, std::string* value) const override {
    if constexpr (kTracked) {
      prefix_.append_to(key, KeyTraits<K>::hash(slots_[i].key));
      KeyTraits<K>::encode_key(key, slots_[i].key);
      if (value != nullptr) runtime::encode_to(*value, slots_[i].value);
    }
  }
  void reset_slot(std::size_t i) override { slots_[i] = Slot{}; }
  void reset_slots() override {
    for (std::size_t i = 0; i < capacity_; ++i) {
      if (control_[i] != kEmpty) slots_[i] = Slot{};
    }
  }
  void resize(std::size_t capacity) override { rebuild(capacity); }

  void allocate(std::size_t capacity, Form form) {
    adopt({make_slots<Slot>(capacity), make_slots<std::uint8_t>(capacity),
           SlotBits(form == Form::kPacked ? 0 : capacity), capacity, 0, 0},
          form);
  }
  void adopt(SlotArrays<Slot> memory, Form form) {
    form_ = form;
    capacity_ = memory.capacity;
    mask_ = capacity_ - 1;
    shift_ = size_.shift(capacity_);
    slots_ = std::move(memory.slots);
    control_ = std::move(memory.control);
    hot_ = std::move(memory.hot);
    used_ = live_ = 0;
  }

  std::size_t locate(std::uint64_t hash, Probe key) {
    settle();
    for (std::size_t i = home(hash); control_[i] != kEmpty; i = (i + 1) & mask_) {
      if ((control_[i] & kLive) != 0 && KeyTraits<K>::equal(slots_[i].key, key)) return i;
    }
    return kNone;
  }

  // A free slot for a key that is not in the table. Counts it as live.
  std::size_t place(std::uint64_t hash) {
    if (size_.exceeds(used_ + 1, capacity_)) grow();
    std::size_t i = home(hash);
    while ((control_[i] & kLive) != 0) i = (i + 1) & mask_;
    if (control_[i] == kEmpty) ++used_;
    ++live_;
    return i;
  }

  // Probing for the key has ended at the empty slot `i`.
  V& insert(std::size_t i, std::uint64_t hash, Probe key) {
    if (used_ == live_ && !size_.exceeds(used_ + 1, capacity_)) {
      used_ = ++live_;
    } else {
      i = place(hash);
    }
    slots_[i].key = KeyTraits<K>::own(key);
    return begin_entry(i);
  }
  V& begin_entry(std::size_t i) {
    slots_[i].value = V{};
    control_[i] = kLive;
    if constexpr (kTracked) {
      control_[i] |= dirty_now_;
      list_change(i);
    }
    hot_.set(i);
    return slots_[i].value;
  }

  // What a change of the entry in slot `i` entails if the slot is not hot; false if it has none.
  [[gnu::noinline]] bool reheat(std::size_t i) {
    if ((control_[i] & kLive) == 0) {
      if (control_[i] != kAwaited) return false;
      ++live_;
      begin_entry(i);
      return true;
    }
    if constexpr (kTracked) {
      if ((control_[i] & dirty_now_) == 0) touch(i);
    }
    hot_.set(i);
    return true;
  }

  // Moves everything to `capacity` slots: a power of two, or as many as entries if packed.
  // Returns the memory where it was.
  SlotArrays<Slot> rebuild(std::size_t capacity, Form form = Form::kPlain) {
    if (is_awaiting()) note_awaited();
    SlotArrays<Slot> old{
        std::move(slots_), std::move(control_), std::move(hot_), capacity_, live_, used_};
    const std::size_t live = live_;
    allocate(capacity, form);
    changed_now_.clear();
    changed_frozen_.clear();
    encode_cursor_ = 0;
    hand_ = 0;
    std::size_t next = 0;
    for_each_live(old.control.get(), 0, old.capacity, [&](std::size_t n) {
      std::size_t i = next++;
      if (form == Form::kPlain) {
        i = home(KeyTraits<K>::hash(old.slots[n].key));
        while (control_[i] != kEmpty) i = (i + 1) & mask_;
        if (!kTracked || (old.control[n] & dirty_now_) != 0) hot_.set(i);
      }
      slots_[i] = std::move(old.slots[n]);
      control_[i] = old.control[n];
      if ((control_[i] & dirty_now_) != 0) list_change(i);
      if (!scans_frozen_ && (control_[i] & dirty_frozen_) != 0) {
        changed_frozen_.push_back(static_cast<std::uint32_t>(i));
      }
      return true;
    });
    used_ = live_ = live;
    return old;
  }

  SlotArray<Slot> slots_;
};

}  // namespace weir::state
