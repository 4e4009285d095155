// Reading, writing and ingesting. Snapshots are in rocksdb_snapshot.cc, restoring in
// rocksdb_restore.cc.
#include "rocksdb_rows.h"

#include <rocksdb/sst_file_writer.h>

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"

namespace weir::state {
namespace {

using runtime::MutexLock;
using runtime::RowBuffer;

rocksdb::Slice slice(std::string_view s) { return {s.data(), s.size()}; }
std::string_view view(const rocksdb::Slice& s) { return {s.data(), s.size()}; }

// Above every key, for prefixes that have no end: no key group has 0xff as both of its bytes.
const std::string kAboveAll(8, '\xff');

}  // namespace

RocksDbRows::RocksDbRows(CheckpointStore& store, RowOwner owner,
                         std::shared_ptr<RocksDbResources> resources)
    : store_(store),
      owner_(std::move(owner)),
      resources_(std::move(resources)),
      dir_(store.local_dir(owner_.task_uid, owner_.task_index)),
      db_dir_(dir_ + "/db") {}

RocksDbRows::~RocksDbRows() = default;

absl::StatusOr<std::unique_ptr<runtime::RowStore>> open_rocksdb_store(
    CheckpointStore& store, RowOwner owner, std::shared_ptr<RocksDbResources> resources) {
  auto rows = std::make_unique<RocksDbRows>(store, std::move(owner), std::move(resources));
  if (absl::Status status = rows->open_empty(); !status.ok()) return status;
  return std::unique_ptr<runtime::RowStore>(std::move(rows));
}

absl::Status RocksDbRows::open_empty() {
  if (absl::Status status = store_.storage().remove_all(dir_); !status.ok()) return status;
  if (absl::Status status = store_.storage().make_dirs(db_dir_); !status.ok()) return status;
  return open_database();
}

absl::Status RocksDbRows::open_database() {
  rocksdb::DB* db = nullptr;
  const rocksdb::Status opened = rocksdb::DB::Open(resources_->database(), db_dir_, &db);
  db_.reset(db);
  return rocksdb_status(opened, "cannot open the working state in", db_dir_);
}

std::shared_ptr<const RocksDbRows::Staged> RocksDbRows::staged() const {
  const MutexLock lock(mutex_);
  return staged_;
}

void RocksDbRows::publish(std::shared_ptr<const Staged> staged) {
  const MutexLock lock(mutex_);
  staged_.swap(staged);
}

std::shared_ptr<const RocksDbRows::Staged> RocksDbRows::stage(RowBuffer rows) {
  auto staged = std::make_shared<Staged>();
  staged->rows = std::move(rows);
  staged->sorted = sort_rows(staged->rows);
  return staged;
}

absl::Status RocksDbRows::get(std::span<const std::string> keys,
                              std::vector<std::optional<std::string>>* values) {
  values->assign(keys.size(), std::nullopt);
  // Staged rows first: what leaves them meanwhile is in the database by then.
  const std::shared_ptr<const Staged> staged = this->staged();
  std::vector<rocksdb::Slice> wanted;
  std::vector<std::size_t> places;
  for (std::size_t i = 0; i < keys.size(); ++i) {
    if (staged != nullptr) {
      if (const RowBuffer::Row* row = staged->sorted.find(keys[i])) {
        if (row->op == RowBuffer::Op::kPut) (*values)[i].emplace(row->value);
        continue;
      }
      if (staged->sorted.removes(keys[i])) continue;
    }
    wanted.push_back(slice(keys[i]));
    places.push_back(i);
  }
  if (wanted.empty()) return absl::OkStatus();
  std::vector<rocksdb::PinnableSlice> found(wanted.size());
  std::vector<rocksdb::Status> statuses(wanted.size());
  db_->MultiGet(rocksdb::ReadOptions(), db_->DefaultColumnFamily(), wanted.size(), wanted.data(),
                found.data(), statuses.data());
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    if (statuses[i].ok()) {
      (*values)[places[i]].emplace(view(found[i]));
    } else if (!statuses[i].IsNotFound()) {
      return rocksdb_status(statuses[i], "cannot read state from", db_dir_);
    }
  }
  return absl::OkStatus();
}

