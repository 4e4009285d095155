// StoredTable: what a FlatTable is, whatever its types: which of its slots hold entries, which rows
// have changed since the last barrier, and how they reach the store. All of it that runs per
// barrier or per eviction, and not per record, is compiled here, once.
//
// Change tracking: the first change of an entry after a barrier puts it on the list of the current
// epoch, as long as that is short. freeze() swaps lists in O(1); what is frozen keeps its old value
// until it has been encoded (an entry that changes earlier is encoded at that moment). Task thread
// only.
#pragma once

#include <algorithm>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "weir/runtime/row_store.h"
#include "weir/state/row_key.h"
#include "weir/state/slots.h"
#include "weir/state/table_size.h"

namespace weir::state {

using runtime::RowBuffer;

class StoredTable {
 public:
  virtual ~StoredTable();
  StoredTable(const StoredTable&) = delete;
  StoredTable& operator=(const StoredTable&) = delete;

  std::size_t size() const {
    return form_ == Form::kAwaiting ? count_live(control_.get(), capacity_) : live_;
  }
  bool empty() const { return size() == 0; }
  std::size_t capacity() const { return capacity_; }
  std::size_t memory_bytes() const { return capacity_ * (slot_bytes_ + 1) + capacity_ / 8; }
  const RowPrefix& prefix() const { return prefix_; }

  // Whether the table is so large that its slots are rarely in a core's own cache.
  bool is_large() const { return memory_bytes() > (std::size_t{768} << 10); }
  // Whether it was made in the memory of a packed table, and nothing but upsert_awaited() of
  // FlatTable was asked for yet.
  bool is_awaiting() const { return form_ == Form::kAwaiting; }

  // Makes room for `entries` in all.
  void reserve(std::size_t entries);
  // Whether no row of it has reached the store or is on its way: it can be forgotten as it is.
  bool is_unwritten() const { return !is_written_; }
  // Removes all entries, from the store as well: each stored row becomes a removal.
  void drop_all();

  // Calls f(row key) for each stored entry that was removed since the last freeze, once for each.
  template <class F>
  void tell_removed(F&& f) {
    for (; told_removed_ < removed_.size(); ++told_removed_) f(removed_[told_removed_]);
  }

  // --- snapshots -------------------------------------------------------------------------------

  bool has_changes() const {
    return scans_now_ || !changed_now_.empty() || !removed_.empty() || (is_awaiting() && !empty());
  }
  bool has_frozen() const {
    return scans_frozen_ || !changed_frozen_.empty() || !frozen_removed_.empty() ||
           !frozen_early_.empty();
  }

  // All changes so far belong to the frozen set. The previous one must have been encoded wholly.
  void freeze();

  // Writes up to `max_rows` frozen rows; true when none is left.
  bool encode_frozen(RowBuffer& out, std::size_t max_rows);

  // Drops up to `limit` entries, as many as it returns. Entries that were changed since the last
  // sweep are spared once. Rows that the store does not have yet go to `out`, and from there to the
  // store before anything is looked up. Nothing may be frozen, and no removal on its way.
  std::size_t evict(std::size_t limit, RowBuffer& out);
  // Whether all entries are here: none was evicted, or all have been loaded again.
  bool is_whole() const { return is_whole_; }
  void set_whole() { is_whole_ = true; }
  // Whether a few more entries make the table double its memory. While it awaits keys, as if all of
  // them had come.
  bool is_nearly_full() const {
    if (form_ == Form::kPacked) return false;
    return size_.is_nearly_full(is_awaiting() ? used_ : live_, capacity_);
  }
  // From now on memory counts for more than speed: the table doubles when four fifths are taken.
  void tighten() { size_.tighten(); }
  // Whether entries were removed of which the store has not heard.
  bool has_removals() const { return !removed_.empty(); }
  // Gives memory back when few entries are left, and sweeps out vacated slots, which would make the
  // table double as entries do. Only while nothing is frozen.
  void shrink();

 protected:
  enum class Form : std::uint8_t { kPlain, kPacked, kAwaiting };
  static constexpr std::size_t kBlock = 64;  // slots that scattered() keeps together

  // With `is_tracked` = false no change is noted.
  StoredTable(RowPrefix prefix, std::size_t slot_bytes, bool is_tracked)
      : prefix_(prefix), size_(prefix.share), slot_bytes_(slot_bytes), is_tracked_(is_tracked) {}

