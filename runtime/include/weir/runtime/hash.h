// The hash of keys: XXH3 (64 bits) over the key's encoded bytes. It decides the key group, and so
// where state lives, and therefore never changes and is never salted.
// Source: xxHash, https://github.com/Cyan4973/xxHash
#pragma once

#include <cstddef>
#include <cstdint>

#ifndef XXH_INLINE_ALL
#define XXH_INLINE_ALL
#endif
#include <xxhash.h>

#include "weir/runtime/ids.h"

namespace weir::runtime {

// The short path is spelled out because compilers do not inline XXH3_64bits as a whole, and a call
// per record would cost as much as the hash.
[[gnu::always_inline]] inline std::uint64_t hash_bytes(const void* data, std::size_t size) {
  if (size <= 16) {
    return XXH3_len_0to16_64b(static_cast<const xxh_u8*>(data), size, XXH3_kSecret, 0);
  }
  return XXH3_64bits(data, size);
}

// The group of a key with hash `hash` among `max_parallelism` groups: its position on the hash
// axis, so that a table ordered by hash is ordered by group as well.
constexpr KeyGroup key_group_of(std::uint64_t hash, std::uint32_t max_parallelism) {
  return KeyGroup(
      static_cast<std::uint16_t>((static_cast<unsigned __int128>(hash) * max_parallelism) >> 64));
}

// The task (0 .. parallelism - 1) that owns `group`: contiguous ranges of nearly equal length.
constexpr std::uint32_t task_of_group(KeyGroup group, std::uint32_t parallelism,
                                      std::uint32_t max_parallelism) {
  return static_cast<std::uint32_t>(static_cast<std::uint64_t>(group.value) * parallelism /
                                    max_parallelism);
}

}  // namespace weir::runtime
