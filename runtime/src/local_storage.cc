// Storage on the local file system, with plain POSIX calls. Files are 0600, folders 0700, nothing
// is inherited by child processes.
#include <dirent.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <filesystem>

#include "absl/strings/str_cat.h"
#include "persistence_steps.h"
#include "posix_status.h"
#include "weir/runtime/storage.h"

namespace weir::runtime {
namespace {

constexpr std::size_t kBuffer = 64 * 1024;

absl::Status write_all(int fd, std::string_view bytes, const std::string& path) {
  while (!bytes.empty()) {
    const ssize_t n = ::write(fd, bytes.data(), bytes.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return posix_status(errno, "cannot write", path);
    bytes.remove_prefix(static_cast<std::size_t>(n));
  }
  return absl::OkStatus();
}

// Collects small appends. The first failure is kept and is the answer to every later call.
class LocalFile final : public StorageFile {
 public:
  LocalFile(int fd, std::string path) : fd_(fd), path_(std::move(path)) {}
  ~LocalFile() override {
    if (fd_ >= 0) ::close(fd_);
  }

  absl::Status append(std::string_view bytes) override {
    if (!usable().ok()) return failure_;
    if (buffer_.size() + bytes.size() < kBuffer) {
      buffer_.append(bytes);
      return absl::OkStatus();
    }
    if (!flush().ok()) return failure_;
    if (bytes.size() < kBuffer) {
      buffer_.append(bytes);
      return absl::OkStatus();
    }
    return failure_ = write_all(fd_, bytes, path_);
  }

  absl::Status sync() override {
    if (!usable().ok() || !flush().ok()) return failure_;
    if (::fsync(fd_) != 0) failure_ = posix_status(errno, "cannot sync", path_);
    return failure_;
  }

  absl::Status close() override {
    if (!usable().ok()) return failure_;
    flush().IgnoreError();  // kept in failure_
    const int closed = ::close(fd_);
    fd_ = -1;
    if (failure_.ok() && closed != 0 && errno != EINTR) {
      failure_ = posix_status(errno, "cannot close", path_);
    }
    return failure_;
  }

 private:
  absl::Status usable() {
    if (failure_.ok() && fd_ < 0) {
      failure_ = absl::FailedPreconditionError(
          absl::StrCat("cannot use ", path_, ": it is already closed; create a new file"));
    }
    return failure_;
  }
  absl::Status flush() {
    failure_ = write_all(fd_, buffer_, path_);
    buffer_.clear();
    return failure_;
  }

  int fd_;
  const std::string path_;
  std::string buffer_;
  absl::Status failure_;
};

// Holds a flock until it dies. The file stays: unlinking it would let two processes lock two files
// of the same name.
class LocalLock {
 public:
  explicit LocalLock(int fd) : fd_(fd) {}
  ~LocalLock() { ::close(fd_); }
  LocalLock(const LocalLock&) = delete;
  LocalLock& operator=(const LocalLock&) = delete;

 private:
  int fd_;
};

absl::Status read_all(int fd, const std::string& path, std::string* out) {
  struct stat info {};
  if (::fstat(fd, &info) != 0) return posix_status(errno, "cannot read", path);
  if (S_ISDIR(info.st_mode)) return posix_status(EISDIR, "cannot read", path);
  out->resize(static_cast<std::size_t>(info.st_size));
  std::size_t done = 0;
  for (;;) {
    if (done == out->size()) out->resize(done + 4096);  // also finds bytes added meanwhile
    const ssize_t n = ::read(fd, out->data() + done, out->size() - done);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return posix_status(errno, "cannot read", path);
    if (n == 0) break;
    done += static_cast<std::size_t>(n);
  }
  out->resize(done);
  return absl::OkStatus();
}

absl::Status pieces_of(int fd, const std::string& path, const Storage::Visit& visit) {
  std::string buffer(4 * kBuffer, '\0');
  for (;;) {
    const ssize_t n = ::read(fd, buffer.data(), buffer.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return posix_status(errno, "cannot read", path);
    if (n == 0) return absl::OkStatus();
    visit({buffer.data(), static_cast<std::size_t>(n)});
  }
}

class LocalStorage final : public Storage {
 public:
  absl::StatusOr<std::unique_ptr<StorageFile>> create(const std::string& path) override {
    const int fd = ::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0) return posix_status(errno, "cannot create", path);
    return std::make_unique<LocalFile>(fd, path);
  }

  absl::StatusOr<std::string> read(const std::string& path) override {
    const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
    if (fd < 0) return posix_status(errno, "cannot open", path);
    std::string bytes;
    const absl::Status status = read_all(fd, path, &bytes);
    ::close(fd);
    if (!status.ok()) return status;
    return bytes;
  }

  absl::Status read_pieces(const std::string& path, const Visit& visit) override {
    const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
    if (fd < 0) return posix_status(errno, "cannot open", path);
    absl::Status status = pieces_of(fd, path, visit);
    ::close(fd);
    return status;
  }

  absl::StatusOr<std::vector<std::string>> list(const std::string& dir) override {
    DIR* stream = ::opendir(dir.c_str());
    if (stream == nullptr) return posix_status(errno, "cannot list", dir);
    std::vector<std::string> names;
    errno = 0;
    while (const dirent* entry = ::readdir(stream)) {
      const std::string_view name(entry->d_name);
      if (name != "." && name != "..") names.emplace_back(name);
      errno = 0;
    }
    const int error = errno;
    ::closedir(stream);
    if (error != 0) return posix_status(error, "cannot list", dir);
    std::sort(names.begin(), names.end());
    return names;
  }

  absl::StatusOr<std::uint64_t> size(const std::string& path) override {
    struct stat info {};
    if (::stat(path.c_str(), &info) != 0) return posix_status(errno, "cannot look at", path);
    return static_cast<std::uint64_t>(info.st_size);
  }

  bool exists(const std::string& path) override {
    struct stat info {};
    return ::stat(path.c_str(), &info) == 0;
  }

  absl::Status rename(const std::string& from, const std::string& to) override {
    if (std::rename(from.c_str(), to.c_str()) == 0) return absl::OkStatus();
    return posix_status(errno, absl::StrCat("cannot rename ", from, " to"), to);
  }

  absl::Status link(const std::string& from, const std::string& to) override {
    if (::link(from.c_str(), to.c_str()) == 0) return absl::OkStatus();
    const int error = errno;
    if (error != EXDEV && error != EPERM && error != EMLINK && error != EOPNOTSUPP) {
      return posix_status(error, absl::StrCat("cannot link ", from, " to"), to);
    }
    return copy(from, to);
  }

  absl::Status remove(const std::string& path) override {
    if (std::remove(path.c_str()) == 0) return absl::OkStatus();
    return posix_status(errno, "cannot remove", path);
  }

  absl::Status remove_all(const std::string& dir) override {
    std::error_code error;
    std::filesystem::remove_all(dir, error);
    if (error) return posix_status(error.value(), "cannot remove", dir);
    return absl::OkStatus();
  }

  // The name of every new folder is durable on return.
  absl::Status make_dirs(const std::string& dir) override {
    struct stat info {};
    if (::stat(dir.c_str(), &info) == 0) {
      return S_ISDIR(info.st_mode) ? absl::OkStatus()
                                   : posix_status(ENOTDIR, "cannot make folder", dir);
    }
    const std::string parent = parent_of(dir);
    if (errno == ENOENT && parent != dir) {
      if (absl::Status status = make_dirs(parent); !status.ok()) return status;
    }
    if (::mkdir(dir.c_str(), 0700) != 0 && errno != EEXIST) {
      return posix_status(errno, "cannot make folder", dir);
    }
    return sync_dir(parent);
  }

  absl::Status sync_dir(const std::string& dir) override {
    const int fd = ::open(dir.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) return posix_status(errno, "cannot open folder", dir);
    const int error = ::fsync(fd) == 0 ? 0 : errno;
    ::close(fd);
    // Some network file systems cannot sync a folder and keep its names durable by themselves.
    if (error != 0 && error != EINVAL) return posix_status(error, "cannot sync folder", dir);
    return absl::OkStatus();
  }

  absl::StatusOr<std::shared_ptr<void>> lock(const std::string& path) override {
    const int fd = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0) return posix_status(errno, "cannot open lock file", path);
    if (::flock(fd, LOCK_EX | LOCK_NB) != 0) {
      const int error = errno;
      const absl::Status status =
          error == EWOULDBLOCK ? in_use(fd, path) : posix_status(error, "cannot lock", path);
      ::close(fd);
      return status;
    }
    auto held = std::make_shared<LocalLock>(fd);
    const std::string pid = absl::StrCat(::getpid(), "\n");
    if (::ftruncate(fd, 0) != 0) return posix_status(errno, "cannot write lock file", path);
    if (absl::Status status = write_all(fd, pid, path); !status.ok()) return status;
    return std::shared_ptr<void>(std::move(held));
  }

  void step(std::string_view name) override { steps_.pass(name); }

 private:
  static absl::Status in_use(int fd, const std::string& path) {
    std::string pid;
    if (!read_all(fd, path, &pid).ok()) pid.clear();
    while (!pid.empty() && pid.back() == '\n') pid.pop_back();
    if (pid.empty()) pid = "not known yet";
    return absl::UnavailableError(
        absl::StrCat(path, " is locked by a running process (pid ", pid,
                     "); stop that process, or give this one a folder of its own"));
  }

  absl::Status copy(const std::string& from, const std::string& to) {
    absl::StatusOr<std::string> bytes = read(from);
    return bytes.ok() ? write_synced(*this, to, *bytes) : bytes.status();
  }

  PersistenceSteps steps_;
};

}  // namespace

Storage& local_storage() {
  static LocalStorage storage;
  return storage;
}

}  // namespace weir::runtime
