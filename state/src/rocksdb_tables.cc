#include "rocksdb_tables.h"

#include <utility>

#include "absl/strings/str_cat.h"

namespace weir::state {
namespace {

constexpr std::uint64_t kTableBytes = 64u << 20;

// Above every key, for prefixes that have no end: no key group has 0xff as both of its bytes.
const std::string kAboveAll(8, '\xff');

}  // namespace

TableWriter::TableWriter(runtime::Storage& storage, const RocksDbResources& resources,
                         std::string path)
    : storage_(storage), resources_(resources), path_(std::move(path)) {}

TableWriter::~TableWriter() {
  table_.reset();
  for (const std::string& path : paths_) {
    if (storage_.exists(path)) storage_.remove(path).IgnoreError();  // local/ is emptied at start
  }
}

absl::Status TableWriter::begin() {
  paths_.push_back(absl::StrCat(path_, "-", paths_.size(), ".sst"));
  table_ = std::make_unique<rocksdb::SstFileWriter>(rocksdb::EnvOptions(), resources_.database(),
                                                    nullptr, /*invalidate_page_cache=*/false);
  bytes_ = 0;
  return rocksdb_status(table_->Open(paths_.back()), "cannot create", paths_.back());
}

absl::Status TableWriter::cut() {
  const rocksdb::Status finished = table_->Finish();
  table_.reset();
  return rocksdb_status(finished, "cannot write state to", paths_.back());
}

absl::Status TableWriter::put(std::string_view key, std::string_view value) {
  if (table_ == nullptr) {
    if (absl::Status status = begin(); !status.ok()) return status;
  }
  const rocksdb::Status status = table_->Put(to_slice(key), to_slice(value));
  if (!status.ok()) return rocksdb_status(status, "cannot write state to", paths_.back());
  bytes_ += key.size() + value.size();
  return bytes_ < kTableBytes ? absl::OkStatus() : cut();
}

absl::Status TableWriter::put_changes(const SortedRows& changes) {
  if (absl::Status status = begin(); !status.ok()) return status;
  rocksdb::Status status;
  // All entries of an ingested table get one sequence number, and a range removal covers only what
  // is older than itself: rows of the same table stay.
  for (const std::string_view prefix : changes.removed_prefixes) {
    if (!status.ok()) break;
    const std::string end = end_of_prefix(prefix);
    status = table_->DeleteRange(to_slice(prefix), to_slice(end.empty() ? kAboveAll : end));
  }
  for (const runtime::RowBuffer::Row& row : changes.rows) {
    if (!status.ok()) break;
    status = row.op == runtime::RowBuffer::Op::kPut
                 ? table_->Put(to_slice(row.key), to_slice(row.value))
                 : table_->Delete(to_slice(row.key));
  }
  if (!status.ok()) return rocksdb_status(status, "cannot write state to", paths_.back());
  return cut();
}

absl::Status TableWriter::ingest_into(rocksdb::DB& db) {
  if (table_ != nullptr) {
    if (absl::Status status = cut(); !status.ok()) return status;
  }
  if (paths_.empty()) return absl::OkStatus();
  rocksdb::IngestExternalFileOptions options;
  options.move_files = true;
  options.write_global_seqno = false;  // a table never changes once it is written
  options.verify_file_checksum = false;
  return rocksdb_status(db.IngestExternalFile(paths_, options), "cannot take state into",
                        db.GetName());
}

}  // namespace weir::state
