// The storage seam: every file that a checkpoint consists of, and every file that decides what is
// committed, is written, synced, renamed and removed through it. A simulated implementation can
// fail, tear and forget what was not synced.
//
// Paths are plain file-system paths. Calls block; they belong on an I/O thread or in start-up code.
// Every error is an absl::Status whose message names the path and what to do about it. Safe to call
// from any thread; a StorageFile belongs to one thread at a time.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace weir::runtime {

// A file being written. Not durable before sync() has returned OK; a failed sync is final for the
// file: it is never retried as success.
class StorageFile {
 public:
  virtual ~StorageFile() = default;
  virtual absl::Status append(std::string_view bytes) = 0;
  virtual absl::Status sync() = 0;
  virtual absl::Status close() = 0;
};

class Storage {
 public:
  virtual ~Storage() = default;

  // A new file; fails with kAlreadyExists if there is one.
  virtual absl::StatusOr<std::unique_ptr<StorageFile>> create(const std::string& path) = 0;
  virtual absl::StatusOr<std::string> read(const std::string& path) = 0;
  // Calls `visit` with the content of `path` piece by piece, in order.
  using Visit = std::function<void(std::string_view)>;
  virtual absl::Status read_pieces(const std::string& path, const Visit& visit) = 0;
  // Names (not paths) in `dir`, sorted bytewise.
  virtual absl::StatusOr<std::vector<std::string>> list(const std::string& dir) = 0;
  virtual absl::StatusOr<std::uint64_t> size(const std::string& path) = 0;
  virtual bool exists(const std::string& path) = 0;
  // Replaces `to` atomically. Durable after sync_dir of both folders.
  virtual absl::Status rename(const std::string& from, const std::string& to) = 0;
  // A second name for the same bytes (a hard link, or a copy where links are not to be had).
  virtual absl::Status link(const std::string& from, const std::string& to) = 0;
  virtual absl::Status remove(const std::string& path) = 0;
  virtual absl::Status remove_all(const std::string& dir) = 0;
  // The names of new folders are durable on return.
  virtual absl::Status make_dirs(const std::string& dir) = 0;
  virtual absl::Status sync_dir(const std::string& dir) = 0;
  // Takes the lock file `path` for this process, until it ends or the returned object dies.
  // kUnavailable, naming the owner's pid, if another process has it.
  virtual absl::StatusOr<std::shared_ptr<void>> lock(const std::string& path) = 0;

  // Hook for crash tests: called with a stable name before each numbered persistence step
  // ("manifest.rename", ...). The real one counts steps and can end the process at one of them.
  virtual void step(std::string_view name) = 0;
};

// The folder that holds `path`: "a" of "a/b", "." of "a", "/" of "/a".
std::string parent_of(const std::string& path);

// What an earlier attempt may have left at `path` goes; OK if there is nothing.
absl::Status remove_if_there(Storage& storage, const std::string& path);

// A new file with `bytes`, durable but for its name.
absl::Status write_synced(Storage& storage, const std::string& path, std::string_view bytes);

// The local file system. Lives for the whole process. WEIR_CRASH_AT="name:n" in the environment
// makes the n-th step of that name end the process by SIGKILL.
Storage& local_storage();

}  // namespace weir::runtime
