#include "weir/runtime/simulated_storage.h"

#include <algorithm>
#include <cerrno>
#include <utility>

#include "absl/strings/str_cat.h"
#include "posix_status.h"
#include "simulated_inode.h"

namespace weir::runtime {
namespace {

bool is_inside(const std::string& path, const std::string& dir) {
  return path.size() > dir.size() + 1 && path.compare(0, dir.size(), dir) == 0 &&
         path[dir.size()] == '/';
}

}  // namespace

class SimulatedStorage::File final : public StorageFile {
 public:
  File(SimulatedStorage* disk, std::shared_ptr<Inode> inode, std::string path)
      : disk_(disk),
        inode_(std::move(inode)),
        path_(std::move(path)),
        incarnation_(disk->incarnation_) {}

  absl::Status append(std::string_view bytes) override {
    const MutexLock lock(disk_->mutex_);
    if (!begin().ok()) return failure_;
    const std::uint64_t space = disk_->space();
    inode_->bytes.append(bytes.substr(0, std::min<std::uint64_t>(space, bytes.size())));
    if (space < bytes.size()) failure_ = posix_status(ENOSPC, "cannot write", path_);
    return failure_;
  }

  absl::Status sync() override {
    const MutexLock lock(disk_->mutex_);
    if (!begin().ok()) return failure_;
    if (disk_->fail_sync_ > 0 && --disk_->fail_sync_ == 0) {
      inode_->sync_failed = true;
      return failure_ = posix_status(EIO, "cannot sync", path_);
    }
    inode_->synced = inode_->bytes;
    return absl::OkStatus();
  }

  absl::Status close() override {
    const MutexLock lock(disk_->mutex_);
    if (!begin().ok()) return failure_;
    failure_ = absl::FailedPreconditionError(absl::StrCat("cannot use ", path_, ": it is closed"));
    return absl::OkStatus();
  }

 private:
  absl::Status begin() ABSL_EXCLUSIVE_LOCKS_REQUIRED(disk_->mutex_) {
    if (failure_.ok() && incarnation_ != disk_->incarnation_) {
      failure_ = absl::UnavailableError(absl::StrCat("lost by the crash: ", path_));
    }
    if (failure_.ok()) failure_ = disk_->begin_change(path_);
    return failure_;
  }