absl::Status RocksDbRows::scan(std::string_view prefix, const Visit& visit) {
  const std::shared_ptr<const Staged> staged = this->staged();
  static const SortedRows kNone;
  const SortedRows& changes = staged == nullptr ? kNone : staged->sorted;
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
  if (!end.empty()) options.iterate_upper_bound = &bound;
  const std::unique_ptr<rocksdb::Iterator> it(db_->NewIterator(options));
  for (it->Seek(slice(prefix)); it->Valid(); it->Next()) {
    const std::string_view key = view(it->key());
    while (is_due() && change->key < key) visit_change();
    if (is_due() && change->key == key) {
      visit_change();
    } else if (!changes.removes(key)) {
      visit(key, view(it->value()));
    }
  }
  while (is_due()) visit_change();
  return rocksdb_status(it->status(), "cannot scan state in", db_dir_);
}

absl::Status RocksDbRows::apply(RowBuffer rows) {
  const std::shared_ptr<const Staged> before = staged();
  if (rows.empty() && before == nullptr) return absl::OkStatus();
  std::shared_ptr<const Staged> next;
  if (before == nullptr) {
    next = stage(std::move(rows));
  } else {
    // Only the effect of what waited before, so that failing for long does not keep every version.
    RowBuffer all;
    for (const std::string_view prefix : before->sorted.removed_prefixes) all.remove_prefix(prefix);
    for (const RowBuffer::Row& row : before->sorted.rows) {
      if (row.op == RowBuffer::Op::kPut) {
        all.put(row.key, row.value);
      } else {
        all.remove(row.key);
      }
    }
    all.append(rows);
    next = stage(std::move(all));
  }
  const std::size_t waiting = next->sorted.rows.size() + next->sorted.removed_prefixes.size();
  publish(std::move(next));
  return waiting < resources_->ingest_rows() ? absl::OkStatus() : drain();
}

absl::Status RocksDbRows::drain() {
  const std::shared_ptr<const Staged> staged = this->staged();
  if (staged == nullptr) return absl::OkStatus();
  if (!staged->sorted.empty()) {
    // After an error RocksDB refuses to write until it is told that the cause is gone.
    if (failed_) db_->Resume().PermitUncheckedError();
    failed_ = true;
    const std::string path = absl::StrCat(dir_, "/ingest-", next_file_++, ".sst");
    absl::Status status = write_sorted_file(staged->sorted, path);
    if (status.ok()) status = ingest(path);
    if (!status.ok()) {
      if (store_.storage().exists(path)) store_.storage().remove(path).IgnoreError();
      return status;
    }
    failed_ = false;
  }
  publish(nullptr);
  return absl::OkStatus();
}

absl::Status RocksDbRows::write_sorted_file(const SortedRows& rows, const std::string& path) {
  rocksdb::SstFileWriter file(rocksdb::EnvOptions(), resources_->database(), nullptr,
                              /*invalidate_page_cache=*/false);
  rocksdb::Status status = file.Open(path);
  // All entries of an ingested file get one sequence number, and a range removal covers only what
  // is older than itself: rows of the same file stay.
  for (const std::string_view prefix : rows.removed_prefixes) {
    if (!status.ok()) break;
    const std::string end = end_of_prefix(prefix);
    status = file.DeleteRange(slice(prefix), end.empty() ? slice(kAboveAll) : slice(end));
  }
  for (const RowBuffer::Row& row : rows.rows) {
    if (!status.ok()) break;
    status = row.op == RowBuffer::Op::kPut ? file.Put(slice(row.key), slice(row.value))
                                           : file.Delete(slice(row.key));
  }
  if (status.ok()) status = file.Finish();
  return rocksdb_status(status, "cannot write state to", path);
}

absl::Status RocksDbRows::ingest(const std::string& path) {
  rocksdb::IngestExternalFileOptions options;
  options.move_files = true;
  options.write_global_seqno = false;  // a file never changes once it is written
  options.verify_file_checksum = false;
  return rocksdb_status(db_->IngestExternalFile({path}, options), "cannot take state into",
                        db_dir_);
}

}  // namespace weir::state
