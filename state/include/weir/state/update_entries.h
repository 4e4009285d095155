// update_entries(): a stretch of records updates the entries of its keys in a table. Slots of a
// table that is not in the core's own cache are asked for ahead of their use.
//
// A table offers view(), is_large(), prefetch(view, hash) and upsert(view, hash, key); one that can
// await keys is_awaiting(), awaiting_view() and upsert_awaited(view, hash, key) as well.
#pragma once

#include <algorithm>
#include <cstdint>

namespace weir::state {

// Calls update(i, entry) for i in [begin, end), where key_at(i) has the hash hashes[i].
template <class Table, class KeyAt, class Update>
[[gnu::always_inline]] inline void update_entries(Table& table, std::uint32_t begin,
                                                  std::uint32_t end, const std::uint64_t* hashes,
                                                  KeyAt&& key_at, Update&& update) {
  constexpr std::uint32_t kAhead = 12;  // records between prefetch and use
  if constexpr (requires { table.is_awaiting(); }) {
    if (table.is_awaiting()) {
      const auto view = table.awaiting_view();
      for (; begin < end; ++begin) {
        auto* entry = table.upsert_awaited(view, hashes[begin], key_at(begin));
        if (entry == nullptr) break;  // from here on as in any other table
        update(begin, *entry);
      }
      if (begin == end) return;
    }
  }
  auto view = table.view();
  if (table.is_large()) {
    for (std::uint32_t i = begin; i < end; ++i) {
      table.prefetch(view, hashes[std::min(i + kAhead, end - 1)]);
      update(i, table.upsert(view, hashes[i], key_at(i)));
    }
  } else {
    for (std::uint32_t i = begin; i < end; ++i) {
      update(i, table.upsert(view, hashes[i], key_at(i)));
    }
  }
}

}  // namespace weir::state
