#include "weir/state/slots.h"

#include <sys/mman.h>

#include <cstdlib>
#include <cstring>

namespace weir::state {
namespace {

constexpr std::size_t kHugePage = std::size_t{2} << 20;

std::size_t round_up(std::size_t n, std::size_t to) { return (n + to - 1) / to * to; }

}  // namespace

void* allocate_zeroed(std::size_t bytes) {
  if (bytes >= kHugePage) {
    const std::size_t size = round_up(bytes, kHugePage);
    void* memory = std::aligned_alloc(kHugePage, size);
    if (memory == nullptr) throw std::bad_alloc();
    madvise(memory, size, MADV_HUGEPAGE);  // advice only
    std::memset(memory, 0, bytes);
    return memory;
  }
  void* memory = std::aligned_alloc(64, round_up(bytes == 0 ? 1 : bytes, 64));
  if (memory == nullptr) throw std::bad_alloc();
  std::memset(memory, 0, bytes);
  return memory;
}

void free_zeroed(void* memory, std::size_t) { std::free(memory); }

}  // namespace weir::state
