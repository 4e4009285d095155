#include "hand_rocksdb.h"

#include <rocksdb/cache.h>
#include <rocksdb/db.h>
#include <rocksdb/table.h>

#include <cstdio>
#include <cstdlib>
#include <memory>

#include "weir/runtime/clock.h"

namespace weir::bench {
namespace {

void expect_ok(const rocksdb::Status& status) {
  if (status.ok()) return;
  std::fprintf(stderr, "RocksDB: %s\n", status.ToString().c_str());
  std::exit(1);
}

void put(rocksdb::DB& db, std::uint64_t key, std::uint64_t sum) {
  const rocksdb::Slice row(reinterpret_cast<const char*>(&key), sizeof key);
  rocksdb::WriteOptions options;
  options.disableWAL = true;
  expect_ok(db.Put(options, row, {reinterpret_cast<const char*>(&sum), sizeof sum}));
}

void add(rocksdb::DB& db, std::uint64_t key, std::uint64_t value) {
  const rocksdb::Slice row(reinterpret_cast<const char*>(&key), sizeof key);
  std::string stored;
  std::uint64_t sum = 0;
  expect_ok(db.Get(rocksdb::ReadOptions(), row, &stored));
  std::memcpy(&sum, stored.data(), sizeof sum);
  put(db, key, sum + value);
}

}  // namespace

double rocksdb_seconds_on_full_table(const Load& load, bool is_zipf, std::size_t memory,
                                     const std::string& folder) {
  rocksdb::Options options;
  options.create_if_missing = true;
  options.write_buffer_size = memory / 2;
  rocksdb::BlockBasedTableOptions table;
  table.block_cache = rocksdb::NewLRUCache(memory / 2);
  options.table_factory.reset(rocksdb::NewBlockBasedTableFactory(table));
  rocksdb::DB* opened = nullptr;
  expect_ok(rocksdb::DB::Open(options, folder, &opened));
  const std::unique_ptr<rocksdb::DB> db(opened);
  for (std::uint64_t i = 0; i < load.keys; ++i) put(*db, key_of(i), scramble(i) & 0xffff);
  const auto start = runtime::system_clock().now();
  for (std::uint64_t i = load.keys; i < load.keys + load.records; ++i) {
    const std::uint64_t bits = scramble(i);
    add(*db, key_of(is_zipf ? zipf(bits, load.keys) : scaled(bits, load.keys)), bits & 0xffff);
  }
  return std::chrono::duration<double>(runtime::system_clock().now() - start).count();
}

}  // namespace weir::bench
