// How Weir's databases are set up, and what RocksDB's errors mean to people.
#pragma once

#include <rocksdb/db.h>
#include <rocksdb/options.h>

#include <memory>
#include <string>

#include "absl/status/status.h"
#include "weir/state/rocksdb_store.h"

namespace weir::state {

class RocksDbResources {
 public:
  explicit RocksDbResources(const RocksDbOptions& options);
  const rocksdb::Options& database() const { return database_; }
  const RocksDbOptions& options() const { return options_; }

 private:
  const RocksDbOptions options_;
  rocksdb::Options database_;
};

// `what` as in "cannot ingest rows into"; `dir` is the database.
absl::Status rocksdb_status(const rocksdb::Status& status, const std::string& what,
                            const std::string& dir);

}  // namespace weir::state
