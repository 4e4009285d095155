// The effect of a sequence of row changes, in the order in which stores write it: first some
// prefixes are removed from what was there before, then the rows below are put or removed, one
// change per key.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "weir/runtime/row_store.h"

namespace weir::state {

// Views into the RowBuffer it was made of, which must outlive it unchanged.
struct SortedRows {
  std::vector<std::string_view> removed_prefixes;  // ascending, none is a prefix of another
  std::vector<runtime::RowBuffer::Row> rows;  // ascending by key, each key once; kPut or kRemove

  bool empty() const { return removed_prefixes.empty() && rows.empty(); }
  // Whether `key` was removed by a prefix (and, if it is in `rows`, put again later).
  bool removes(std::string_view key) const;
  // The change of `key`, or null.
  const runtime::RowBuffer::Row* find(std::string_view key) const;
};

// O(n log n), O(n) if the buffer is sorted already.
SortedRows sort_rows(const runtime::RowBuffer& buffer);

// The smallest string above all strings that start with `prefix`; empty if there is none.
std::string end_of_prefix(std::string_view prefix);

}  // namespace weir::state
