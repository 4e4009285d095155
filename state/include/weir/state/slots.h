// Memory of large tables: value-initialised arrays, on huge pages where they are big enough to gain
// from it (random access to 4 KiB pages is bound by the TLB).
#pragma once

#include <cstddef>
#include <cstdint>
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

}  // namespace weir::state
