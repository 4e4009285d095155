// The RocksDB backend: one database per task in a working folder, filled only by sorted files that
// are ingested, never through a write-ahead log or a memtable. Small sets of rows wait in memory,
// readable, until they are worth a file or a snapshot is due. A snapshot hard-links the files that
// live into the checkpoint store; what an earlier snapshot has stored is only named again.
//
// Nothing is lost when the disk is full: what could not be written stays in memory, readable, and
// belongs to the next call. Page: docs/internals/state-format.md.
#pragma once

#include <cstddef>
#include <memory>

#include "absl/status/statusor.h"
#include "weir/runtime/row_store.h"
#include "weir/state/checkpoint_files.h"
#include "weir/state/row_owner.h"

namespace weir::state {

struct RocksDbOptions {
  std::size_t block_cache_bytes = 8u << 20;    // blocks of all databases
  std::size_t write_buffer_bytes = 64u << 20;  // memtables of all databases
  // Applied rows wait in memory until there are this many, or a snapshot is due.
  std::size_t ingest_rows = 4096;
  // A set of at least this many rows that is half of the state or more is merged with it at once.
  std::size_t rewrite_rows = 50'000;
};

// What all databases of a process share: block cache and write-buffer budget.
class RocksDbResources;
std::shared_ptr<RocksDbResources> make_rocksdb_resources(const RocksDbOptions& options);

// Opens an empty database in the task's working folder; restore() fills it. `store` must be on the
// local file system and outlive the result.
absl::StatusOr<std::unique_ptr<runtime::RowStore>> open_rocksdb_store(
    CheckpointFiles& store, RowOwner owner, std::shared_ptr<RocksDbResources> resources);

}  // namespace weir::state
