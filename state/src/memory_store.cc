// The files are row files (row_file.h). A snapshot names base files first, then deltas, oldest
// first; the extension says which is which.
#include "weir/state/memory_store.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "restore_check.h"
#include "row_file.h"
#include "row_merge.h"
#include "sorted_rows.h"
#include "weir/runtime/check.h"

namespace weir::state {
namespace {

using runtime::CheckpointId;
using runtime::KeyGroupRange;
using runtime::RowBuffer;
using runtime::RowSnapshot;
using runtime::SnapshotFile;

constexpr std::string_view kFormat = "memory/1";
constexpr std::size_t kFileBytes = 64u << 20;  // files are cut at this length
constexpr std::size_t kLeastMerge = 1u << 20;  // below, deltas are not worth merging into a base
constexpr std::size_t kMostDeltas = 32;        // above, deltas are merged into one
constexpr std::size_t kPendingSlack = 16u << 20;

// Writes one long sorted sequence as files of bearable length. Takes everything back on failure.
class FileSequence {
 public:
  FileSequence(CheckpointFiles& store, FileOwner owner, RowFileKind kind)
      : store_(store),
        owner_(std::move(owner)),
        extension_(kind == RowFileKind::kBase ? "base" : "delta"),
        writer_(kind) {}
  ~FileSequence() {
    for (const SnapshotFile& file : files_) store_.discard(file);
  }

  absl::Status add(RowBuffer::Op op, std::string_view key, std::string_view value) {
    writer_.add(op, key, value);
    return writer_.bytes() < kFileBytes ? absl::OkStatus() : cut();
  }
  absl::StatusOr<std::vector<SnapshotFile>> finish() {
    if (!writer_.empty()) {
      if (absl::Status status = cut(); !status.ok()) return status;
    }
    if (absl::Status status = store_.sync_files(); !status.ok()) return status;
    return std::exchange(files_, {});
  }

 private:
  absl::Status cut() {
    absl::StatusOr<SnapshotFile> file = store_.put_bytes(owner_, extension_, writer_.finish());
    if (!file.ok()) return file.status();
    files_.push_back(*std::move(file));
    return absl::OkStatus();
  }

  CheckpointFiles& store_;
  const FileOwner owner_;
  const char* extension_;
  RowFileWriter writer_;
  std::vector<SnapshotFile> files_;
};

std::uint64_t bytes_of(const std::vector<SnapshotFile>& files) {
  std::uint64_t sum = 0;
  for (const SnapshotFile& file : files) sum += file.bytes;
  return sum;
}

class MemoryStore final : public runtime::RowStore {
 public:
  MemoryStore(CheckpointFiles& store, RowOwner owner) : store_(store), owner_(std::move(owner)) {}

  bool can_read() const override { return false; }

  absl::Status get(std::span<const std::string> keys,
                   std::vector<std::optional<std::string>>* values) override {
    values->assign(keys.size(), std::nullopt);
    return absl::OkStatus();
  }

  absl::Status scan(std::string_view, const Visit&) override { return absl::OkStatus(); }

  absl::Status apply(RowBuffer rows) override {
    if (pending_.empty()) {
      pending_ = std::move(rows);
      compact_bytes_ = pending_.bytes();
    } else {
      pending_.append(rows);
    }
    // Checkpoints that fail for long must not keep every version of every row.
    if (pending_.bytes() > 2 * compact_bytes_ + kPendingSlack) compact_pending();
    return absl::OkStatus();
  }

  absl::StatusOr<RowSnapshot> snapshot(CheckpointId id) override {
    if (!pending_.empty()) {
      const FileOwner owner{id, owner_.task_uid, owner_.task_index};
      const std::uint64_t changed = bytes_of(deltas_) + pending_.bytes();
      bool merged = false;
      if (changed > std::max<std::uint64_t>(bytes_of(bases_), kLeastMerge)) {
        const absl::Status status = write_base(owner);
        // A disk with no room for a base may still have room for a delta.
        if (!status.ok() && !absl::IsResourceExhausted(status)) return status;
        merged = status.ok();
      }
      if (!merged) {
        if (absl::Status status = write_delta(owner); !status.ok()) return status;
      }
      pending_.clear();
      compact_bytes_ = 0;
    }
    RowSnapshot snapshot;
    snapshot.format = std::string(kFormat);
    snapshot.groups = owner_.groups;
    snapshot.files = bases_;
    snapshot.files.insert(snapshot.files.end(), deltas_.begin(), deltas_.end());
    return snapshot;
  }

