#include "weir/state/stored_table.h"

#include <algorithm>
#include <cstring>

namespace weir::state {

StoredTable::~StoredTable() = default;

void StoredTable::reserve(std::size_t entries) {
  const std::size_t wanted = size_.capacity_for(std::max(entries, size()));
  if (form_ == Form::kPacked || wanted > capacity_) resize(wanted);
}

void StoredTable::shrink() {
  if (form_ == Form::kPacked) return;
  settle();
  const std::size_t wanted = size_.shrunk(live_, capacity_);
  if (wanted < capacity_ || (used_ - live_) * 16 > capacity_) resize(wanted);
}

void StoredTable::leave_form() {
  if (form_ == Form::kPacked) {
    resize(size_.capacity_for(live_));
    return;
  }
  note_awaited();
  for_each_live(control_.get(), 0, capacity_, [&](std::size_t i) {
    if (is_tracked_) list_change(i);
    hot_.set(i);
    return true;
  });
}

void StoredTable::note_awaited() {
  form_ = Form::kPlain;
  for (std::size_t i = 0; i < capacity_; ++i) {
    const std::uint8_t c = control_[i];
    control_[i] = (c & kLive) != 0 ? static_cast<std::uint8_t>(c & ~kAwaited) : c;
  }
  live_ = count_live(control_.get(), capacity_);
}

void StoredTable::scan_changes() {
  scans_now_ = true;
  changed_now_.clear();
}

void StoredTable::note_removal(std::size_t i) {
  keep_frozen_value(i);
  if ((control_[i] & kStored) == 0) return;
  std::string row;
  append_row(i, row, nullptr);
  removed_.push_back(std::move(row));
}

void StoredTable::drop_all() {
  if (is_written_) {
    for_each_live(control_.get(), 0, capacity_, [&](std::size_t i) {
      note_removal(i);
      return true;
    });
  }
  reset_slots();
  std::memset(control_.get(), 0, capacity_);
  hot_.clear();
  if (form_ == Form::kAwaiting) form_ = Form::kPlain;
  live_ = used_ = 0;
  changed_now_.clear();
  changed_frozen_.clear();
  scans_now_ = scans_frozen_ = false;
}

void StoredTable::freeze() {
  if (is_awaiting()) settle();
  changed_frozen_.swap(changed_now_);
  frozen_removed_.swap(removed_);
  told_removed_ = 0;
  std::swap(dirty_now_, dirty_frozen_);
  is_written_ = true;
  encode_cursor_ = 0;
  scans_frozen_ = std::exchange(scans_now_, false);
  hot_.clear();
}

bool StoredTable::encode_frozen(RowBuffer& out, std::size_t max_rows) {
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

bool StoredTable::encode_by_scan(RowBuffer& out, std::size_t max_rows) {
  for (; encode_cursor_ < capacity_; ++encode_cursor_) {
    if ((control_[encode_cursor_] & dirty_frozen_) == 0) continue;
    if (max_rows-- == 0) return false;
    encode_slot(encode_cursor_, out);
  }
  scans_frozen_ = false;
  encode_cursor_ = 0;
  return true;
}

std::size_t StoredTable::evict(std::size_t limit, RowBuffer& out) {
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
    reset_slot(i);
    vacate(i);
    ++evicted;
  }
  is_whole_ = is_whole_ && evicted == 0;
  is_written_ = is_written_ || evicted != 0;
  return evicted;
}

void StoredTable::put_row(std::size_t i, RowBuffer& out) {
  key_scratch_.clear();
  value_scratch_.clear();
  append_row(i, key_scratch_, &value_scratch_);
  out.put(key_scratch_, value_scratch_);
}

void StoredTable::encode_slot(std::size_t i, RowBuffer& out) {
  put_row(i, out);
  control_[i] = static_cast<std::uint8_t>((control_[i] & ~dirty_frozen_) | kStored | kWarm);
}

}  // namespace weir::state
