#include "row_merge.h"

#include <string>
#include <vector>

#include "row_file.h"
#include "sorted_rows.h"

namespace weir::state {
namespace {

using runtime::RowBuffer;
using runtime::SnapshotFile;

// The changes still to be merged, in key order.
class Changes {
 public:
  explicit Changes(const RowBuffer& buffer) : sorted_(sort_rows(buffer)) {}

  // Visits the rows put before `key`.
  absl::Status visit_before(std::string_view key, const RowVisit& visit) {
    for (; next_ < sorted_.rows.size() && sorted_.rows[next_].key < key; ++next_) {
      if (absl::Status status = visit_put(visit); !status.ok()) return status;
    }
    return absl::OkStatus();
  }
  absl::Status visit_rest(const RowVisit& visit) {
    for (; next_ < sorted_.rows.size(); ++next_) {
      if (absl::Status status = visit_put(visit); !status.ok()) return status;
    }
    return absl::OkStatus();
  }
  // Whether the row of the base at `key` no longer counts.
  bool replace(std::string_view key) const {
    const bool changed = next_ < sorted_.rows.size() && sorted_.rows[next_].key == key;
    return changed || sorted_.removes(key);
  }

 private:
  absl::Status visit_put(const RowVisit& visit) const {
    const RowBuffer::Row& row = sorted_.rows[next_];
    return row.op == RowBuffer::Op::kPut ? visit(row.key, row.value) : absl::OkStatus();
  }

  const SortedRows sorted_;
  std::size_t next_ = 0;
};

absl::Status merge_file(CheckpointFiles& store, const SnapshotFile& file, Changes* changes,
                        const RowVisit& visit) {
  const absl::StatusOr<std::string> bytes = store.read(file);
  if (!bytes.ok()) return bytes.status();
  absl::StatusOr<RowFileReader> reader = RowFileReader::open(*bytes, file.name);
  if (!reader.ok()) return reader.status();
  RowBuffer::Row row{};
  for (;;) {
    const absl::StatusOr<bool> more = reader->next(&row);
    if (!more.ok()) return more.status();
    if (!*more) return absl::OkStatus();
    if (absl::Status status = changes->visit_before(row.key, visit); !status.ok()) return status;
    if (changes->replace(row.key)) continue;
    if (absl::Status status = visit(row.key, row.value); !status.ok()) return status;
  }
}

}  // namespace

absl::Status read_deltas(CheckpointFiles& store, std::span<const SnapshotFile> deltas,
                         RowBuffer* changes) {
  for (const SnapshotFile& file : deltas) {
    const absl::StatusOr<std::string> bytes = store.read(file);
    if (!bytes.ok()) return bytes.status();
    absl::StatusOr<RowFileReader> reader = RowFileReader::open(*bytes, file.name);
    if (!reader.ok()) return reader.status();
    RowBuffer::Row row{};
    for (;;) {
      const absl::StatusOr<bool> more = reader->next(&row);
      if (!more.ok()) return more.status();
      if (!*more) break;
      switch (row.op) {
        case RowBuffer::Op::kPut: changes->put(row.key, row.value); break;
        case RowBuffer::Op::kRemove: changes->remove(row.key); break;
        case RowBuffer::Op::kRemovePrefix: changes->remove_prefix(row.key); break;
      }
    }
  }
  return absl::OkStatus();
}

absl::Status merge_rows(CheckpointFiles& store, std::span<const SnapshotFile> bases,
                        const RowBuffer& buffer, const RowVisit& visit) {
  Changes changes(buffer);
  for (const SnapshotFile& file : bases) {
    if (absl::Status status = merge_file(store, file, &changes, visit); !status.ok()) return status;
  }
  return changes.visit_rest(visit);
}

}  // namespace weir::state
