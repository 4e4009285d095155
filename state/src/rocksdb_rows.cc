// Opening and reading. Writing and snapshots are in rocksdb_snapshot.cc, restoring in
// rocksdb_restore.cc.
#include "rocksdb_rows.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"

namespace weir::state {

using runtime::MutexLock;
using runtime::RowBuffer;

RocksDbRows::RocksDbRows(CheckpointFiles& store, RowOwner owner,
                         std::shared_ptr<RocksDbResources> resources)
    : store_(store),
      owner_(std::move(owner)),
      resources_(std::move(resources)),
      dir_(store.local_dir(owner_.task_uid, owner_.task_index)),
      log_(dir_) {}

RocksDbRows::~RocksDbRows() = default;

absl::StatusOr<std::unique_ptr<runtime::RowStore>> open_rocksdb_store(
    CheckpointFiles& store, RowOwner owner, std::shared_ptr<RocksDbResources> resources) {
  auto rows = std::make_unique<RocksDbRows>(store, std::move(owner), std::move(resources));
  if (absl::Status status = rows->open_empty(); !status.ok()) return status;
  return std::unique_ptr<runtime::RowStore>(std::move(rows));
}

absl::Status RocksDbRows::open_empty() {
  if (absl::Status status = store_.storage().remove_all(dir_); !status.ok()) return status;
  absl::StatusOr<std::shared_ptr<Database>> database = open_database(new_path("db"));
  if (!database.ok()) return database.status();
  publish({*std::move(database), nullptr});
  return absl::OkStatus();
}

std::string RocksDbRows::new_path(const char* what) {
  return absl::StrCat(dir_, "/", what, "-", next_path_++);
}

absl::StatusOr<std::shared_ptr<RocksDbRows::Database>> RocksDbRows::open_database(std::string dir) {
  if (absl::Status status = store_.storage().make_dirs(dir); !status.ok()) return status;
  rocksdb::DB* db = nullptr;
  const rocksdb::Status opened = rocksdb::DB::Open(resources_->database(), dir, &db);
  if (!opened.ok()) return rocksdb_status(opened, "cannot open the working state in", dir);
  auto database = std::make_shared<Database>();
  database->dir = std::move(dir);
  database->db.reset(db);
  return database;
}

RocksDbRows::View RocksDbRows::view() const {
  const MutexLock lock(mutex_);
  return view_;
}

void RocksDbRows::publish(View view) {
  const MutexLock lock(mutex_);
  std::swap(view_, view);
}

absl::Status RocksDbRows::get(std::span<const std::string> keys,
                              std::vector<std::optional<std::string>>* values) {
  values->assign(keys.size(), std::nullopt);
  std::vector<std::uint32_t> rest;
  log_.find(keys, values, &rest);
  if (rest.empty()) return absl::OkStatus();
  const View seen = view();
  std::vector<rocksdb::Slice> wanted;
  std::vector<std::uint32_t> places;
  for (const std::uint32_t i : rest) {
    if (seen.staged != nullptr) {
      if (const RowBuffer::Row* row = seen.staged->sorted.find(keys[i])) {
        if (row->op == RowBuffer::Op::kPut) (*values)[i].emplace(row->value);
        continue;
      }
      if (seen.staged->sorted.removes(keys[i])) continue;
    }
    wanted.push_back(to_slice(keys[i]));
    places.push_back(i);
  }
  if (wanted.empty()) return absl::OkStatus();
  std::vector<rocksdb::PinnableSlice> found(wanted.size());
  std::vector<rocksdb::Status> statuses(wanted.size());
  rocksdb::DB& db = *seen.database->db;
  db.MultiGet(rocksdb::ReadOptions(), db.DefaultColumnFamily(), wanted.size(), wanted.data(),
              found.data(), statuses.data());
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    if (statuses[i].ok()) {
      (*values)[places[i]].emplace(to_view(found[i]));
    } else if (!statuses[i].IsNotFound()) {
      return rocksdb_status(statuses[i], "cannot read state from", seen.database->dir);
    }
  }
  return absl::OkStatus();
}

absl::Status RocksDbRows::scan(std::string_view prefix, const Visit& visit) {
  return scan(view(), prefix, visit);
}

absl::Status RocksDbRows::scan(const View& seen, std::string_view prefix, const Visit& visit) {
  static const SortedRows kNone;
  const SortedRows& changes = seen.staged == nullptr ? kNone : seen.staged->sorted;
  auto change = std::lower_bound(
      changes.rows.begin(), changes.rows.end(), prefix,
      [](const RowBuffer::Row& row, std::string_view key) { return row.key < key; });
  const auto is_due = [&] {
    return change != changes.rows.end() && change->key.starts_with(prefix);
  };
  const auto visit_change = [&] {
    if (change->op == RowBuffer::Op::kPut) visit(change->key, change->value);
    ++change;
  };

  const std::string end = end_of_prefix(prefix);
  const rocksdb::Slice bound(end);
  rocksdb::ReadOptions options;
  options.fill_cache = !prefix.empty();  // reading everything is no sign that it is wanted again
  if (!end.empty()) options.iterate_upper_bound = &bound;
  const std::unique_ptr<rocksdb::Iterator> it(seen.database->db->NewIterator(options));
  for (it->Seek(to_slice(prefix)); it->Valid(); it->Next()) {
    const std::string_view key = to_view(it->key());
    while (is_due() && change->key < key) visit_change();
    if (is_due() && change->key == key) {
      visit_change();
    } else if (!changes.removes(key)) {
      visit(key, to_view(it->value()));
    }
  }
  while (is_due()) visit_change();
  return rocksdb_status(it->status(), "cannot scan state in", seen.database->dir);
}

}  // namespace weir::state
