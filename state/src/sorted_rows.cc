#include "sorted_rows.h"

#include <algorithm>
#include <cstring>

namespace weir::state {
namespace {

using runtime::RowBuffer;

// A row to be sorted: its first 16 key bytes as numbers, so that most comparisons touch nothing
// else.
struct Entry {
  std::uint64_t high;
  std::uint64_t low;
  std::uint64_t index;  // in the buffer
};

std::uint64_t big_endian_at(std::string_view key, std::size_t offset) {
  unsigned char bytes[8] = {};
  if (key.size() > offset) {
    std::memcpy(bytes, key.data() + offset, std::min<std::size_t>(8, key.size() - offset));
  }
  std::uint64_t value = 0;
  std::memcpy(&value, bytes, 8);
  return __builtin_bswap64(value);
}

// Ascending by key, then by place in the buffer.
class Before {
 public:
  explicit Before(const RowBuffer& buffer) : buffer_(buffer) {}
  bool operator()(const Entry& a, const Entry& b) const {
    if (a.high != b.high) return a.high < b.high;
    if (a.low != b.low) return a.low < b.low;
    const int order = buffer_.row(a.index).key.compare(buffer_.row(b.index).key);
    return order != 0 ? order < 0 : a.index < b.index;
  }

 private:
  const RowBuffer& buffer_;
};

struct Prefix {
  std::string_view text;
  std::uint64_t index;
};

// Takes out the rows that a later removal of their prefix has overtaken.
void drop_overtaken(const RowBuffer& buffer, const std::vector<Prefix>& prefixes,
                    std::vector<Entry>* entries) {
  constexpr std::uint64_t kDropped = ~std::uint64_t{0};
  const auto key_before = [&](const Entry& e, std::string_view key) {
    return buffer.row(e.index).key < key;
  };
  std::vector<bool> dropped(entries->size(), false);
  for (const Prefix& prefix : prefixes) {
    auto it = std::lower_bound(entries->begin(), entries->end(), prefix.text, key_before);
    for (; it != entries->end() && buffer.row(it->index).key.starts_with(prefix.text); ++it) {
      if (it->index < prefix.index) {
        dropped[static_cast<std::size_t>(it - entries->begin())] = true;
      }
    }
  }
  for (std::size_t i = 0; i < entries->size(); ++i) {
    if (dropped[i]) (*entries)[i].index = kDropped;
  }
  std::erase_if(*entries, [](const Entry& e) { return e.index == kDropped; });
}

}  // namespace

SortedRows sort_rows(const RowBuffer& buffer) {
  std::vector<Entry> entries;
  std::vector<Prefix> prefixes;
  entries.reserve(buffer.rows());
  for (std::size_t i = 0; i < buffer.rows(); ++i) {
    const RowBuffer::Row row = buffer.row(i);
    if (row.op == RowBuffer::Op::kRemovePrefix) {
      prefixes.push_back({row.key, i});
    } else {
      entries.push_back({big_endian_at(row.key, 0), big_endian_at(row.key, 8), i});
    }
  }
  const Before before(buffer);
  if (!std::is_sorted(entries.begin(), entries.end(), before)) {
    std::sort(entries.begin(), entries.end(), before);
  }
  // Of equal keys the last one counts.
  std::size_t kept = 0;
  for (std::size_t i = 0; i < entries.size(); ++i) {
    const bool is_last = i + 1 == entries.size() || entries[i].high != entries[i + 1].high ||
                         entries[i].low != entries[i + 1].low ||
                         buffer.row(entries[i].index).key != buffer.row(entries[i + 1].index).key;
    if (is_last) entries[kept++] = entries[i];
  }
  entries.resize(kept);

  SortedRows sorted;
  if (!prefixes.empty()) {
    drop_overtaken(buffer, prefixes, &entries);
    std::sort(prefixes.begin(), prefixes.end(),
              [](const Prefix& a, const Prefix& b) { return a.text < b.text; });
    for (const Prefix& prefix : prefixes) {
      auto& removed = sorted.removed_prefixes;
      if (removed.empty() || !prefix.text.starts_with(removed.back())) {
        removed.push_back(prefix.text);
      }
    }
  }
  sorted.rows.reserve(entries.size());
  for (const Entry& entry : entries) sorted.rows.push_back(buffer.row(entry.index));
  return sorted;
}

bool SortedRows::removes(std::string_view key) const {
  // No prefix is a prefix of another, so only the greatest one not above the key can fit.
  auto it = std::upper_bound(removed_prefixes.begin(), removed_prefixes.end(), key);
  return it != removed_prefixes.begin() && key.starts_with(*--it);
}

const RowBuffer::Row* SortedRows::find(std::string_view key) const {
  const auto it =
      std::lower_bound(rows.begin(), rows.end(), key,
                       [](const RowBuffer::Row& row, std::string_view k) { return row.key < k; });
  return it != rows.end() && it->key == key ? &*it : nullptr;
}

std::string end_of_prefix(std::string_view prefix) {
  std::string end(prefix);
  while (!end.empty() && static_cast<unsigned char>(end.back()) == 0xff) end.pop_back();
  if (!end.empty()) end.back() = static_cast<char>(static_cast<unsigned char>(end.back()) + 1);
  return end;
}

}  // namespace weir::state