  absl::Status restore(std::span<const RowSnapshot> snapshots, KeyGroupRange groups,
                       const Visit& visit) override {
    WEIR_CHECK(pending_.empty() && bases_.empty() && deltas_.empty(), "restore comes first");
    if (absl::Status s = check_restore(store_, snapshots, groups, kFormat); !s.ok()) return s;
    owner_.groups = groups;
    const bool is_same = snapshots.size() == 1 && snapshots[0].groups.first == groups.first &&
                         snapshots[0].groups.last == groups.last && !changes_tables(snapshots[0]);
    for (const RowSnapshot& snapshot : snapshots) {
      absl::Status status = restore_one(snapshot, !is_same, visit);
      if (!status.ok()) return status;
    }
    return absl::OkStatus();
  }

 private:
  absl::Status write_base(const FileOwner& owner) {
    RowBuffer changes;
    if (absl::Status status = read_deltas(store_, deltas_, &changes); !status.ok()) return status;
    if (!changes.empty()) changes.append(pending_);
    FileSequence files(store_, owner, RowFileKind::kBase);
    const RowVisit add = [&](std::string_view key, std::string_view value) {
      return files.add(RowBuffer::Op::kPut, key, value);
    };
    const absl::Status merged =
        merge_rows(store_, bases_, changes.empty() ? pending_ : changes, add);
    if (!merged.ok()) return merged;
    absl::StatusOr<std::vector<SnapshotFile>> written = files.finish();
    if (!written.ok()) return written.status();
    bases_ = *std::move(written);
    deltas_.clear();
    return absl::OkStatus();
  }

  absl::Status write_delta(const FileOwner& owner) {
    const bool join = deltas_.size() >= kMostDeltas;
    RowBuffer joined;
    if (join) {
      if (absl::Status status = read_deltas(store_, deltas_, &joined); !status.ok()) return status;
      joined.append(pending_);
    }
    const SortedRows sorted = sort_rows(join ? joined : pending_);
    FileSequence files(store_, owner, RowFileKind::kDelta);
    for (const std::string_view prefix : sorted.removed_prefixes) {
      const absl::Status status = files.add(RowBuffer::Op::kRemovePrefix, prefix, {});
      if (!status.ok()) return status;
    }
    for (const RowBuffer::Row& row : sorted.rows) {
      if (absl::Status s = files.add(row.op, row.key, row.value); !s.ok()) return s;
    }
    absl::StatusOr<std::vector<SnapshotFile>> written = files.finish();
    if (!written.ok()) return written.status();
    if (join) deltas_.clear();
    deltas_.insert(deltas_.end(), written->begin(), written->end());
    return absl::OkStatus();
  }

  void compact_pending() {
    const SortedRows sorted = sort_rows(pending_);
    RowBuffer compact;
    for (const std::string_view prefix : sorted.removed_prefixes) compact.remove_prefix(prefix);
    for (const RowBuffer::Row& row : sorted.rows) {
      if (row.op == RowBuffer::Op::kPut) {
        compact.put(row.key, row.value);
      } else {
        compact.remove(row.key);
      }
    }
    pending_ = std::move(compact);
    compact_bytes_ = pending_.bytes();
  }

  // Either goes on from the files of the snapshot, or (`rewrite`: its groups or tables are not
  // those of this task) keeps the rows for a base of its own.
  absl::Status restore_one(const RowSnapshot& snapshot, bool rewrite, const Visit& visit) {
    std::vector<SnapshotFile> bases;
    std::vector<SnapshotFile> deltas;
    for (const SnapshotFile& file : snapshot.files) {
      (file.name.ends_with(".base") ? bases : deltas).push_back(file);
    }
    RowBuffer changes;
    if (absl::Status status = read_deltas(store_, deltas, &changes); !status.ok()) return status;
    const RowVisit take = [&](std::string_view key, std::string_view value) {
      const absl::Status status = check_row_group(key, snapshot.groups);
      if (!status.ok() || !owner_.groups.contains(group_of_row(key))) return status;
      if (!rewrite) {
        if (visit) visit(key, value);
        return absl::OkStatus();
      }
      const std::optional<std::string> row = renamed_row(snapshot, key);
      if (!row.has_value()) return absl::OkStatus();
      pending_.put(*row, value);
      if (visit) visit(*row, value);
      return absl::OkStatus();
    };
    if (absl::Status s = merge_rows(store_, bases, changes, take); !s.ok()) return s;
    if (!rewrite) {
      bases_ = std::move(bases);
      deltas_ = std::move(deltas);
    }
    return absl::OkStatus();
  }

  CheckpointFiles& store_;
  RowOwner owner_;
  std::vector<SnapshotFile> bases_;
  std::vector<SnapshotFile> deltas_;
  RowBuffer pending_;              // applied since the last snapshot
  std::size_t compact_bytes_ = 0;  // of pending_, when it had (about) one row per key
};

}  // namespace

std::unique_ptr<runtime::RowStore> make_memory_store(CheckpointFiles& store, RowOwner owner) {
  return std::make_unique<MemoryStore>(store, std::move(owner));
}

}  // namespace weir::state
