#include "rocksdb_resources.h"

#include <rocksdb/cache.h>
#include <rocksdb/filter_policy.h>
#include <rocksdb/table.h>
#include <rocksdb/write_buffer_manager.h>

#include "absl/strings/str_cat.h"

namespace weir::state {

RocksDbResources::RocksDbResources(const RocksDbOptions& options) : options_(options) {
  rocksdb::BlockBasedTableOptions table;
  table.block_cache = rocksdb::NewLRUCache(options.block_cache_bytes);
  table.filter_policy.reset(rocksdb::NewBloomFilterPolicy(10));
  table.format_version = 5;
  // Indexes and filters stay with their tables: a filter of a million rows is larger than a shard
  // of the cache, which would read it anew for every batch of lookups.
  table.cache_index_and_filter_blocks = false;
  table.data_block_index_type = rocksdb::BlockBasedTableOptions::kDataBlockBinaryAndHash;

  rocksdb::Options& db = database_;
  db.table_factory.reset(rocksdb::NewBlockBasedTableFactory(table));
  db.write_buffer_manager =
      std::make_shared<rocksdb::WriteBufferManager>(options.write_buffer_bytes, table.block_cache);
  db.create_if_missing = true;
  // Tables are not compressed, so that lookups can read them where the system caches them.
  db.allow_mmap_reads = true;
  db.write_buffer_size = 4u << 20;
  db.compression = rocksdb::kNoCompression;
  db.level_compaction_dynamic_level_bytes = true;
  db.level0_file_num_compaction_trigger = 8;  // one file a second: a compaction every 8 s
  db.target_file_size_base = 64u << 20;
  db.max_bytes_for_level_base = 256u << 20;
  db.max_background_jobs = 2;
  db.max_manifest_file_size = 1u << 20;  // it is stored with every checkpoint
  db.avoid_flush_during_shutdown = true;
  db.skip_stats_update_on_db_open = true;
  db.stats_dump_period_sec = 0;
  db.stats_persist_period_sec = 0;
  db.info_log_level = rocksdb::ERROR_LEVEL;
  db.keep_log_file_num = 1;
}

std::shared_ptr<RocksDbResources> make_rocksdb_resources(const RocksDbOptions& options) {
  return std::make_shared<RocksDbResources>(options);
}

absl::Status rocksdb_status(const rocksdb::Status& status, const std::string& what,
                            const std::string& dir) {
  if (status.ok()) return absl::OkStatus();
  absl::StatusCode code = absl::StatusCode::kUnavailable;
  const char* advice = "check the disk and the rights of the state folder";
  if (status.IsNoSpace() || status.subcode() == rocksdb::Status::SubCode::kSpaceLimit) {
    code = absl::StatusCode::kResourceExhausted;
    advice = "free space on this file system";
  } else if (status.IsCorruption()) {
    code = absl::StatusCode::kDataLoss;
    advice = "check the disk; the job goes on from its last checkpoint when it is started again";
  }
  return absl::Status(
      code, absl::StrCat(what, " ", dir, ": RocksDB says: ", status.ToString(), "; ", advice));
}

}  // namespace weir::state
