#include "supervisor/program_store.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "sha256.h"

namespace weir::coordinator {
namespace {

absl::Status append_to(const std::string& path, std::uint64_t at, std::string_view bytes) {
  const int fd = ::open(path.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
  if (fd < 0) return absl::ErrnoToStatus(errno, absl::StrCat("cannot create ", path));
  absl::Status done;
  while (!bytes.empty() && done.ok()) {
    const ssize_t n = ::pwrite(fd, bytes.data(), bytes.size(), static_cast<off_t>(at));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) {
      done = absl::ErrnoToStatus(errno, absl::StrCat("cannot write ", path));
    } else {
      at += static_cast<std::uint64_t>(n);
      bytes.remove_prefix(static_cast<std::size_t>(n));
    }
  }
  if (::close(fd) != 0 && done.ok()) {
    done = absl::ErrnoToStatus(errno, absl::StrCat("cannot close ", path));
  }
  return done;
}

// Of a file or a folder.
absl::Status sync(const std::string& path) {
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return absl::ErrnoToStatus(errno, absl::StrCat("cannot open ", path));
  const bool is_synced = ::fsync(fd) == 0;
  const int failed = errno;
  ::close(fd);
  if (is_synced) return absl::OkStatus();
  return absl::ErrnoToStatus(failed, absl::StrCat("cannot sync ", path));
}

std::uint64_t size_of(const std::string& path) {
  std::error_code missing;
  const std::uintmax_t bytes = std::filesystem::file_size(path, missing);
  return missing ? 0 : bytes;
}

}  // namespace

ProgramStore::ProgramStore(std::string dir, ProgramStoreLimits limits)
    : dir_(std::move(dir)), limits_(limits) {}

std::string ProgramStore::path(const std::string& sha256) const {
  return absl::StrCat(dir_, "/", sha256);
}

bool ProgramStore::has(const std::string& sha256) const {
  return is_sha256(sha256) && ::access(path(sha256).c_str(), F_OK) == 0;
}

absl::Status ProgramStore::complete(const std::string& sha256) const {
  const std::string part = path(sha256) + ".part";
  const absl::StatusOr<std::string> actual = sha256_of_file(part);
  if (!actual.ok()) return actual.status();
  if (*actual != sha256) {
    ::unlink(part.c_str());
    return absl::DataLossError(absl::StrCat("a program came with SHA-256 ", *actual, " instead of ",
                                            sha256, "; submit it again"));
  }
  if (absl::Status synced = sync(part); !synced.ok()) return synced;
  if (::chmod(part.c_str(), 0500) != 0 || ::rename(part.c_str(), path(sha256).c_str()) != 0) {
    return absl::ErrnoToStatus(errno, absl::StrCat("cannot store ", path(sha256)));
  }
  return sync(dir_);
}

absl::StatusOr<std::uint64_t> ProgramStore::append(const std::string& sha256, std::uint64_t offset,
                                                   std::uint64_t total, std::string_view bytes) {
  if (!is_sha256(sha256)) return absl::InvalidArgumentError("a program's name is no SHA-256");
  if (has(sha256)) return total;
  if (total == 0 || total > limits_.program_bytes) {
    return absl::InvalidArgumentError(absl::StrCat(
        "a program of ", total, " bytes is not taken; at most ", limits_.program_bytes, " are"));
  }
  if (bytes.size() > total || offset > total - bytes.size()) {
    return absl::InvalidArgumentError("a program is longer than it said");
  }
  const std::string part = path(sha256) + ".part";
  if (offset == 0 && begun_.insert(sha256).second) ::unlink(part.c_str());
  const std::uint64_t have = size_of(part);
  if (offset > have)
    return absl::OutOfRangeError(absl::StrCat("bytes from ", have, " are missing"));
  if (offset + bytes.size() > have) {
    const absl::Status written = append_to(part, have, bytes.substr(have - offset));
    if (!written.ok()) return written;
  }
  const std::uint64_t now = size_of(part);
  if (now > total) {
    ::unlink(part.c_str());
    begun_.erase(sha256);
    return absl::DataLossError("a program is longer than it said; submit it again");
  }
  if (now == total) {
    const absl::Status completed = complete(sha256);
    begun_.erase(sha256);
    if (!completed.ok()) return completed;
  }
  return now;
}

absl::StatusOr<Programs::Part> ProgramStore::read(const std::string& sha256, std::uint64_t offset,
                                                  std::uint64_t most) const {
  if (!has(sha256)) return absl::NotFoundError("there is no program " + sha256);
  Part part;
  part.total = size_of(path(sha256));
  if (offset >= part.total) return part;
  const int fd = ::open(path(sha256).c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return absl::ErrnoToStatus(errno, absl::StrCat("cannot read ", path(sha256)));
  part.bytes.resize(std::min(most, part.total - offset));
  std::size_t have = 0;
  while (have < part.bytes.size()) {
    const ssize_t n = ::pread(fd, part.bytes.data() + have, part.bytes.size() - have,
                              static_cast<off_t>(offset + have));
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) break;
    have += static_cast<std::size_t>(n);
  }
  ::close(fd);
  if (have < part.bytes.size()) {
    return absl::UnavailableError(absl::StrCat("cannot read ", path(sha256)));
  }
  return part;
}

void ProgramStore::forget_old(const std::set<std::string>& used) {
  struct Program {
    std::filesystem::file_time_type time;
    std::string path;
    std::uint64_t bytes;
    bool is_used;
  };
  std::vector<Program> programs;
  std::uint64_t all = 0;
  std::error_code ignored;
  for (const auto& entry : std::filesystem::directory_iterator(dir_, ignored)) {
    const std::string file = entry.path().string();
    programs.push_back({entry.last_write_time(ignored), file, size_of(file),
                        used.count(entry.path().stem().string()) != 0});
    all += programs.back().bytes;
  }
  std::sort(programs.begin(), programs.end(),
            [](const Program& a, const Program& b) { return a.time < b.time; });
  for (const Program& program : programs) {
    if (all <= limits_.all_bytes) return;
    if (program.is_used) continue;
    ::unlink(program.path.c_str());
    all -= program.bytes;
  }
}

}  // namespace weir::coordinator
