// RoundTable<K, V>: entries by key that are gathered and handed on, round after round, with mostly
// the same keys. The keys stay where they are: a round begins without touching the table, and an
// entry is made by taking its key's slot over from an earlier round. Nothing is stored; task thread
// only.
//
// Keys that no longer come are dropped when the table would grow, or after kPatience rounds that
// used little of it.
#pragma once

#include <bit>
#include <cstdint>
#include <utility>
#include <vector>

#include "weir/runtime/key.h"
#include "weir/state/slots.h"

namespace weir::state {

template <class K, class V>
class RoundTable {
 public:
  using KeyTraits = runtime::KeyTraits<K>;
  using Probe = typename KeyTraits::Probe;

  struct Slot {
    K key{};
    V value{};
    std::uint32_t round = 0;  // in which it was used last; 0 = never
  };

  RoundTable() { allocate(kMinCapacity); }

  // Entries of this round.
  std::size_t size() const { return order_.size(); }
  std::size_t memory_bytes() const { return capacity() * sizeof(Slot); }
  bool is_large() const { return memory_bytes() > (std::size_t{768} << 10); }

  // The entry of `key` in this round, made from V{} if there is none. Valid until the next call.
  [[gnu::noinline]] V& upsert(std::uint64_t hash, Probe key) {
    std::size_t i = home(hash);
    while (slots_[i].round != 0 && !KeyTraits::equal(slots_[i].key, key)) i = (i + 1) & mask_;
    if (slots_[i].round == round_) return slots_[i].value;
    if (slots_[i].round == 0) i = insert(hash, key);
    return revive(i, hash);
  }

  // Calls f(key, hash, V&&) for each entry of this round, in the order in which they were made, and
  // begins a round without entries.
  template <class F>
  void finish_round(F&& f) {
    for (const Entry& e : order_) f(slots_[e.slot].key, e.hash, std::move(slots_[e.slot].value));
    lean_rounds_ = order_.size() * 4 < used_ ? lean_rounds_ + 1 : 0;
    if (lean_rounds_ > kPatience || round_ == UINT32_MAX) rebuild();
    order_.clear();
    ++round_;
  }

  // What a loop over a batch keeps in registers; upsert() keeps it up to date.
  struct View {
    Slot* slots;
    std::size_t mask;
    unsigned shift;
    std::uint32_t round;
  };
  View view() { return {slots_.get(), mask_, shift_, round_}; }
  static void prefetch(const View& view, std::uint64_t hash) {
    __builtin_prefetch(&view.slots[hash >> view.shift]);
  }
  [[gnu::always_inline]] V& upsert(View& view, std::uint64_t hash, Probe key) {
    std::size_t i = hash >> view.shift;
    if constexpr (runtime::ScalarKey<K>) {
      i = (i + static_cast<std::size_t>(view.slots[i].key != key)) & view.mask;
    }
    for (;;) {
      Slot& slot = view.slots[i];
      if (KeyTraits::equal(slot.key, key)) [[likely]] {
        if (slot.round == view.round) [[likely]]
          return slot.value;
        if (slot.round != 0) return revive(i, hash);
        break;
      }
      if (slot.round == 0) break;
      i = (i + 1) & view.mask;
    }
    V& value = upsert(hash, key);
    view = this->view();
    return value;
  }

 private:
  struct Entry {
    std::uint64_t hash;
    std::uint32_t slot;
  };
  static constexpr std::size_t kMinCapacity = 64;
  static constexpr std::uint32_t kPatience = 64;

  std::size_t capacity() const { return mask_ + 1; }
  std::size_t home(std::uint64_t hash) const { return hash >> shift_; }

  void allocate(std::size_t capacity) {
    mask_ = capacity - 1;
    shift_ = 64 - static_cast<unsigned>(std::countr_zero(capacity));
    slots_ = make_slots<Slot>(capacity);
    used_ = 0;
  }
  // The key in slot `i` has an entry from now on.
  V& revive(std::size_t i, std::uint64_t hash) {
    Slot& slot = slots_[i];
    slot.round = round_;
    slot.value = V{};
    order_.push_back({hash, static_cast<std::uint32_t>(i)});
    return slot.value;
  }
  // A slot for a key that has none.
  std::size_t insert(std::uint64_t hash, Probe key) {
    if ((used_ + 1) * 2 > capacity()) rebuild();
    const std::size_t i = claim(hash);
    slots_[i].key = KeyTraits::own(key);
    return i;
  }
  std::size_t claim(std::uint64_t hash) {
    std::size_t i = home(hash);
    while (slots_[i].round != 0) i = (i + 1) & mask_;
    ++used_;
    return i;
  }
  // Keeps this round's keys only, in a table that is a quarter full at most.
  [[gnu::noinline]] void rebuild() {
    auto old = std::move(slots_);
    std::size_t wanted = kMinCapacity;
    while (order_.size() * 4 > wanted) wanted *= 2;
    allocate(wanted);
    round_ = 1;
    lean_rounds_ = 0;
    for (Entry& e : order_) {
      const std::size_t i = claim(e.hash);
      slots_[i] = std::move(old[e.slot]);
      slots_[i].round = round_;
      e.slot = static_cast<std::uint32_t>(i);
    }
  }

  SlotArray<Slot> slots_;
  std::size_t mask_ = 0;
  unsigned shift_ = 0;
  std::size_t used_ = 0;  // slots with a key
  std::uint32_t round_ = 1;
  std::uint32_t lean_rounds_ = 0;  // one after another that used less than a quarter of the keys
  std::vector<Entry> order_;       // this round's
};

}  // namespace weir::state
