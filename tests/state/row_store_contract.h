// What every RowStore has to do, whatever it is made of. A store is looked at through what it
// restores: the reference is a std::map.
#pragma once

#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "support/temp_dir.h"
#include "weir/runtime/storage.h"
#include "weir/state/checkpoint_store.h"
#include "weir/state/memory_store.h"
#include "weir/state/rocksdb_store.h"

namespace weir::state {

using Rows = std::map<std::string, std::string>;

inline constexpr runtime::KeyGroupRange kAllGroups{runtime::KeyGroup(0), runtime::KeyGroup(127)};

// group u16 | table u16 | namespace u64 | hash u64 | key
inline std::string row_key(std::uint16_t group, std::uint16_t table, std::uint64_t ns,
                           const std::string& key) {
  std::string row;
  const auto put = [&row](std::uint64_t value, int bytes) {
    for (int i = bytes - 1; i >= 0; --i) row.push_back(static_cast<char>(value >> (8 * i)));
  };
  put(group, 2);
  put(table, 2);
  put(ns, 8);
  put(std::hash<std::string>{}(key), 8);
  return row + key;
}

inline std::string group_and_table(std::uint16_t group, std::uint16_t table) {
  return row_key(group, table, 0, "").substr(0, 4);
}

struct MemoryBackend {
  static std::unique_ptr<runtime::RowStore> open(CheckpointStore& store, RowOwner owner) {
    return make_memory_store(store, std::move(owner));
  }
};

template <std::size_t kIngestRows, std::size_t kRewriteRows, bool kExpectsLookups = false>
struct RocksDbBackend {
  static std::unique_ptr<runtime::RowStore> open(CheckpointStore& store, RowOwner owner) {
    RocksDbOptions options;
    options.block_cache_bytes = 4u << 20;
    options.ingest_rows = kIngestRows;
    options.rewrite_rows = kRewriteRows;
    auto rows = open_rocksdb_store(store, std::move(owner), make_rocksdb_resources(options));
    EXPECT_TRUE(rows.ok()) << rows.status();
    if (kExpectsLookups) (*rows)->expect_lookups();
    return *std::move(rows);
  }
};

template <class Backend>
class RowStoreContract : public testing::Test {
 protected:
  RowStoreContract() { open_folder(); }

  // As a new attempt of the same job.
  void open_folder() {
    folder_.reset();
    auto opened = CheckpointStore::open(runtime::local_storage(), dir_ / "state", {"job", "t1"});
    ASSERT_TRUE(opened.ok()) << opened.status();
    folder_ = *std::move(opened);
  }

  std::unique_ptr<runtime::RowStore> open(std::uint32_t index = 0,
                                          runtime::KeyGroupRange groups = kAllGroups) {
    return Backend::open(*folder_, {"task", index, groups});
  }

  runtime::CheckpointId next_id() { return folder_->next_id().value(); }

  // Applies `buffer` to the store and what it means to `rows`.
  static void apply(runtime::RowStore& store, const runtime::RowBuffer& buffer, Rows* rows) {
    for (std::size_t i = 0; i < buffer.rows(); ++i) {
      const runtime::RowBuffer::Row row = buffer.row(i);
      switch (row.op) {
        case runtime::RowBuffer::Op::kPut: (*rows)[std::string(row.key)] = row.value; break;
        case runtime::RowBuffer::Op::kRemove: rows->erase(std::string(row.key)); break;
        case runtime::RowBuffer::Op::kRemovePrefix:
          std::erase_if(*rows, [&](const auto& entry) { return entry.first.starts_with(row.key); });
          break;
      }
    }
    const absl::Status status = store.apply(buffer);
    EXPECT_TRUE(status.ok()) << status;
  }

  // What a new task gets from `snapshots`.
  Rows restored(const std::vector<runtime::RowSnapshot>& snapshots,
                runtime::KeyGroupRange groups = kAllGroups, std::uint32_t index = 9) {
    std::unique_ptr<runtime::RowStore> store = open(index, groups);
    return restore_into(*store, snapshots, groups);
  }
  static Rows restore_into(runtime::RowStore& store,
                           const std::vector<runtime::RowSnapshot>& snapshots,
                           runtime::KeyGroupRange groups = kAllGroups) {
    Rows rows;
    const absl::Status status =
        store.restore(snapshots, groups, [&](std::string_view key, std::string_view value) {
          EXPECT_TRUE(rows.emplace(key, value).second) << "a row was restored twice";
        });
    EXPECT_TRUE(status.ok()) << status;
    return rows;
  }

  // The store's own view, if it has one.
  static void expect_readable(runtime::RowStore& store, const Rows& rows,
                              const std::string& prefix) {
    if (!store.can_read()) return;
    Rows scanned;
    std::string last;
    const absl::Status status =
        store.scan(prefix, [&](std::string_view key, std::string_view value) {
          EXPECT_LT(last, key) << "out of order";
          last = key;
          scanned.emplace(key, value);
        });
    EXPECT_TRUE(status.ok()) << status;
    Rows expected = rows;
    std::erase_if(expected, [&](const auto& entry) { return !entry.first.starts_with(prefix); });
    EXPECT_EQ(scanned, expected);
  }

  static void expect_found(runtime::RowStore& store, const Rows& rows,
                           const std::vector<std::string>& keys) {
    if (!store.can_read()) return;
    std::vector<std::optional<std::string>> values;
    const absl::Status status = store.get(keys, &values);
    ASSERT_TRUE(status.ok()) << status;
    ASSERT_EQ(values.size(), keys.size());
    for (std::size_t i = 0; i < keys.size(); ++i) {
      const auto it = rows.find(keys[i]);
      EXPECT_EQ(values[i].has_value(), it != rows.end());
      if (values[i].has_value() && it != rows.end()) {
        EXPECT_EQ(*values[i], it->second);
      }
    }
  }

  tests::TempDir dir_;
  std::unique_ptr<CheckpointStore> folder_;
};

using Backends =
    testing::Types<MemoryBackend, RocksDbBackend<1, 100'000>, RocksDbBackend<64, 10, true>>;

}  // namespace weir::state
