// Where the keyed state of one task rests as rows: the erased half of every state backend.
//
//   typed tables (live objects, dirty set)  --frozen rows-->  RowStore  --files-->  Snapshot
//
// A row's key is `group u16 BE | table u16 BE | namespace u64 BE | hash u64 BE | encoded key`, so
// rows sort by key group, then table, then namespace (a slice of time, or 0), then hash.
// One store belongs to one task. get() and scan() are called by the task's thread; apply(),
// snapshot() by one I/O thread at a time, in order; the two sides may overlap.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "weir/runtime/ids.h"

namespace weir::runtime {

// A sequence of row changes in one contiguous buffer. A later change to the same key wins.
class RowBuffer {
 public:
  enum class Op : std::uint8_t { kPut = 1, kRemove = 2, kRemovePrefix = 3 };

  void put(std::string_view key, std::string_view value) { append(Op::kPut, key, value); }
  void remove(std::string_view key) { append(Op::kRemove, key, {}); }
  // Removes every row whose key starts with `prefix`, as of this place in the sequence.
  void remove_prefix(std::string_view prefix) { append(Op::kRemovePrefix, prefix, {}); }

  std::size_t rows() const { return offsets_.size(); }
  std::size_t bytes() const { return data_.size() + offsets_.size() * sizeof(std::uint64_t); }
  bool empty() const { return offsets_.empty(); }
  void clear();

  struct Row {
    Op op;
    std::string_view key;
    std::string_view value;
  };
  // Row `i` in order of writing; views live as long as the buffer is unchanged.
  Row row(std::size_t i) const;
  // Appends all of `other`.
  void append(const RowBuffer& other);

 private:
  void append(Op op, std::string_view key, std::string_view value);

  std::string data_;
  std::vector<std::uint64_t> offsets_;
};

// A range of key groups, both ends included.
struct KeyGroupRange {
  KeyGroup first;
  KeyGroup last;
  bool contains(KeyGroup g) const { return first <= g && g <= last; }
};

// One file of a snapshot, under its name in the checkpoint store.
struct SnapshotFile {
  std::string name;         // never reused: holds epoch and content hash
  std::uint64_t bytes = 0;  // length
  std::string hash;         // XXH3-128 of the content, 32 hex digits
  friend bool operator==(const SnapshotFile&, const SnapshotFile&) = default;
};

// The rows of one task at one barrier: files to be read in this order.
struct RowSnapshot {
  std::string format;  // "memory/1" or "rocksdb/1"
  KeyGroupRange groups;
  std::vector<SnapshotFile> files;
  std::string meta;  // the backend's own, opaque to everybody else

  // Only when it is restored: what becomes of its tables. Rows of table t are those of tables[t]
  // now, or left out if that is 0 or there is no such place. Empty: all stay as they are.
  std::vector<std::uint16_t> tables;

  // What table `t` is called now; 0: its rows are left out.
  std::uint16_t table_now(std::uint16_t t) const {
    if (tables.empty()) return t;
    return t < tables.size() ? tables[t] : std::uint16_t{0};
  }
};

class RowStore {
 public:
  using Visit = std::function<void(std::string_view key, std::string_view value)>;

  virtual ~RowStore() = default;

  // Whether rows can be read back while running. If not (memory backend), the tables keep every
  // row, get() finds nothing and tables never evict.
  virtual bool can_read() const = 0;
  // Whether snapshots keep rows at all. If not, nobody need encode any.
  virtual bool keeps_rows() const { return true; }
  // Told by the task's thread before the first rows leave memory: from now on get() will be called.
  virtual void expect_lookups() {}
  // Values of `keys` as of all applied rows, in the same order; nullopt where there is no row.
  virtual absl::Status get(std::span<const std::string> keys,
                           std::vector<std::optional<std::string>>* values) = 0;
  // All rows whose key starts with `prefix`, in key order.
  virtual absl::Status scan(std::string_view prefix, const Visit& visit) = 0;

  // Takes over `rows` (in order). After an error the rows are kept and belong to the next call, so
  // that nothing is forgotten when a checkpoint is aborted.
  virtual absl::Status apply(RowBuffer rows) = 0;
  // A durable snapshot of everything applied so far: its files are in the checkpoint store, synced.
  // Files that an earlier snapshot has already stored are named again, not written again.
  virtual absl::StatusOr<RowSnapshot> snapshot(CheckpointId id) = 0;

  // Loads the rows of `groups` from one or more old snapshots, once, before any other call. Every
  // hash is verified first. `visit` gets each row if it is given (a memory store needs it; for
  // others it warms the tables).
  virtual absl::Status restore(std::span<const RowSnapshot> snapshots, KeyGroupRange groups,
                               const Visit& visit) = 0;
};

}  // namespace weir::runtime
