// How a FlatTable meets its store: snapshots, removals, eviction, and rows that come back. Part of
// flat_table.h; include that.
#pragma once

#include <algorithm>
#include <cstring>
#include <string>
#include <utility>

#include "weir/state/flat_table.h"

namespace weir::state {

template <class K, class V, bool kTracked>
void FlatTable<K, V, kTracked>::drop_all() {
  for (std::size_t i = 0; i < capacity_; ++i) {
    if (control_[i] == kEmpty) continue;
    if ((control_[i] & kLive) != 0) note_removal(i);
    slots_[i] = Slot{};
  }
  std::memset(control_.get(), 0, capacity_);
  hot_.clear();
  if (form_ == Form::kAwaiting) form_ = Form::kPlain;
  live_ = used_ = 0;
  changed_now_.clear();
  changed_frozen_.clear();
  scans_now_ = scans_frozen_ = false;
}

template <class K, class V, bool kTracked>
void FlatTable<K, V, kTracked>::freeze() {
  if (is_awaiting()) settle();
  changed_frozen_.swap(changed_now_);
  frozen_removed_.swap(removed_);
  told_removed_ = 0;
  std::swap(dirty_now_, dirty_frozen_);
  is_written_ = true;
  encode_cursor_ = 0;
  scans_frozen_ = std::exchange(scans_now_, false);
  if constexpr (kTracked) hot_.clear();
}

template <class K, class V, bool kTracked>
bool FlatTable<K, V, kTracked>::encode_frozen(RowBuffer& out, std::size_t max_rows) {
  for (const std::string& row : frozen_removed_) out.remove(row);
  frozen_removed_.clear();  // these first: an entry removed and made again must survive
  out.append(frozen_early_);
  frozen_early_.clear();
  if (scans_frozen_) return encode_by_scan(out, max_rows);
  const std::size_t listed = changed_frozen_.size();  // drop_all() may have left less
  const std::size_t end = std::min(listed, encode_cursor_ + std::min(max_rows, listed));
  for (; encode_cursor_ < end; ++encode_cursor_) {
    const std::size_t i = changed_frozen_[encode_cursor_];
    if ((control_[i] & dirty_frozen_) == 0) continue;  // changed again, removed, or moved
    encode_slot(i, out);
  }
  if (encode_cursor_ < changed_frozen_.size()) return false;
  changed_frozen_.clear();
  encode_cursor_ = 0;
  return true;
}

template <class K, class V, bool kTracked>
bool FlatTable<K, V, kTracked>::encode_by_scan(RowBuffer& out, std::size_t max_rows) {
  for (; encode_cursor_ < capacity_; ++encode_cursor_) {
    if ((control_[encode_cursor_] & dirty_frozen_) == 0) continue;
    if (max_rows-- == 0) return false;
    encode_slot(encode_cursor_, out);
  }
  scans_frozen_ = false;
  encode_cursor_ = 0;
  return true;
}

template <class K, class V, bool kTracked>
void FlatTable<K, V, kTracked>::load(std::uint64_t hash, K key, V value) {
  if (locate(hash, key) != kNone) return;
  const std::size_t i = place(hash);
  slots_[i].key = std::move(key);
  slots_[i].value = std::move(value);
  control_[i] = kLive | kStored;
  is_written_ = true;
}

template <class K, class V, bool kTracked>
std::size_t FlatTable<K, V, kTracked>::evict(std::size_t limit, RowBuffer& out) {
  std::size_t evicted = 0;
  settle();
  for (std::size_t n = 0; n < 2 * capacity_ && evicted < limit; ++n) {
    // All over the table: what stays must not end up in one run of slots.
    const std::size_t i = scattered(hand_);
    hand_ = (hand_ + 1) & mask_;
    std::uint8_t& c = control_[i];
    if ((c & kLive) == 0) continue;
    if (hot_.has(i) || (c & kWarm) != 0) {
      hot_.clear(i);
      c = static_cast<std::uint8_t>(c & ~kWarm);
      continue;
    }
    if ((c & dirty_now_) != 0) put_row(i, out);
    vacate(i);
    ++evicted;
  }
  is_whole_ = is_whole_ && evicted == 0;
  is_written_ = is_written_ || evicted != 0;
  return evicted;
}

template <class K, class V, bool kTracked>
void FlatTable<K, V, kTracked>::put_row(std::size_t i, RowBuffer& out) {
  key_scratch_.clear();
  value_scratch_.clear();
  row_key(KeyTraits<K>::hash(slots_[i].key), slots_[i].key, key_scratch_);
  runtime::encode_to(value_scratch_, slots_[i].value);
  out.put(key_scratch_, value_scratch_);
}

template <class K, class V, bool kTracked>
void FlatTable<K, V, kTracked>::note_removal(std::size_t i) {
  if constexpr (kTracked) {
    keep_frozen_value(i);
    if ((control_[i] & kStored) == 0) return;
    std::string row;
    row_key(KeyTraits<K>::hash(slots_[i].key), slots_[i].key, row);
    removed_.push_back(std::move(row));
  }
}

}  // namespace weir::state
