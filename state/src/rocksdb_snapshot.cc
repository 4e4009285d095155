// A snapshot of a database: its live tables, each stored once, and its manifest as of now. CURRENT
// and OPTIONS are not stored: the first follows from the name of the manifest, and databases are
// opened with the options of the program.
//
//   meta := (name of the file in the database "\n")*       in the order of the snapshot's files
#include <rocksdb/db.h>

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "rocksdb_rows.h"
#include "weir/runtime/content_hash.h"

namespace weir::state {
namespace {

using runtime::CheckpointId;
using runtime::RowSnapshot;
using runtime::SnapshotFile;

// Keeps the database from removing files while it lives.
class FilesPinned {
 public:
  explicit FilesPinned(rocksdb::DB& db) : db_(db), status_(db.DisableFileDeletions()) {}
  ~FilesPinned() { db_.EnableFileDeletions(/*force=*/false).PermitUncheckedError(); }
  FilesPinned(const FilesPinned&) = delete;
  FilesPinned& operator=(const FilesPinned&) = delete;
  const rocksdb::Status& status() const { return status_; }

 private:
  rocksdb::DB& db_;
  rocksdb::Status status_;
};

std::string plain(const std::string& name) {
  return name.empty() || name[0] != '/' ? name : name.substr(1);
}

}  // namespace

absl::StatusOr<RowSnapshot> RocksDbRows::snapshot(CheckpointId id) {
  if (absl::Status status = drain(); !status.ok()) return status;
  const std::shared_ptr<Database> database = view().database;
  const FilesPinned pinned(*database->db);
  if (!pinned.status().ok()) {
    return rocksdb_status(pinned.status(), "cannot take a snapshot of", database->dir);
  }
  return store_live_files(*database, id);
}

absl::StatusOr<RowSnapshot> RocksDbRows::store_live_files(const Database& database,
                                                          CheckpointId id) {
  // Not GetLiveFilesStorageInfo: it lists logs as well, which we have none of, and waits for that
  // until no reader cleans up, which may be never.
  std::vector<std::string> live;
  std::uint64_t manifest_bytes = 0;
  const rocksdb::Status listed =
      database.db->GetLiveFiles(live, &manifest_bytes, /*flush_memtable=*/false);
  if (!listed.ok()) return rocksdb_status(listed, "cannot list the files of", database.dir);
  const FileOwner owner{id, owner_.task_uid, owner_.task_index};
  RowSnapshot snapshot;
  snapshot.format = "rocksdb/1";
  snapshot.groups = owner_.groups;
  std::map<std::string, SnapshotFile> alive;
  for (const std::string& path : live) {
    const std::string name = plain(path);
    absl::StatusOr<SnapshotFile> file;
    if (name.ends_with(".sst")) {
      file = store_table(owner, database.dir, name);
      if (file.ok()) alive.emplace(name, *file);
    } else if (name.starts_with("MANIFEST-")) {
      file = store_manifest(owner, database.dir + "/" + name, manifest_bytes);
    } else {
      continue;
    }
    if (!file.ok()) return file.status();
    snapshot.files.push_back(*std::move(file));
    absl::StrAppend(&snapshot.meta, name, "\n");
  }
  if (absl::Status status = store_.sync_files(); !status.ok()) return status;
  stored_ = std::move(alive);
  return snapshot;
}

// Tables never change and their bytes were synced by RocksDB before they became part of the
// database.
absl::StatusOr<SnapshotFile> RocksDbRows::store_table(const FileOwner& owner,
                                                      const std::string& dir,
                                                      const std::string& name) {
  if (const auto it = stored_.find(name); it != stored_.end()) return it->second;
  absl::StatusOr<SnapshotFile> file = store_.put_link(owner, "sst", dir + "/" + name);
  if (file.ok()) stored_.emplace(name, *file);
  return file;
}

absl::StatusOr<SnapshotFile> RocksDbRows::store_manifest(const FileOwner& owner,
                                                         const std::string& path,
                                                         std::uint64_t bytes) {
  absl::StatusOr<std::string> content = store_.storage().read(path);
  if (!content.ok()) return content.status();
  content->resize(std::min<std::uint64_t>(content->size(), bytes));
  const bool same = stored_manifest_.bytes == content->size() &&
                    stored_manifest_.hash == runtime::content_hash(*content);
  if (same) return stored_manifest_;
  absl::StatusOr<SnapshotFile> file = store_.put_bytes(owner, "manifest", *content);
  if (file.ok()) stored_manifest_ = *file;
  return file;
}

}  // namespace weir::state
