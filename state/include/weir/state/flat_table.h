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
// Change tracking: the first change of an entry after a barrier puts it on the list of the current
// epoch, as long as that is short. freeze() swaps lists in O(1); what is frozen keeps its old value
// until it has been encoded (an entry that changes earlier is encoded at that moment). Task thread
// only.
#pragma once

#include <bit>
#include <cstdint>
#include <cstring>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "weir/runtime/key.h"
#include "weir/runtime/row_store.h"
#include "weir/state/probe.h"
#include "weir/state/row_key.h"
#include "weir/state/slots.h"
#include "weir/state/table_size.h"

namespace weir::state {

using runtime::KeyTraits;
using runtime::RowBuffer;

// With kTracked = false it notes no changes: for tables that are derived and never stored.
template <class K, class V, bool kTracked = true>
class FlatTable {
 public:
  using Probe = typename KeyTraits<K>::Probe;
  struct Slot {
    K key;
    V value;
  };

  explicit FlatTable(RowPrefix prefix, std::size_t expected = 0)
      : prefix_(prefix), size_(prefix.share) {
    allocate(size_.capacity_for(expected), Form::kPlain);
  }
  // An empty table in the memory of one that was packed: keys that were in that one find their
  // slots prepared.
  FlatTable(RowPrefix prefix, SlotArrays<Slot> mould) : prefix_(prefix), size_(prefix.share) {
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

  std::size_t size() const {
    return form_ == Form::kAwaiting ? count_live(control_.get(), capacity_) : live_;
  }
  bool empty() const { return size() == 0; }
  std::size_t memory_bytes() const { return capacity_ * (sizeof(Slot) + 1) + capacity_ / 8; }
  const RowPrefix& prefix() const { return prefix_; }

  // Whether the table is so large that its slots are rarely in a core's own cache.
  bool is_large() const { return memory_bytes() > (std::size_t{768} << 10); }

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
  bool is_awaiting() const { return form_ == Form::kAwaiting; }
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

  // Makes room for `entries` in all.
  void reserve(std::size_t entries) {
    const std::size_t wanted = size_.capacity_for(std::max(entries, size()));
    if (form_ == Form::kPacked || wanted > capacity_) rebuild(wanted);
  }
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
    note_removal(i);
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
  std::size_t capacity() const { return capacity_; }

  // Whether no row of it has reached the store or is on its way: it can be forgotten as it is.
  bool is_unwritten() const { return !is_written_; }
  // Removes all entries, from the store as well: each stored row becomes a removal.
  void drop_all();

  // Calls f(row key) for each stored entry that was removed since the last freeze, once for each.
  template <class F>
  void tell_removed(F&& f) {
    for (; told_removed_ < removed_.size(); ++told_removed_) f(removed_[told_removed_]);
  }

  // --- snapshots -------------------------------------------------------------------------------

  bool has_changes() const {
    return scans_now_ || !changed_now_.empty() || !removed_.empty() || (is_awaiting() && !empty());
  }
  bool has_frozen() const {
    return scans_frozen_ || !changed_frozen_.empty() || !frozen_removed_.empty() ||
           !frozen_early_.empty();
  }

  // All changes so far belong to the frozen set. The previous one must have been encoded wholly.
  void freeze();

  // Writes up to `max_rows` frozen rows; true when none is left.
  bool encode_frozen(RowBuffer& out, std::size_t max_rows);

  // Adds an entry read back from the store: present, unchanged. An entry that is there already is
  // newer and stays.
  void load(std::uint64_t hash, K key, V value);

  // Drops up to `limit` entries, as many as it returns. Entries that were changed since the last
  // sweep are spared once. Rows that the store does not have yet go to `out`, and from there to the
  // store before anything is looked up. Nothing may be frozen, and no removal on its way.
  std::size_t evict(std::size_t limit, RowBuffer& out);
  // Whether all entries are here: none was evicted, or all have been loaded again.
  bool is_whole() const { return is_whole_; }
  void set_whole() { is_whole_ = true; }
  // Whether a few more entries make the table double its memory. While it awaits keys, as if all of
  // them had come.
  bool is_nearly_full() const {
    if (form_ == Form::kPacked) return false;
    return size_.is_nearly_full(is_awaiting() ? used_ : live_, capacity_);
  }
  // From now on memory counts for more than speed: the table doubles when four fifths are taken.
  void tighten() { size_.tighten(); }
  // Whether entries were removed of which the store has not heard.
  bool has_removals() const { return !removed_.empty(); }
  // Gives memory back when few entries are left, and sweeps out vacated slots, which would make the
  // table double as entries do. Only while nothing is frozen.
  void shrink() {
    if (form_ == Form::kPacked) return;
    settle();
    const std::size_t wanted = size_.shrunk(live_, capacity_);
    if (wanted < capacity_ || (used_ - live_) * 16 > capacity_) rebuild(wanted);
  }

 private:
  bool encode_by_scan(RowBuffer& out, std::size_t max_rows);

  enum class Form : std::uint8_t { kPlain, kPacked, kAwaiting };
  // Whether V{} is made by the way for keys that may not come.
  static constexpr bool kCanAwait = std::is_trivially_destructible_v<V>;
  static constexpr std::size_t kNone = ~std::size_t{0};
  static constexpr std::size_t kBlock = 64;  // slots that scattered() keeps together

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

  std::size_t scattered(std::size_t n) const { return scatter(n, capacity_, block_size()); }
  std::size_t block_size() const {
    return form_ == Form::kPacked ? capacity_ : std::min(capacity_, kBlock);
  }

  std::size_t home(std::uint64_t hash) const { return hash >> shift_ & mask_; }

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

  // The first change of a clean or frozen entry in this epoch.
  void touch(std::size_t i) {
    keep_frozen_value(i);
    control_[i] = static_cast<std::uint8_t>((control_[i] & ~kWarm) | dirty_now_);
    list_change(i);
  }
  // Many changes are found faster, and in the order of rows, by looking at every slot.
  void list_change(std::size_t i) {
    if (scans_now_) return;
    changed_now_.push_back(static_cast<std::uint32_t>(i));
    if (changed_now_.size() <= capacity_ / 8) return;
    scans_now_ = true;
    changed_now_.clear();
  }

  void note_removal(std::size_t i);

  void keep_frozen_value(std::size_t i) {
    if ((control_[i] & dirty_frozen_) != 0) encode_slot(i, frozen_early_);
  }

  void put_row(std::size_t i, RowBuffer& out);
  void encode_slot(std::size_t i, RowBuffer& out) {
    put_row(i, out);
    control_[i] = static_cast<std::uint8_t>((control_[i] & ~dirty_frozen_) | kStored | kWarm);
  }

  template <class Key>
  void row_key(std::uint64_t hash, const Key& key, std::string& out) const {
    prefix_.append_to(out, hash);
    KeyTraits<K>::encode_key(out, key);
  }

  void vacate(std::size_t i) {
    slots_[i] = Slot{};
    hot_.clear(i);
    control_[i] = control_[(i + 1) & mask_] == kEmpty ? kEmpty : kVacated;
    if (control_[i] == kEmpty) --used_;
    --live_;
  }

  // Before anything that looks up single entries, or relies on the books.
  void settle() {
    if (form_ != Form::kPlain) [[unlikely]]
      leave_form();
  }
  [[gnu::noinline]] void leave_form() {
    if (form_ == Form::kPacked) {
      rebuild(size_.capacity_for(live_));
      return;
    }
    note_awaited();
    for_each_live(control_.get(), 0, capacity_, [&](std::size_t i) {
      if constexpr (kTracked) list_change(i);
      hot_.set(i);
      return true;
    });
  }
  // Entries that were awaited and came are like others from now on, but for hot_ and changed_now_.
  void note_awaited() {
    form_ = Form::kPlain;
    for (std::size_t i = 0; i < capacity_; ++i) {
      const std::uint8_t c = control_[i];
      control_[i] = (c & kLive) != 0 ? static_cast<std::uint8_t>(c & ~kAwaited) : c;
    }
    live_ = count_live(control_.get(), capacity_);
  }
  // Doubles the table, or only sweeps out vacated slots if these are many.
  [[gnu::noinline]] void grow() { rebuild(size_.grown(live_, capacity_)); }

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

  RowPrefix prefix_;
  TableSize size_;
  Form form_ = Form::kPlain;
  bool is_written_ = false;
  bool scans_now_ = false;     // changed are the entries with the bit, not those on the list
  bool scans_frozen_ = false;  // the same of what is frozen
  bool is_whole_ = true;
  std::size_t capacity_ = 0;
  std::size_t mask_ = 0;
  unsigned shift_ = 60;
  std::uint8_t dirty_now_ = kDirtyA;
  std::uint8_t dirty_frozen_ = kDirtyB;
  SlotArray<Slot> slots_;
  SlotArray<std::uint8_t> control_;
  SlotBits hot_;
  std::size_t live_ = 0;  // entries
  std::size_t used_ = 0;  // slots that are not empty: entries and vacated ones
  std::size_t hand_ = 0;  // where the next eviction sweep starts

  std::vector<std::uint32_t> changed_now_;     // slots, each once
  std::vector<std::uint32_t> changed_frozen_;  // slots; stale where the bit is gone
  std::vector<std::string> removed_;           // row keys
  std::size_t told_removed_ = 0;               // of these, by tell_removed()
  std::vector<std::string> frozen_removed_;
  RowBuffer frozen_early_;  // frozen rows that changed before their turn
  std::size_t encode_cursor_ = 0;
  std::string key_scratch_;
  std::string value_scratch_;
};

}  // namespace weir::state

#include "weir/state/flat_table_rows.h"  // IWYU pragma: export
