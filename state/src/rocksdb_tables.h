// Writing sorted rows as RocksDB tables (SST files) and giving them to a database.
#pragma once

#include <rocksdb/db.h>
#include <rocksdb/sst_file_writer.h>

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "rocksdb_resources.h"
#include "sorted_rows.h"
#include "weir/runtime/storage.h"

namespace weir::state {

inline rocksdb::Slice to_slice(std::string_view s) { return {s.data(), s.size()}; }
inline std::string_view to_view(const rocksdb::Slice& s) { return {s.data(), s.size()}; }

// One ascending sequence of rows as one or more tables of bearable size. Removes what the database
// has not taken.
class TableWriter {
 public:
  // Tables get names that start with `path`.
  TableWriter(runtime::Storage& storage, const RocksDbResources& resources, std::string path);
  ~TableWriter();
  TableWriter(const TableWriter&) = delete;
  TableWriter& operator=(const TableWriter&) = delete;

  absl::Status put(std::string_view key, std::string_view value);
  // All changes as one table, so that the database takes all of them or none.
  absl::Status put_changes(const SortedRows& changes);
  // Hands everything written to `db` in one step. Nothing may be written afterwards.
  absl::Status ingest_into(rocksdb::DB& db);

 private:
  absl::Status begin();
  absl::Status cut();

  runtime::Storage& storage_;
  const RocksDbResources& resources_;
  const std::string path_;
  std::unique_ptr<rocksdb::SstFileWriter> table_;  // null between tables
  std::uint64_t bytes_ = 0;                        // of the table being written
  std::vector<std::string> paths_;
};

}  // namespace weir::state
