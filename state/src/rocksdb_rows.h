// RocksDbRows: the RocksDB backend behind rocksdb_store.h.
//
//   apply -> staged (memory, readable) -> sorted table -> ingested -> snapshot: linked into the
//   store
//
// Rows live either in the staged set or in ingested tables, which are on disk. The database itself
// never holds anything in a memtable, so an error of RocksDB loses nothing.
//
// Once lookups are expected, everything applied is noted in a RowLog as well, which answers most of
// them; what it lacks is looked up in the staged set and in the tables.
//
// A set of changes that is large against the whole state is not piled on top of it: it is merged
// with what is there into a new database of one sorted run, for about the price of the pile, and
// reading, restoring and the size of a checkpoint do not grow. Small sets are left to RocksDB's
// compaction.
#pragma once

#include <rocksdb/db.h>

#include <atomic>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "rocksdb_resources.h"
#include "rocksdb_tables.h"
#include "row_log.h"
#include "sorted_rows.h"
#include "weir/runtime/mutex.h"
#include "weir/state/rocksdb_store.h"

namespace weir::state {

class RocksDbRows final : public runtime::RowStore {
 public:
  RocksDbRows(CheckpointFiles& store, RowOwner owner, std::shared_ptr<RocksDbResources> resources);
  ~RocksDbRows() override;

  // Makes the working folder and an empty database.
  absl::Status open_empty();

  bool can_read() const override { return true; }
  void expect_lookups() override { expects_lookups_.store(true, std::memory_order_relaxed); }
  absl::Status get(std::span<const std::string> keys,
                   std::vector<std::optional<std::string>>* values) override;
  absl::Status scan(std::string_view prefix, const Visit& visit) override;
  absl::Status apply(runtime::RowBuffer rows) override;
  absl::StatusOr<runtime::RowSnapshot> snapshot(runtime::CheckpointId id) override;
  absl::Status restore(std::span<const runtime::RowSnapshot> snapshots,
                       runtime::KeyGroupRange groups, const Visit& visit) override;

 private:
  struct Database {
    std::string dir;
    std::unique_ptr<rocksdb::DB> db;
  };
  // Rows that are applied but not in the database yet. Never changes once it is published.
  struct Staged {
    runtime::RowBuffer rows;
    SortedRows sorted;
    std::size_t size() const { return sorted.rows.size() + sorted.removed_prefixes.size(); }
  };
  // What reading sees: staged rows on top of a database.
  struct View {
    std::shared_ptr<Database> database;
    std::shared_ptr<const Staged> staged;  // null: nothing
  };

  View view() const;
  void publish(View view);
  static std::shared_ptr<const Staged> stage(runtime::RowBuffer rows);
  static absl::Status scan(const View& view, std::string_view prefix, const Visit& visit);

  absl::Status drain();  // staged rows into the database
  absl::Status ingest(const View& from);
  absl::Status rewrite(const View& from);
  bool is_worth_rewriting(const View& from) const;
  void remove_retired();

  absl::StatusOr<runtime::RowSnapshot> store_live_files(const Database& database,
                                                        runtime::CheckpointId id);
  absl::StatusOr<runtime::SnapshotFile> store_table(const FileOwner& owner, const std::string& dir,
                                                    const std::string& name);
  absl::StatusOr<runtime::SnapshotFile> store_manifest(const FileOwner& owner,
                                                       const std::string& path,
                                                       std::uint64_t bytes);

  std::string new_path(const char* what);  // in the working folder
  absl::StatusOr<std::shared_ptr<Database>> open_database(std::string dir);
  absl::Status restore_whole(const runtime::RowSnapshot& snapshot, const Visit& visit);
  absl::Status restore_part(const runtime::RowSnapshot& snapshot, const Visit& visit);
  absl::Status import_group(rocksdb::Iterator& it, const runtime::RowSnapshot& snapshot,
                            runtime::KeyGroup group, TableWriter& tables, const Visit& visit);
  absl::Status import_rows(rocksdb::DB& source, const runtime::RowSnapshot& snapshot,
                           const Visit& visit);
  // Lays the files of a snapshot out as a database in `dir`; its tables by their names there.
  absl::Status lay_out(const runtime::RowSnapshot& snapshot, const std::string& dir,
                       std::map<std::string, runtime::SnapshotFile>* tables);

  CheckpointFiles& store_;
  RowOwner owner_;
  const std::shared_ptr<RocksDbResources> resources_;
  const std::string dir_;  // working folder

  // Hears of what is applied once lookups are expected.
  RowLog log_;
  std::atomic<bool> expects_lookups_{false};

  // I/O thread only.
  std::map<std::string, runtime::SnapshotFile> stored_;  // tables in the store, by database name
  runtime::SnapshotFile stored_manifest_;                // the last one
  std::vector<std::shared_ptr<Database>> retired_;       // perhaps still being read
  std::uint64_t next_path_ = 1;
  bool failed_ = false;  // the last write failed; the database may have to be woken

  mutable runtime::Mutex mutex_;
  View view_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace weir::state
