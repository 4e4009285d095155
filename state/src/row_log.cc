#include "row_log.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>
#include <utility>

#include "weir/runtime/hash.h"

namespace weir::state {

using runtime::MutexLock;
using runtime::RowBuffer;

namespace {

std::uint64_t hash_of(std::string_view key) { return runtime::hash_bytes(key.data(), key.size()); }

}  // namespace

// --- finding -------------------------------------------------------------------------------------

RowLog::Row RowLog::row_at(Place place) const {
  const char* at = address(place);
  std::uint16_t lengths[2];
  std::memcpy(lengths, at, kRowHead);
  return {{at + kRowHead, lengths[0]}, {at + kRowHead + lengths[0], lengths[1]}};
}

void RowLog::prefetch_slot(std::uint64_t hash) const { __builtin_prefetch(&index_[home(hash)]); }

void RowLog::prefetch_row(std::uint64_t hash) const {
  for (std::size_t i = home(hash); index_[i] != kEmpty; i = (i + 1) & mask_) {
    if (!has_tag(index_[i], hash)) continue;
    const char* at = address(place_of(index_[i]));
    __builtin_prefetch(at);
    __builtin_prefetch(at + 48);
    return;
  }
}

std::size_t RowLog::locate(std::uint64_t hash, std::string_view key) const {
  std::size_t i = home(hash);
  for (; index_[i] != kEmpty; i = (i + 1) & mask_) {
    if (has_tag(index_[i], hash) && row_at(place_of(index_[i])).key == key) break;
  }
  return i;
}

bool RowLog::is_removed(const Row& row, Place place) const {
  for (const std::size_t length : removal_lengths_) {
    if (length > row.key.size()) break;
    const auto it = removals_.find(row.key.substr(0, length));
    if (it == removals_.end()) continue;
    const std::uint64_t number = segments_[place.segment].number;
    if (std::pair(number, place.offset) < std::pair(it->second.number, it->second.offset)) {
      return true;
    }
  }
  return false;
}

void RowLog::find(std::span<const std::string> keys,
                  std::vector<std::optional<std::string>>* values,
                  std::vector<std::uint32_t>* rest) const {
  const MutexLock lock(mutex_);
  std::array<std::uint64_t, kAhead> hashes;
  for (std::size_t first = 0; first < keys.size(); first += kAhead) {
    const std::size_t n = std::min(kAhead, keys.size() - first);
    if (live_ != 0) {
      for (std::size_t j = 0; j < n; ++j) prefetch_slot(hashes[j] = hash_of(keys[first + j]));
      for (std::size_t j = 0; j < n; ++j) prefetch_row(hashes[j]);
    }
    for (std::size_t j = 0; j < n; ++j) {
      const std::size_t i = first + j;
      const std::uint64_t entry = live_ == 0 ? kEmpty : index_[locate(hashes[j], keys[i])];
      if (entry != kEmpty) {
        const Row row = row_at(place_of(entry));
        if (removals_.empty() || !is_removed(row, place_of(entry))) {
          (*values)[i].emplace(row.value);
          continue;
        }
      }
      rest->push_back(static_cast<std::uint32_t>(i));
    }
  }
}

std::size_t RowLog::rows() const {
  const MutexLock lock(mutex_);
  return live_;
}
std::size_t RowLog::bytes() const {
  const MutexLock lock(mutex_);
  return (order_.size() + unused_.size()) * segment_bytes_ +
         (index_memory_.has_value() ? index_memory_->bytes() : 0);
}

// --- changing ------------------------------------------------------------------------------------

void RowLog::apply(const RowBuffer& changes) {
  std::array<RowBuffer::Row, kAhead> rows;
  std::array<std::uint64_t, kAhead> hashes;
  for (std::size_t next = 0; next < changes.rows();) {
    const MutexLock lock(mutex_);  // for a few rows only: somebody may be waiting to find some
    const std::size_t stop = std::min(changes.rows(), next + kRowsPerLock);
    while (next < stop) {
      const std::size_t n = std::min(kAhead, stop - next);
      for (std::size_t j = 0; j < n; ++j) {
        rows[j] = changes.row(next + j);
        hashes[j] = hash_of(rows[j].key);
        if (index_ != nullptr) prefetch_slot(hashes[j]);
      }
      for (std::size_t j = 0; j < n && live_ != 0; ++j) prefetch_row(hashes[j]);
      for (std::size_t j = 0; j < n; ++j) change(hashes[j], rows[j]);
      next += n;
    }
  }
}

void RowLog::change(std::uint64_t hash, const RowBuffer::Row& row) {
  if (is_off_) return;
  if (row.op == RowBuffer::Op::kRemovePrefix) return remove_prefix(row.key);
  const bool fits = row.key.size() <= UINT16_MAX && row.value.size() <= UINT16_MAX &&
                    kRowHead + row.key.size() + row.value.size() <= segment_bytes_;
  if (row.op == RowBuffer::Op::kPut && fits) {
    put(hash, {row.key, row.value});
  } else if (live_ != 0) {
    remove(hash, row.key);
  }
}

void RowLog::remove_prefix(std::string_view prefix) {
  if (live_ == 0) return;
  const Segment& newest = segments_[order_.back()];
  removals_[std::string(prefix)] = {newest.number, newest.used};
  removal_lengths_.insert(prefix.size());
  if (removals_.size() > kMaxPrefixes) forget();
}

void RowLog::put(std::uint64_t hash, const Row& row) {
  Place place;
  const std::uint64_t number = next_number_;
  if (!append(row, &place) || !reserve_slot()) return give_up();
  const std::size_t slot = locate(hash, row.key);
  if (index_[slot] == kEmpty) {
    ++used_;
    ++live_;
  } else {
    live_bytes_ -= row_at(place_of(index_[slot])).bytes();
  }
  live_bytes_ += row.bytes();
  index_[slot] = entry_of(hash, place);
  if (next_number_ != number) clean();
}

void RowLog::remove(std::uint64_t hash, std::string_view key) {
  const std::size_t slot = locate(hash, key);
  if (index_[slot] != kEmpty) vacate(slot, row_at(place_of(index_[slot])).bytes());
}

void RowLog::vacate(std::size_t slot, std::size_t row_bytes) {
  index_[slot] = kVacated;
  --live_;
  live_bytes_ -= row_bytes;
}

bool RowLog::append(const Row& row, Place* place) {
  const bool has_room =
      !order_.empty() && segments_[order_.back()].used + row.bytes() <= segment_bytes_;
  if (!has_room && !add_segment()) return false;
  Segment& newest = segments_[order_.back()];
  *place = {order_.back(), newest.used};
  const std::uint16_t lengths[2] = {static_cast<std::uint16_t>(row.key.size()),
                                    static_cast<std::uint16_t>(row.value.size())};
  char* to = newest.memory->data() + newest.used;
  std::memcpy(to, lengths, kRowHead);
  std::memcpy(to + kRowHead, row.key.data(), row.key.size());
  std::memcpy(to + kRowHead + row.key.size(), row.value.data(), row.value.size());
  newest.used += row.bytes();
  return true;
}

bool RowLog::add_segment() {
  if (unused_.empty()) {
    if (segments_.size() == std::size_t{1} << kSegmentBits) return false;
    unused_.push_back(static_cast<std::uint32_t>(segments_.size()));
    segments_.emplace_back();
  }
  Segment& segment = segments_[unused_.back()];
  if (!segment.memory.has_value()) segment.memory = FileMemory::make(dir_, segment_bytes_);
  if (!segment.memory.has_value()) return false;
  segment.used = 0;
  segment.number = next_number_++;
  order_.push_back(unused_.back());
  unused_.pop_back();
  return true;
}

bool RowLog::reserve_slot() {
  if (index_ != nullptr && (used_ + 1) * 4 <= (mask_ + 1) * 3) return true;
  const std::size_t slots = std::max(kMinIndex, std::bit_ceil((live_ + 1) * 3 / 2));
  std::optional<FileMemory> old =
      std::exchange(index_memory_, FileMemory::make(dir_, slots * sizeof(std::uint64_t)));
  if (!index_memory_.has_value()) return false;
  const std::uint64_t* old_index = index_;
  const std::size_t old_slots = old_index == nullptr ? 0 : mask_ + 1;
  index_ = reinterpret_cast<std::uint64_t*>(index_memory_->data());
  mask_ = slots - 1;
  shift_ = 64 - static_cast<unsigned>(std::countr_zero(slots));
  used_ = live_;
  for (std::size_t n = 0; n < old_slots; ++n) {
    if (n + kAhead < old_slots && old_index[n + kAhead] > kVacated) {
      __builtin_prefetch(address(place_of(old_index[n + kAhead])));
    }
    if (old_index[n] <= kVacated) continue;
    std::size_t i = home(hash_of(row_at(place_of(old_index[n])).key));
    while (index_[i] != kEmpty) i = (i + 1) & mask_;
    index_[i] = old_index[n];
  }
  return true;
}

void RowLog::give_up() {
  forget();
  is_off_ = true;
}

void RowLog::turn_off() {
  const MutexLock lock(mutex_);
  give_up();
}

// --- cleaning ------------------------------------------------------------------------------------

// Rows removed by a prefix are not counted, so cleaning goes on until it has seen them.
void RowLog::clean() {
  const std::size_t full = (order_.size() - 1) * segment_bytes_;
  if (order_.size() > 2 && (full > 2 * live_bytes_ || !removals_.empty())) clean_oldest();
}

void RowLog::clean_oldest() {
  const std::uint32_t oldest = order_.front();
  for (Place from{oldest, 0}; from.offset < segments_[oldest].used;) {
    const Row row = row_at(from);
    const std::uint64_t hash = hash_of(row.key);
    const std::uint64_t entry = entry_of(hash, from);
    std::size_t slot = home(hash);
    while (index_[slot] != kEmpty && index_[slot] != entry) slot = (slot + 1) & mask_;
    if (index_[slot] == entry) {
      Place to;
      if (!is_removed(row, from) && append(row, &to)) {
        index_[slot] = entry_of(hash, to);
      } else {
        vacate(slot, row.bytes());
      }
    }
    from.offset += row.bytes();
  }
  order_.pop_front();
  if (!unused_.empty()) segments_[oldest].memory.reset();  // one is enough to go on with
  unused_.push_back(oldest);
  const std::uint64_t first = segments_[order_.front()].number;
  std::erase_if(removals_, [first](const auto& r) { return r.second.number < first; });
  if (removals_.empty()) removal_lengths_.clear();
}

void RowLog::forget() {
  segments_.clear();
  order_.clear();
  unused_.clear();
  index_memory_.reset();
  index_ = nullptr;
  mask_ = used_ = live_ = live_bytes_ = 0;
  removals_.clear();
  removal_lengths_.clear();
}

}  // namespace weir::state
