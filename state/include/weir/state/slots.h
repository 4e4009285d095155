// Memory of large tables: value-initialised arrays, on huge pages where they are big enough to gain
// from it (random access to 4 KiB pages is bound by the TLB).
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <new>
#include <type_traits>

namespace weir::state {

// Zeroed memory of `bytes` bytes, 64-byte aligned or better; std::bad_alloc if there is none.
void* allocate_zeroed(std::size_t bytes);
void free_zeroed(void* memory, std::size_t bytes);

// Destroys and frees an array made by make_slots.
template <class T>
struct SlotDeleter {
  std::size_t count = 0;
  void operator()(T* slots) const {
    if constexpr (!std::is_trivially_destructible_v<T>) std::destroy_n(slots, count);
    free_zeroed(slots, count * sizeof(T));
  }
};

// A permutation of 0 .. capacity - 1: block by block, the blocks in steps of the golden section.
// Both numbers are powers of two, or the same.
inline std::size_t scatter(std::size_t n, std::size_t capacity, std::size_t block) {
  const std::size_t blocks = capacity / block;
  const std::size_t stride = (blocks * 40503 >> 16) | 1;
  return (n / block * stride & (blocks - 1)) * block + n % block;
}

// What a slot's control byte says.
inline constexpr std::uint8_t kEmpty = 0;     // nothing; probing ends here
inline constexpr std::uint8_t kLive = 1;      // the slot holds an entry
inline constexpr std::uint8_t kDirtyA = 2;    // changed in the epoch of parity A ...
inline constexpr std::uint8_t kDirtyB = 4;    // ... B
inline constexpr std::uint8_t kStored = 8;    // the store has, or is about to get, a row for it
inline constexpr std::uint8_t kWarm = 16;     // was changed since the last sweep
inline constexpr std::uint8_t kVacated = 32;  // no entry, but probing goes on
inline constexpr std::uint8_t kAwaited = 64;  // the same, and the slot has a key for one

// How many slots hold an entry.
inline std::size_t count_live(const std::uint8_t* control, std::size_t count) {
  std::size_t n = 0;
  for (std::size_t i = 0; i < count; ++i) n += control[i] & kLive;
  return n;
}

// Makes of each entry a key that is awaited.
inline void await_live(std::uint8_t* control, std::size_t count) {
  for (std::size_t i = 0; i < count; ++i) {
    control[i] = (control[i] & kLive) != 0 ? kAwaited : control[i];
  }
}

// Calls f(i) for each i in [begin, end) with a live control[i] until f says false; returns the
// index after that, or `end`. Eight at a time, since in a table that is half empty every second
// guess at a single slot would be wrong.
template <class F>
std::size_t for_each_live(const std::uint8_t* control, std::size_t begin, std::size_t end, F&& f) {
  constexpr std::uint64_t kEach = 0x0101010101010101u;    // the lowest bit of each byte
  constexpr std::uint64_t kGather = 0x0102040810204080u;  // moves these to the highest byte
  while (begin < end) {
    const std::size_t n = end - begin < 64 ? end - begin : 64;
    std::uint64_t live = 0;  // bit j: slot begin + j
    std::size_t j = 0;
    for (; j + 8 <= n; j += 8) {
      std::uint64_t bytes = 0;
      std::memcpy(&bytes, control + begin + j, sizeof bytes);
      live |= ((bytes & kEach) * kGather >> 56) << j;
    }
    for (; j < n; ++j) live |= static_cast<std::uint64_t>(control[begin + j] & kLive) << j;
    for (; live != 0; live &= live - 1) {
      const std::size_t i = begin + static_cast<std::size_t>(std::countr_zero(live));
      if (!f(i)) return i + 1;
    }
    begin += n;
  }
  return end;
}

template <class T>
using SlotArray = std::unique_ptr<T[], SlotDeleter<T>>;

// `count` value-initialised objects. Zeroed memory is enough for scalars.
template <class T>
SlotArray<T> make_slots(std::size_t count) {
  T* slots = static_cast<T*>(allocate_zeroed(count * sizeof(T)));
  if constexpr (!std::is_scalar_v<T>) {
    std::uninitialized_value_construct_n(slots, count);
  }
  return SlotArray<T>(slots, SlotDeleter<T>{count});
}

// A bit for each of `count` slots.
class SlotBits {
 public:
  SlotBits() = default;
  explicit SlotBits(std::size_t count) : count_((count + 63) / 64) {
    if (count_ != 0) words_ = make_slots<std::uint64_t>(count_);
  }
  void set(std::size_t i) { words_[i / 64] |= std::uint64_t{1} << (i % 64); }
  void clear(std::size_t i) { words_[i / 64] &= ~(std::uint64_t{1} << (i % 64)); }
  bool has(std::size_t i) const { return (words_[i / 64] >> (i % 64) & 1) != 0; }
  void clear() {
    if (count_ != 0) std::memset(words_.get(), 0, count_ * sizeof(std::uint64_t));
  }
  const std::uint64_t* words() const { return words_.get(); }

 private:
  std::size_t count_ = 0;
  SlotArray<std::uint64_t> words_;
};

// The memory of a table.
template <class Slot>
struct SlotArrays {
  SlotArray<Slot> slots;
  SlotArray<std::uint8_t> control;
  SlotBits hot;
  std::size_t capacity = 0;
  std::size_t live = 0;  // entries
  std::size_t used = 0;  // slots that are not empty

  std::size_t bytes() const { return capacity * (sizeof(Slot) + 1) + capacity / 8; }
};

}  // namespace weir::state
