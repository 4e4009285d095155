// RoundTable<K, V>: entries by key that are gathered and handed on, round after round, with mostly
// the same keys. The keys stay where they are, each with a V{} that waits: to make an entry of one
// is a store into its control byte. Nothing is kept in a store; task thread only.
//
// Keys that no longer come are dropped when the table would grow, or after kPatience rounds that
// used little of it.
#pragma once

#include <algorithm>
#include <bit>
#include <cstdint>
#include <utility>

#include "weir/runtime/key.h"
#include "weir/state/probe.h"
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
    std::uint64_t hash = 0;
  };

  RoundTable() { allocate(kMinCapacity); }

  // Entries of this round: counted by looking at every slot.
  std::size_t size() const { return count_live(control_.get(), capacity()); }
  std::size_t memory_bytes() const { return capacity() * (sizeof(Slot) + 1); }
  bool is_large() const { return memory_bytes() > (std::size_t{768} << 10); }

  // The entry of `key` in this round, made from V{} if there is none. Valid until the next call.
  [[gnu::noinline]] V& upsert(std::uint64_t hash, Probe key) {
    std::size_t i = home(hash);
    while (control_[i] != kEmpty && !KeyTraits::equal(slots_[i].key, key)) i = (i + 1) & mask_;
    if (control_[i] == kEmpty) i = insert(hash, key);
    control_[i] = kLive;
    return slots_[i].value;
  }

  // Calls f(key, hash, V&&) for each entry of this round, in no order, so that the receiver may
  // build a table from it; begins a round without entries.
  template <class F>
  void finish_round(F&& f) {
    std::size_t live = 0;
    for (std::size_t from = 0; from < capacity(); from += kBlock) {
      const std::size_t first = scatter(from, capacity(), kBlock);
      for_each_live(control_.get(), first, first + kBlock, [&](std::size_t i) {
        Slot& slot = slots_[i];
        f(slot.key, slot.hash, std::move(slot.value));
        slot.value = V{};
        ++live;
        return true;
      });
    }
    lean_rounds_ = live * 4 < used_ ? lean_rounds_ + 1 : 0;
    if (lean_rounds_ > kPatience) rebuild();
    await_live(control_.get(), capacity());
  }

  // What a loop over a batch keeps in registers; upsert() keeps it up to date.
  struct View {
    Slot* slots;
    std::uint8_t* control;
    std::size_t mask;
    unsigned shift;
  };
  View view() { return {slots_.get(), control_.get(), mask_, shift_}; }
  static void prefetch(const View& view, std::uint64_t hash) {
    __builtin_prefetch(&view.slots[hash >> view.shift]);
  }
  [[gnu::always_inline]] V& upsert(View& view, std::uint64_t hash, Probe key) {
    const std::size_t i = slot_of_known<K>(view, hash, key);
    if (i != kNoSlot) [[likely]] {
      view.control[i] = kLive;
      return view.slots[i].value;
    }
    V& value = upsert(hash, key);
    view = this->view();
    return value;
  }

 private:
  static constexpr std::size_t kMinCapacity = 64;
  static constexpr std::size_t kBlock = 64;  // slots that finish_round() keeps together
  static constexpr std::uint32_t kPatience = 64;

  std::size_t capacity() const { return mask_ + 1; }
  std::size_t home(std::uint64_t hash) const { return hash >> shift_; }

  void allocate(std::size_t capacity) {
    mask_ = capacity - 1;
    shift_ = 64 - static_cast<unsigned>(std::countr_zero(capacity));
    slots_ = make_slots<Slot>(capacity);
    control_ = make_slots<std::uint8_t>(capacity);
    used_ = 0;
  }
  // A slot for a key that has none.
  std::size_t insert(std::uint64_t hash, Probe key) {
    if ((used_ + 1) * 2 > capacity()) rebuild();
    const std::size_t i = claim(hash);
    slots_[i].key = KeyTraits::own(key);
    slots_[i].hash = hash;
    return i;
  }
  std::size_t claim(std::uint64_t hash) {
    std::size_t i = home(hash);
    while (control_[i] != kEmpty) i = (i + 1) & mask_;
    control_[i] = kLive;
    ++used_;
    return i;
  }
  // Keeps this round's keys only, in a table that is a quarter full at most.
  [[gnu::noinline]] void rebuild() {
    const auto old = std::move(slots_);
    const auto control = std::move(control_);
    const std::size_t end = capacity();
    const std::size_t live = count_live(control.get(), end);
    std::size_t wanted = kMinCapacity;
    while (live * 4 > wanted) wanted *= 2;
    allocate(wanted);
    lean_rounds_ = 0;
    for_each_live(control.get(), 0, end, [&](std::size_t i) {
      slots_[claim(old[i].hash)] = std::move(old[i]);
      return true;
    });
  }

  SlotArray<Slot> slots_;
  SlotArray<std::uint8_t> control_;  // kEmpty, kAwaited (a key of an earlier round) or kLive
  std::size_t mask_ = 0;
  unsigned shift_ = 0;
  std::size_t used_ = 0;           // slots with a key
  std::uint32_t lean_rounds_ = 0;  // one after another that used less than a quarter of the keys
};

}  // namespace weir::state
