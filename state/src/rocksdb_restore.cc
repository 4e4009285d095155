// Restoring a database: as it was if the task has the same key groups as before, else by reading
// the rows of its groups out of the databases of the old tasks.
#include <rocksdb/db.h>

#include <algorithm>
#include <map>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "restore_check.h"
#include "rocksdb_rows.h"
#include "weir/runtime/check.h"

namespace weir::state {
namespace {

using runtime::KeyGroup;
using runtime::KeyGroupRange;
using runtime::RowSnapshot;
using runtime::SnapshotFile;

// Whether RocksDB gives such names to tables and manifests; nothing else may become a path.
bool is_database_name(std::string_view name) {
  std::string_view digits = name;
  if (name.starts_with("MANIFEST-")) {
    digits = name.substr(9);
  } else if (name.ends_with(".sst")) {
    digits = name.substr(0, name.size() - 4);
  } else {
    return false;
  }
  return !digits.empty() &&
         std::all_of(digits.begin(), digits.end(), [](char c) { return c >= '0' && c <= '9'; });
}

absl::Status write_file(runtime::Storage& storage, const std::string& path,
                        std::string_view bytes) {
  absl::StatusOr<std::unique_ptr<runtime::StorageFile>> file = storage.create(path);
  if (!file.ok()) return file.status();
  absl::Status status = (*file)->append(bytes);
  if (status.ok()) status = (*file)->close();
  return status;
}

}  // namespace

absl::Status RocksDbRows::restore(std::span<const RowSnapshot> snapshots, KeyGroupRange groups,
                                  const Visit& visit) {
  WEIR_CHECK(view().staged == nullptr && stored_.empty(), "restore comes first");
  if (absl::Status s = check_restore(store_, snapshots, groups, "rocksdb/1"); !s.ok()) return s;
  owner_.groups = groups;
  const bool whole = snapshots.size() == 1 && snapshots[0].groups.first == groups.first &&
                     snapshots[0].groups.last == groups.last && !changes_tables(snapshots[0]);
  if (whole) return restore_whole(snapshots[0], visit);
  for (const RowSnapshot& snapshot : snapshots) {
    if (absl::Status status = restore_part(snapshot, visit); !status.ok()) return status;
  }
  return absl::OkStatus();
}

absl::Status RocksDbRows::lay_out(const RowSnapshot& snapshot, const std::string& dir,
                                  std::map<std::string, SnapshotFile>* tables) {
  const std::vector<std::string> names = absl::StrSplit(snapshot.meta, '\n', absl::SkipEmpty());
  const absl::Status malformed = absl::DataLossError(
      absl::StrCat("the checkpoint's list of RocksDB files of task ", owner_.task_uid,
                   " is malformed; restore another checkpoint"));
  if (names.size() != snapshot.files.size()) return malformed;
  if (absl::Status status = store_.storage().make_dirs(dir); !status.ok()) return status;
  bool has_manifest = false;
  for (std::size_t i = 0; i < names.size(); ++i) {
    if (!is_database_name(names[i])) return malformed;
    const std::string path = dir + "/" + names[i];
    if (names[i].ends_with(".sst")) {
      if (absl::Status s = store_.fetch(snapshot.files[i], path); !s.ok()) return s;
      tables->emplace(names[i], snapshot.files[i]);
      continue;
    }
    const absl::StatusOr<std::string> bytes = store_.read(snapshot.files[i]);
    if (!bytes.ok()) return bytes.status();
    if (absl::Status s = write_file(store_.storage(), path, *bytes); !s.ok()) return s;
    const std::string current = names[i] + "\n";
    if (absl::Status s = write_file(store_.storage(), dir + "/CURRENT", current); !s.ok()) return s;
    has_manifest = true;
  }
  return has_manifest ? absl::OkStatus() : malformed;
}

absl::Status RocksDbRows::restore_whole(const RowSnapshot& snapshot, const Visit& visit) {
  const std::string dir = new_path("db");
  std::map<std::string, SnapshotFile> tables;
  if (absl::Status status = lay_out(snapshot, dir, &tables); !status.ok()) return status;
  absl::StatusOr<std::shared_ptr<Database>> database = open_database(dir);
  if (!database.ok()) return database.status();
  retired_.push_back(view().database);
  publish({*std::move(database), nullptr});
  remove_retired();
  stored_ = std::move(tables);
  if (!visit) return absl::OkStatus();
  absl::Status status;
  const absl::Status scanned = scan({}, [&](std::string_view key, std::string_view value) {
    if (status.ok()) status = check_row_group(key, snapshot.groups);
    if (status.ok()) visit(key, value);
  });
  return scanned.ok() ? status : scanned;
}

absl::Status RocksDbRows::restore_part(const RowSnapshot& snapshot, const Visit& visit) {
  const std::string dir = new_path("source");
  std::map<std::string, SnapshotFile> tables;
  if (absl::Status status = lay_out(snapshot, dir, &tables); !status.ok()) return status;
  rocksdb::DB* opened = nullptr;
  const rocksdb::Status open = rocksdb::DB::OpenForReadOnly(resources_->database(), dir, &opened);
  std::unique_ptr<rocksdb::DB> source(opened);
  if (!open.ok()) return rocksdb_status(open, "cannot open the checkpoint's rows in", dir);
  if (absl::Status s = import_rows(*source, snapshot, visit); !s.ok()) return s;
  source.reset();
  return store_.storage().remove_all(dir);
}

// The rows of one group, table by table in the order of their numbers now, as a table wants them.
absl::Status RocksDbRows::import_group(rocksdb::Iterator& it, const RowSnapshot& snapshot,
                                       KeyGroup group, TableWriter& tables, const Visit& visit) {
  std::map<std::uint16_t, std::uint16_t> then_of_now;
  for (std::uint16_t then = 1; then < snapshot.tables.size(); ++then) {
    if (snapshot.tables[then] != 0) then_of_now.emplace(snapshot.tables[then], then);
  }
  for (const auto& [now, then] : then_of_now) {
    const std::string prefix = table_prefix(group, then);
    for (it.Seek(prefix); it.Valid() && to_view(it.key()).starts_with(prefix); it.Next()) {
      const std::optional<std::string> row = renamed_row(snapshot, to_view(it.key()));
      WEIR_CHECK(row.has_value(), "only rows that are wanted are looked for");
      if (absl::Status s = tables.put(*row, to_view(it.value())); !s.ok()) return s;
      if (visit) visit(*row, to_view(it.value()));
    }
  }
  return absl::OkStatus();
}

// Key groups are the first bytes of all keys, so the rows of a range of groups are one range of
// keys, and files made of it never overlap.
absl::Status RocksDbRows::import_rows(rocksdb::DB& source, const RowSnapshot& snapshot,
                                      const Visit& visit) {
  const KeyGroup first = std::max(snapshot.groups.first, owner_.groups.first);
  const KeyGroup last = std::min(snapshot.groups.last, owner_.groups.last);
  rocksdb::ReadOptions options;
  options.fill_cache = false;
  const std::unique_ptr<rocksdb::Iterator> it(source.NewIterator(options));
  TableWriter tables(store_.storage(), *resources_, new_path("import"));
  absl::Status status;
  if (snapshot.tables.empty()) {
    for (it->Seek(group_prefix(first)); it->Valid() && status.ok(); it->Next()) {
      const std::string_view key = to_view(it->key());
      status = check_row_group(key, snapshot.groups);
      if (!status.ok() || group_of_row(key) > last) break;
      status = tables.put(key, to_view(it->value()));
      if (visit) visit(key, to_view(it->value()));
    }
  } else {
    for (std::uint32_t g = first.value; g <= last.value && status.ok(); ++g) {
      status = import_group(*it, snapshot, KeyGroup(static_cast<std::uint16_t>(g)), tables, visit);
    }
  }
  if (!status.ok()) return status;
  if (!it->status().ok()) {
    return rocksdb_status(it->status(), "cannot read the checkpoint's rows of", owner_.task_uid);
  }
  return tables.ingest_into(*view().database->db);
}

}  // namespace weir::state
