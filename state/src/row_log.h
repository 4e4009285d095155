// RowLog: rows as a store has heard of them last, laid out for finding single ones. RocksDB finds a
// row in 2 to 3 us, most of it its own work; here it takes two accesses to memory.
//
//   log     segments of rows in the order in which they came; the oldest segment is cleaned, by
//           appending again what still counts in it, when less than half of the log does
//   index   open addressing: for each row a tag of its key's hash, and its place in the log
//
// It only remembers: a row that it has is right, and one that it lacks is looked up in the
// database. So whatever does not fit is left out, and everything may be forgotten at any time.
// Log and index are FileMemory in the working folder: page cache, as the tables of RocksDB are.
//
// Safe to call from any thread; calls of apply() come one at a time.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "file_memory.h"
#include "weir/runtime/mutex.h"
#include "weir/runtime/row_store.h"

namespace weir::state {

class RowLog {
 public:
  static constexpr std::size_t kSegmentBytes = std::size_t{4} << 20;

  // Makes its files in `dir`, once there is something to remember.
  explicit RowLog(std::string dir, std::size_t segment_bytes = kSegmentBytes)
      : dir_(std::move(dir)), segment_bytes_(segment_bytes) {}

  // Must hear of every change from its first call on.
  void apply(const runtime::RowBuffer& changes);
  // Fills in those of `values` whose keys it has, and lists the places of the others.
  void find(std::span<const std::string> keys, std::vector<std::optional<std::string>>* values,
            std::vector<std::uint32_t>* rest) const;

  // Gives its room on the disk back and remembers nothing any more.
  void turn_off();

  std::size_t rows() const;   // that it has
  std::size_t bytes() const;  // of its files

 private:
  struct Place {
    std::uint32_t segment = 0;
    std::uint32_t offset = 0;
  };
  struct Row {
    std::string_view key;
    std::string_view value;
    std::uint32_t bytes() const {
      return static_cast<std::uint32_t>(kRowHead + key.size() + value.size());
    }
  };
  struct Segment {
    std::optional<FileMemory> memory;
    std::uint32_t used = 0;
    std::uint64_t number = 0;  // in the order of their making
  };
  // An index entry: tag u22, segment u20, offset u22; or one of these two.
  static constexpr std::uint64_t kEmpty = 0;
  static constexpr std::uint64_t kVacated = 1;
  static constexpr unsigned kOffsetBits = 22;
  static constexpr unsigned kSegmentBits = 20;
  static constexpr unsigned kTagShift = kOffsetBits + kSegmentBits;
  static constexpr std::uint64_t kTagBit = std::uint64_t{1} << kTagShift;  // set in every tag

  static constexpr std::size_t kRowHead = 4;  // key and value length, u16 each
  static constexpr std::size_t kMinIndex = 512;
  static constexpr std::size_t kMaxPrefixes = 4096;
  static constexpr std::size_t kAhead = 32;  // rows whose memory is asked for in advance
  static constexpr std::size_t kRowsPerLock = 256;

  static std::uint64_t tag_of(std::uint64_t hash) { return hash << kTagShift | kTagBit; }
  static std::uint64_t entry_of(std::uint64_t hash, Place place) {
    return tag_of(hash) | std::uint64_t{place.segment} << kOffsetBits | place.offset;
  }
  static bool has_tag(std::uint64_t entry, std::uint64_t hash) {
    return entry >> kTagShift == tag_of(hash) >> kTagShift;
  }
  static Place place_of(std::uint64_t entry) {
    return {static_cast<std::uint32_t>(entry >> kOffsetBits & ((1u << kSegmentBits) - 1)),
            static_cast<std::uint32_t>(entry & ((1u << kOffsetBits) - 1))};
  }

  const char* address(Place place) const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    return segments_[place.segment].memory->data() + place.offset;
  }
  Row row_at(Place place) const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  std::size_t home(std::uint64_t hash) const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    return hash >> shift_;
  }
  // The slot of `key`; or the one that ends the search, which is empty.
  std::size_t locate(std::uint64_t hash, std::string_view key) const
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // Asks for what locate() will look at: first the index, then the row.
  void prefetch_slot(std::uint64_t hash) const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void prefetch_row(std::uint64_t hash) const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  bool is_removed(const Row& row, Place place) const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  void remove_prefix(std::string_view prefix) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void change(std::uint64_t hash, const runtime::RowBuffer::Row& row)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void put(std::uint64_t hash, const Row& row) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void remove(std::uint64_t hash, std::string_view key) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void vacate(std::size_t slot, std::size_t row_bytes) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  // These say whether there was room.
  bool append(const Row& row, Place* place) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  bool add_segment() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  bool reserve_slot() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  void clean() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void clean_oldest() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void forget() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void give_up() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const std::string dir_;
  const std::size_t segment_bytes_;

  mutable runtime::Mutex mutex_;
  bool is_off_ ABSL_GUARDED_BY(mutex_) = false;
  std::vector<Segment> segments_ ABSL_GUARDED_BY(mutex_);
  std::deque<std::uint32_t> order_ ABSL_GUARDED_BY(mutex_);    // of segments, the oldest first
  std::vector<std::uint32_t> unused_ ABSL_GUARDED_BY(mutex_);  // segments without rows
  std::uint64_t next_number_ ABSL_GUARDED_BY(mutex_) = 1;
  std::optional<FileMemory> index_memory_ ABSL_GUARDED_BY(mutex_);
  std::uint64_t* index_ ABSL_GUARDED_BY(mutex_) = nullptr;
  std::size_t mask_ ABSL_GUARDED_BY(mutex_) = 0;
  unsigned shift_ ABSL_GUARDED_BY(mutex_) = 63;
  std::size_t used_ ABSL_GUARDED_BY(mutex_) = 0;  // slots that are not empty
  std::size_t live_ ABSL_GUARDED_BY(mutex_) = 0;  // rows, including those removed by a prefix
  std::size_t live_bytes_ ABSL_GUARDED_BY(mutex_) = 0;

  // Prefixes whose rows are gone if they were appended before.
  struct Removal {
    std::uint64_t number = 0;  // of the segment that was the newest
    std::uint32_t offset = 0;  // how far it was filled
  };
  std::map<std::string, Removal, std::less<>> removals_ ABSL_GUARDED_BY(mutex_);
  std::set<std::size_t> removal_lengths_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace weir::state
