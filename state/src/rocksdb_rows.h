// RocksDbRows: the RocksDB backend behind rocksdb_store.h.
//
//   apply -> staged (memory, readable) -> sorted file -> ingested -> snapshot: linked into the
//   store
//
// Rows live either in the staged set or in ingested files, which are on disk. The database itself
// never holds anything in a memtable, so an error of RocksDB loses nothing.
#pragma once

#include <rocksdb/db.h>

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "rocksdb_resources.h"
#include "sorted_rows.h"
#include "weir/runtime/mutex.h"
#include "weir/state/rocksdb_store.h"

namespace weir::state {

class RocksDbRows final : public runtime::RowStore {
 public:
  RocksDbRows(CheckpointStore& store, RowOwner owner, std::shared_ptr<RocksDbResources> resources);
  ~RocksDbRows() override;

  // Makes the working folder and an empty database.
  absl::Status open_empty();

  bool can_read() const override { return true; }
  absl::Status get(std::span<const std::string> keys,
                   std::vector<std::optional<std::string>>* values) override;
  absl::Status scan(std::string_view prefix, const Visit& visit) override;
  absl::Status apply(runtime::RowBuffer rows) override;
  absl::StatusOr<runtime::RowSnapshot> snapshot(runtime::CheckpointId id) override;
  absl::Status restore(std::span<const runtime::RowSnapshot> snapshots,
                       runtime::KeyGroupRange groups, const Visit& visit) override;

 private:
  // Rows that are applied but not in the database yet. Never changes once it is published.
  struct Staged {
    runtime::RowBuffer rows;
    SortedRows sorted;
  };

  std::shared_ptr<const Staged> staged() const;
  void publish(std::shared_ptr<const Staged> staged);
  static std::shared_ptr<const Staged> stage(runtime::RowBuffer rows);

  absl::Status drain();  // staged rows into the database
  absl::Status write_sorted_file(const SortedRows& rows, const std::string& path);
  absl::Status ingest(const std::string& path);

  absl::StatusOr<runtime::RowSnapshot> store_live_files(runtime::CheckpointId id);
  absl::StatusOr<runtime::SnapshotFile> store_table(const FileOwner& owner,
                                                    const std::string& name);
  absl::StatusOr<runtime::SnapshotFile> store_manifest(const FileOwner& owner,
                                                       const std::string& name,
                                                       std::uint64_t bytes);

  absl::Status open_database();
  absl::Status restore_whole(const runtime::RowSnapshot& snapshot, const Visit& visit);
  absl::Status restore_part(const runtime::RowSnapshot& snapshot, const Visit& visit);
  absl::Status import_rows(rocksdb::DB& source, const runtime::RowSnapshot& snapshot,
                           const Visit& visit);
  // Lays the files of a snapshot out as a database in `dir`; its tables by their names there.
  absl::Status lay_out(const runtime::RowSnapshot& snapshot, const std::string& dir,
                       std::map<std::string, runtime::SnapshotFile>* tables);

  CheckpointStore& store_;
  RowOwner owner_;
  const std::shared_ptr<RocksDbResources> resources_;
  const std::string dir_;  // working folder; the database is in db_dir_
  const std::string db_dir_;
  std::unique_ptr<rocksdb::DB> db_;  // set by open and restore, before the threads part

  // I/O thread only.
  std::map<std::string, runtime::SnapshotFile> stored_;  // tables in the store, by database name
  runtime::SnapshotFile stored_manifest_;                // the last one
  std::uint64_t next_file_ = 1;
  bool failed_ = false;  // the last write failed; the database may have to be woken

  mutable runtime::Mutex mutex_;
  std::shared_ptr<const Staged> staged_ ABSL_GUARDED_BY(mutex_);  // null: nothing
};

}  // namespace weir::state