  SimulatedStorage* disk_;
  std::shared_ptr<Inode> inode_;
  const std::string path_;
  const std::uint64_t incarnation_;
  absl::Status failure_;
};

SimulatedStorage::SimulatedStorage(std::uint64_t seed) : random_(seed) {
  auto root = std::make_shared<Inode>();
  root->is_dir = true;
  for (const char* name : {"/", "."}) names_[name] = durable_[name] = root;
}

SimulatedStorage::~SimulatedStorage() = default;

absl::Status SimulatedStorage::alive(const std::string& path) const {
  if (!dead_) return absl::OkStatus();
  return absl::AbortedError(absl::StrCat("the simulated process is dead: ", path));
}

absl::Status SimulatedStorage::begin_change(const std::string& path) {
  ++changes_;
  if (die_at_change_ > 0 && --die_at_change_ == 0) dead_ = true;
  return alive(path);
}

absl::Status SimulatedStorage::needs_parent(const std::string& path) const {
  const auto parent = names_.find(parent_of(path));
  if (parent == names_.end()) return posix_status(ENOENT, "cannot create", path);
  if (!parent->second->is_dir) return posix_status(ENOTDIR, "cannot create", path);
  return absl::OkStatus();
}

void SimulatedStorage::apply(const NameChange& change, Names* names) {
  if (!change.also_removed.empty()) names->erase(change.also_removed);
  if (change.inode == nullptr) {
    names->erase(change.path);
  } else {
    (*names)[change.path] = change.inode;
  }
}

void SimulatedStorage::set_name(const std::string& path, std::shared_ptr<Inode> inode,
                                std::string removed) {
  pending_.push_back({path, std::move(inode), std::move(removed)});
  apply(pending_.back(), &names_);
}

absl::StatusOr<std::unique_ptr<StorageFile>> SimulatedStorage::create(const std::string& path) {
  const MutexLock lock(mutex_);
  if (absl::Status status = begin_change(path); !status.ok()) return status;
  if (absl::Status status = needs_parent(path); !status.ok()) return status;
  if (names_.count(path) > 0) return posix_status(EEXIST, "cannot create", path);
  auto inode = std::make_shared<Inode>();
  set_name(path, inode);
  return std::make_unique<File>(this, std::move(inode), path);
}

absl::StatusOr<std::string> SimulatedStorage::read(const std::string& path) {
  const MutexLock lock(mutex_);
  if (absl::Status status = alive(path); !status.ok()) return status;
  const auto it = names_.find(path);
  if (it == names_.end()) return posix_status(ENOENT, "cannot open", path);
  if (it->second->is_dir) return posix_status(EISDIR, "cannot read", path);
  return it->second->bytes;
}

absl::Status SimulatedStorage::read_pieces(const std::string& path, const Visit& visit) {
  const absl::StatusOr<std::string> bytes = read(path);
  if (bytes.ok()) visit(*bytes);
  return bytes.status();
}

absl::StatusOr<std::vector<std::string>> SimulatedStorage::list(const std::string& dir) {
  const MutexLock lock(mutex_);
  if (absl::Status status = alive(dir); !status.ok()) return status;
  const auto it = names_.find(dir);
  if (it == names_.end()) return posix_status(ENOENT, "cannot list", dir);
  if (!it->second->is_dir) return posix_status(ENOTDIR, "cannot list", dir);
  std::vector<std::string> names;
  const std::string prefix = dir == "." ? "" : dir == "/" ? dir : dir + "/";
  for (auto at = names_.lower_bound(prefix); at != names_.end(); ++at) {
    if (!at->first.starts_with(prefix)) break;
    if (at->first == "/" || at->first == ".") continue;
    const std::string_view name = std::string_view(at->first).substr(prefix.size());
    if (name.find('/') == std::string_view::npos) names.emplace_back(name);
  }
  return names;
}

absl::StatusOr<std::uint64_t> SimulatedStorage::size(const std::string& path) {
  const MutexLock lock(mutex_);
  if (absl::Status status = alive(path); !status.ok()) return status;
  const auto it = names_.find(path);
  if (it == names_.end()) return posix_status(ENOENT, "cannot look at", path);
  return it->second->bytes.size();
}

bool SimulatedStorage::exists(const std::string& path) {
  const MutexLock lock(mutex_);
  return !dead_ && names_.count(path) > 0;
}

absl::Status SimulatedStorage::rename(const std::string& from, const std::string& to) {
  const MutexLock lock(mutex_);
  if (absl::Status status = begin_change(to); !status.ok()) return status;
  const auto it = names_.find(from);
  if (it == names_.end()) return posix_status(ENOENT, "cannot rename", from);
  if (it->second->is_dir) {
    return absl::UnimplementedError("the simulated storage renames files, not folders");
  }
  if (absl::Status status = needs_parent(to); !status.ok()) return status;
  const std::shared_ptr<Inode> inode = it->second;
  set_name(to, inode, from);
  return absl::OkStatus();
}

absl::Status SimulatedStorage::link(const std::string& from, const std::string& to) {
  const MutexLock lock(mutex_);
  if (absl::Status status = begin_change(to); !status.ok()) return status;
  const auto it = names_.find(from);
  if (it == names_.end()) return posix_status(ENOENT, "cannot link", from);
  if (names_.count(to) > 0) return posix_status(EEXIST, "cannot link to", to);
  if (absl::Status status = needs_parent(to); !status.ok()) return status;
  set_name(to, it->second);
  return absl::OkStatus();
}

absl::Status SimulatedStorage::remove(const std::string& path) {
  const MutexLock lock(mutex_);
  if (absl::Status status = begin_change(path); !status.ok()) return status;
  const auto it = names_.find(path);
  if (it == names_.end()) return posix_status(ENOENT, "cannot remove", path);
  if (it->second->is_dir) {
    const auto inside = [&](const auto& entry) { return is_inside(entry.first, path); };
    if (std::any_of(names_.begin(), names_.end(), inside)) {
      return posix_status(ENOTEMPTY, "cannot remove", path);
    }
  }
  set_name(path, nullptr);
  return absl::OkStatus();
}

absl::Status SimulatedStorage::remove_all(const std::string& dir) {
  const MutexLock lock(mutex_);
  if (absl::Status status = begin_change(dir); !status.ok()) return status;
  std::vector<std::string> doomed;
  for (const auto& [path, inode] : names_) {
    if (path == dir || is_inside(path, dir)) doomed.push_back(path);
  }
  for (auto path = doomed.rbegin(); path != doomed.rend(); ++path) set_name(*path, nullptr);
  return absl::OkStatus();
}

// A folder is to be made where there was one: the former one's end must not be the new one's.
void SimulatedStorage::settle_removal(const std::string& dir) {
  std::erase_if(pending_, [&](const NameChange& change) {
    if (change.path != dir && !is_inside(change.path, dir)) return false;
    apply(change, &durable_);
    return true;
  });
}

absl::Status SimulatedStorage::make_dirs(const std::string& dir) {
  const MutexLock lock(mutex_);
  if (absl::Status status = begin_change(dir); !status.ok()) return status;
  std::vector<std::string> missing;
  for (std::string path = dir; names_.count(path) == 0; path = parent_of(path)) {
    missing.push_back(path);
  }
  for (auto path = missing.rbegin(); path != missing.rend(); ++path) {
    if (absl::Status status = needs_parent(*path); !status.ok()) return status;
    auto inode = std::make_shared<Inode>();
    inode->is_dir = true;
    settle_removal(*path);
    names_[*path] = inode;
    durable_[*path] = std::move(inode);
  }
  if (!names_[dir]->is_dir) return posix_status(ENOTDIR, "cannot make folder", dir);
  return absl::OkStatus();
}

absl::Status SimulatedStorage::sync_dir(const std::string& dir) {
  const MutexLock lock(mutex_);
  if (absl::Status status = begin_change(dir); !status.ok()) return status;
  if (names_.count(dir) == 0) return posix_status(ENOENT, "cannot open folder", dir);
  if (fail_sync_dir_ > 0 && --fail_sync_dir_ == 0) {
    return posix_status(EIO, "cannot sync folder", dir);
  }
  std::vector<NameChange> rest;
  for (NameChange& change : pending_) {
    const bool is_here = parent_of(change.path) == dir ||
                         (!change.also_removed.empty() && parent_of(change.also_removed) == dir);
    if (is_here) {
      apply(change, &durable_);
    } else {
      rest.push_back(std::move(change));
    }
  }
  pending_ = std::move(rest);
  return absl::OkStatus();
}

absl::StatusOr<std::shared_ptr<void>> SimulatedStorage::lock(const std::string& path) {
  const MutexLock lock(mutex_);
  if (absl::Status status = begin_change(path); !status.ok()) return status;
  if (!locks_[path].expired()) {
    return absl::UnavailableError(absl::StrCat(path, " is locked by a running process (pid 1)"));
  }
  if (absl::Status status = needs_parent(path); !status.ok()) return status;
  if (names_.count(path) == 0) set_name(path, std::make_shared<Inode>());
  auto held = std::make_shared<int>(0);
  locks_[path] = held;
  return std::shared_ptr<void>(std::move(held));
}

}  // namespace weir::runtime
