// How open-addressing tables look for a key in a loop over a batch. A View has `slots` with keys,
// `mask` and `shift`; a key's home is the top bits of its hash, as far as they are not shared.
#pragma once

#include <cstddef>
#include <cstdint>

#include "weir/runtime/key.h"
#include "weir/state/slots.h"

namespace weir::state {

// Where the search for a key begins. One key in six is not at home; to step on without a branch
// costs less than to guess.
template <class K, class View>
[[gnu::always_inline]] inline std::size_t first_guess(const View& view, std::uint64_t hash,
                                                      typename runtime::KeyTraits<K>::Probe key) {
  std::size_t i = hash >> view.shift & view.mask;
  if constexpr (runtime::ScalarKey<K>) {
    i = (i + static_cast<std::size_t>(view.slots[i].key != key)) & view.mask;
  }
  return i;
}

inline constexpr std::size_t kNoSlot = ~std::size_t{0};

// The slot that has `key`, with or without an entry, or kNoSlot. `view.control` says which slots
// are empty.
template <class K, class View>
[[gnu::always_inline]] inline std::size_t slot_of_known(const View& view, std::uint64_t hash,
                                                        typename runtime::KeyTraits<K>::Probe key) {
  for (std::size_t i = first_guess<K>(view, hash, key);; i = (i + 1) & view.mask) {
    if (runtime::KeyTraits<K>::equal(view.slots[i].key, key)) [[likely]] {
      return view.control[i] == kEmpty ? kNoSlot : i;
    }
    if (runtime::KeyTraits<K>::is_default(view.slots[i].key)) return kNoSlot;  // empty, as a rule
  }
}

}  // namespace weir::state