  // Appends the row key of the entry in slot `i`, and its value if there is a place for one.
  virtual void append_row(std::size_t i, std::string& key, std::string* value) const = 0;
  // The object in slot `i` goes, or those of all slots that are not empty; control bytes stay.
  virtual void reset_slot(std::size_t i) = 0;
  virtual void reset_slots() = 0;
  // Moves everything to `capacity` slots, a power of two, with room for all keys.
  virtual void resize(std::size_t capacity) = 0;

  std::size_t scattered(std::size_t n) const { return scatter(n, capacity_, block_size()); }
  std::size_t block_size() const {
    return form_ == Form::kPacked ? capacity_ : std::min(capacity_, kBlock);
  }
  std::size_t home(std::uint64_t hash) const { return hash >> shift_ & mask_; }

  // Before anything that looks up single entries, or relies on the books.
  void settle() {
    if (form_ != Form::kPlain) [[unlikely]]
      leave_form();
  }
  void leave_form();
  // Entries that were awaited and came are like others from now on, but for hot_ and changed_now_.
  void note_awaited();
  // Doubles the table, or only sweeps out vacated slots if these are many.
  void grow() { resize(size_.grown(live_, capacity_)); }

  // The first change of a clean or frozen entry in this epoch.
  void touch(std::size_t i) {
    keep_frozen_value(i);
    control_[i] = static_cast<std::uint8_t>((control_[i] & ~kWarm) | dirty_now_);
    list_change(i);
  }
  // Many changes are found faster, and in the order of rows, by looking at every slot.
  void list_change(std::size_t i) {
    if (scans_now_) return;
    changed_now_.push_back(static_cast<std::uint32_t>(i));
    if (changed_now_.size() > capacity_ / 8) scan_changes();
  }
  void note_removal(std::size_t i);
  // No entry is in slot `i` any more, which has been reset.
  void vacate(std::size_t i) {
    hot_.clear(i);
    control_[i] = control_[(i + 1) & mask_] == kEmpty ? kEmpty : kVacated;
    if (control_[i] == kEmpty) --used_;
    --live_;
  }

  RowPrefix prefix_;
  TableSize size_;
  const std::size_t slot_bytes_;
  const bool is_tracked_;
  Form form_ = Form::kPlain;
  bool is_written_ = false;
  bool scans_now_ = false;     // changed are the entries with the bit, not those on the list
  bool scans_frozen_ = false;  // the same of what is frozen
  bool is_whole_ = true;
  std::size_t capacity_ = 0;
  std::size_t mask_ = 0;
  unsigned shift_ = 60;
  std::uint8_t dirty_now_ = kDirtyA;
  std::uint8_t dirty_frozen_ = kDirtyB;
  SlotArray<std::uint8_t> control_;
  SlotBits hot_;
  std::size_t live_ = 0;  // entries
  std::size_t used_ = 0;  // slots that are not empty: entries and vacated ones
  std::size_t hand_ = 0;  // where the next eviction sweep starts

  std::vector<std::uint32_t> changed_now_;     // slots, each once
  std::vector<std::uint32_t> changed_frozen_;  // slots; stale where the bit is gone
  std::size_t encode_cursor_ = 0;

 private:
  bool encode_by_scan(RowBuffer& out, std::size_t max_rows);
  void scan_changes();
  void keep_frozen_value(std::size_t i) {
    if ((control_[i] & dirty_frozen_) != 0) encode_slot(i, frozen_early_);
  }
  void put_row(std::size_t i, RowBuffer& out);
  void encode_slot(std::size_t i, RowBuffer& out);

  std::vector<std::string> removed_;  // row keys
  std::size_t told_removed_ = 0;      // of these, by tell_removed()
  std::vector<std::string> frozen_removed_;
  RowBuffer frozen_early_;  // frozen rows that changed before their turn
  std::string key_scratch_;
  std::string value_scratch_;
};

// Tables of one type by namespace: for windows, the start of a slice.
using TableMap = std::map<std::int64_t, std::unique_ptr<StoredTable>>;

// The table of an entry of such a map, which must be a `Table`.
template <class Table>
Table& table_of(const TableMap::value_type& entry) {
  return static_cast<Table&>(*entry.second);
}

}  // namespace weir::state
