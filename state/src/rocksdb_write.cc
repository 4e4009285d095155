// Taking rows over: staged in memory, then ingested or merged into a new database.
#include <utility>

#include "rocksdb_rows.h"

namespace weir::state {

using runtime::RowBuffer;

std::shared_ptr<const RocksDbRows::Staged> RocksDbRows::stage(RowBuffer rows) {
  auto staged = std::make_shared<Staged>();
  staged->rows = std::move(rows);
  staged->sorted = sort_rows(staged->rows);
  return staged;
}

absl::Status RocksDbRows::apply(RowBuffer rows) {
  View next = view();
  if (rows.empty() && next.staged == nullptr) return absl::OkStatus();
  if (expects_lookups_.load(std::memory_order_relaxed)) log_.apply(rows);
  if (next.staged == nullptr) {
    next.staged = stage(std::move(rows));
  } else {
    // Only the effect of what waited before, so that failing for long does not keep every version.
    RowBuffer all;
    const SortedRows& before = next.staged->sorted;
    for (const std::string_view prefix : before.removed_prefixes) all.remove_prefix(prefix);
    for (const RowBuffer::Row& row : before.rows) {
      if (row.op == RowBuffer::Op::kPut) {
        all.put(row.key, row.value);
      } else {
        all.remove(row.key);
      }
    }
    all.append(rows);
    next.staged = stage(std::move(all));
  }
  const std::size_t waiting = next.staged->size();
  publish(std::move(next));
  return waiting < resources_->options().ingest_rows ? absl::OkStatus() : drain();
}

absl::Status RocksDbRows::drain() {
  remove_retired();
  const View from = view();
  if (from.staged == nullptr) return absl::OkStatus();
  if (is_worth_rewriting(from)) {
    const absl::Status status = rewrite(from);
    if (status.ok() || absl::IsDataLoss(status)) return status;
    // There was no room for everything; there may be room for the changes.
  }
  absl::Status status = ingest(from);
  if (absl::IsResourceExhausted(status)) log_.turn_off();  // its room is worth more elsewhere
  return status;
}

absl::Status RocksDbRows::ingest(const View& from) {
  if (!from.staged->sorted.empty()) {
    // After an error RocksDB refuses to write until it is told that the cause is gone.
    if (failed_) from.database->db->Resume().PermitUncheckedError();
    failed_ = true;
    TableWriter tables(store_.storage(), *resources_, new_path("ingest"));
    if (absl::Status s = tables.put_changes(from.staged->sorted); !s.ok()) return s;
    if (absl::Status s = tables.ingest_into(*from.database->db); !s.ok()) return s;
    failed_ = false;
  }
  publish({from.database, nullptr});
  return absl::OkStatus();
}

bool RocksDbRows::is_worth_rewriting(const View& from) const {
  std::uint64_t rows = 0;
  from.database->db->GetIntProperty(rocksdb::DB::Properties::kEstimateNumKeys, &rows);
  const std::size_t staged = from.staged->size();
  return rows > 0 && staged >= resources_->options().rewrite_rows && staged >= rows / 2;
}

absl::Status RocksDbRows::rewrite(const View& from) {
  TableWriter tables(store_.storage(), *resources_, new_path("rewrite"));
  absl::Status written;
  const absl::Status scanned = scan(from, {}, [&](std::string_view key, std::string_view value) {
    if (written.ok()) written = tables.put(key, value);
  });
  if (!scanned.ok()) return scanned;
  if (!written.ok()) return written;
  absl::StatusOr<std::shared_ptr<Database>> database = open_database(new_path("db"));
  if (!database.ok()) return database.status();
  if (absl::Status s = tables.ingest_into(*(*database)->db); !s.ok()) {
    retired_.push_back(*std::move(database));
    return s;
  }
  publish({*std::move(database), nullptr});
  retired_.push_back(from.database);
  stored_.clear();
  stored_manifest_ = {};
  failed_ = false;
  return absl::OkStatus();
}

// A retired database is closed here, and not by the last reader, because closing takes long.
void RocksDbRows::remove_retired() {
  std::erase_if(retired_, [this](std::shared_ptr<Database>& database) {
    if (database.use_count() > 1) return false;
    database->db.reset();
    store_.storage().remove_all(database->dir).IgnoreError();  // local/ is emptied at start
    return true;
  });
}

}  // namespace weir::state
