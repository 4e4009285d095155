#include "supervisor/worker_logs.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <map>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"

namespace weir::coordinator {

using runtime::MutexLock;

namespace {

constexpr std::string_view kEnding = ".log";
constexpr std::size_t kOffsetDigits = 20;

// A file of a log: where it begins in the log, and how long it is.
struct Piece {
  std::string path;
  std::uint64_t offset = 0;
  std::uint64_t bytes = 0;
};

std::uint64_t size_of(const std::string& path) {
  std::error_code missing;
  const std::uintmax_t bytes = std::filesystem::file_size(path, missing);
  return missing ? 0 : bytes;
}

// "w" of "w.log" and of "w.log.00000000000000004096"; empty if it is no log.
std::string worker_of(const std::string& file) {
  const std::size_t ending = file.rfind(kEnding);
  if (ending == std::string::npos) return "";
  const std::size_t rest = file.size() - ending - kEnding.size();
  return rest == 0 || rest == kOffsetDigits + 1 ? file.substr(0, ending) : "";
}

// In order; the file that is written to now comes last.
std::vector<Piece> pieces_of(const std::string& current) {
  std::vector<Piece> pieces;
  const std::filesystem::path path(current);
  const std::string start = path.filename().string() + ".";
  std::error_code missing;
  for (const auto& entry : std::filesystem::directory_iterator(path.parent_path(), missing)) {
    const std::string name = entry.path().filename().string();
    if (!name.starts_with(start) || name.size() != start.size() + kOffsetDigits) continue;
    pieces.push_back({entry.path().string(),
                      std::strtoull(name.c_str() + start.size(), nullptr, 10),
                      size_of(entry.path().string())});
  }
  std::sort(pieces.begin(), pieces.end(),
            [](const Piece& a, const Piece& b) { return a.offset < b.offset; });
  const std::uint64_t end = pieces.empty() ? 0 : pieces.back().offset + pieces.back().bytes;
  pieces.push_back({current, end, size_of(current)});
  return pieces;
}

// Bytes [from, from + most) of a file, fewer at its end.
std::string read_part(const std::string& path, std::uint64_t from, std::uint64_t most) {
  std::string bytes;
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return bytes;
  bytes.resize(most);
  std::size_t have = 0;
  while (have < most) {
    const ssize_t n =
        ::pread(fd, bytes.data() + have, most - have, static_cast<off_t>(from + have));
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) break;
    have += static_cast<std::size_t>(n);
  }
  ::close(fd);
  bytes.resize(have);
  return bytes;
}

// The first `bytes` of `fd` as a new file `to`.
absl::Status copy_start(int fd, std::uint64_t bytes, const std::string& to) {
  const int out = ::open(to.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  if (out < 0) return absl::ErrnoToStatus(errno, absl::StrCat("cannot create ", to));
  std::uint64_t done = 0;
  int error = 0;
  while (done < bytes && error == 0) {
    auto from = static_cast<off_t>(done);
    const ssize_t n = ::copy_file_range(fd, &from, out, nullptr, bytes - done, 0);
    if (n > 0) done += static_cast<std::uint64_t>(n);
    if (n == 0) break;
    if (n < 0 && errno != EINTR) error = errno;
  }
  ::close(out);
  if (error == 0 && done == bytes) return absl::OkStatus();
  ::unlink(to.c_str());
  return absl::ErrnoToStatus(error == 0 ? EIO : error, absl::StrCat("cannot write ", to));
}

}  // namespace

WorkerLogs::WorkerLogs(std::string dir, WorkerLogLimits limits)
    : dir_(std::move(dir)), limits_(limits) {}

std::string WorkerLogs::path(const std::string& worker) const {
  return absl::StrCat(dir_, "/", worker, ".log");
}

absl::StatusOr<WorkerLogs::Part> WorkerLogs::read(const std::string& worker, std::int64_t offset,
                                                  std::uint64_t most) {
  MutexLock lock(mutex_);
  const std::string current = path(worker);
  if (!std::filesystem::exists(current)) {
    return absl::NotFoundError(absl::StrCat("there is no log of worker ", worker, " here"));
  }
  const std::vector<Piece> pieces = pieces_of(current);
  Part part;
  part.end = pieces.back().offset + pieces.back().bytes;
  const auto back = static_cast<std::uint64_t>(-offset);
  part.offset =
      offset >= 0 ? static_cast<std::uint64_t>(offset) : part.end - std::min(back, part.end);
  part.offset = std::clamp(part.offset, pieces.front().offset, part.end);
  for (const Piece& piece : pieces) {
    const std::uint64_t at = part.offset + part.bytes.size();
    if (at < piece.offset || at >= piece.offset + piece.bytes) continue;
    const std::uint64_t left = piece.offset + piece.bytes - at;
    part.bytes +=
        read_part(piece.path, at - piece.offset, std::min(left, most - part.bytes.size()));
  }
  return part;
}

std::string WorkerLogs::tail(const std::string& worker, std::size_t lines, std::size_t most_bytes) {
  absl::StatusOr<Part> part = read(worker, -static_cast<std::int64_t>(most_bytes), most_bytes);
  if (!part.ok()) return "";
  std::string text = std::move(part->bytes);
  std::size_t from = text.size();
  if (from > 0 && text[from - 1] == '\n') --from;
  for (; lines > 0 && from != 0; --lines) {
    const std::size_t newline = text.rfind('\n', from - 1);
    if (newline == std::string::npos) {
      // The first line may be cut, unless it is the log's first.
      if (part->offset == 0) return text;
      break;
    }
    from = newline;
  }
  return from < text.size() && text[from] == '\n' ? text.substr(from + 1) : text.substr(from);
}

std::string WorkerLogs::latest_of(const std::string& job) const {
  std::string latest;
  std::filesystem::file_time_type written;
  std::error_code missing;
  for (const auto& entry : std::filesystem::directory_iterator(dir_, missing)) {
    const std::string worker = worker_of(entry.path().filename().string());
    if (!worker.starts_with(job + "-e")) continue;
    const auto time = entry.last_write_time(missing);
    if (!latest.empty() && time <= written) continue;
    latest = worker;
    written = time;
  }
  return latest;
}

absl::Status WorkerLogs::rotate(const std::string& worker) {
  const std::string current = path(worker);
  if (size_of(current) <= limits_.piece_bytes) return absl::OkStatus();
  std::vector<Piece> pieces = pieces_of(current);
  const int fd = ::open(current.c_str(), O_RDWR | O_CLOEXEC);
  if (fd < 0) return absl::ErrnoToStatus(errno, absl::StrCat("cannot open ", current));
  struct stat info {};
  ::fstat(fd, &info);
  const auto size = static_cast<std::uint64_t>(info.st_size);
  const auto block = static_cast<std::uint64_t>(info.st_blksize);
  // Whole blocks, and not all of them: that is what can be taken off the front.
  const std::uint64_t most = (size - 1) / block * block;
  const std::string to =
      absl::StrCat(current, ".", absl::Dec(pieces.back().offset, absl::kZeroPad20));
  absl::Status done = copy_start(fd, most, to);
  if (done.ok() && ::fallocate(fd, FALLOC_FL_COLLAPSE_RANGE, 0, static_cast<off_t>(most)) != 0) {
    ::fstat(fd, &info);
    done = copy_start(fd, static_cast<std::uint64_t>(info.st_size), to);
    if (done.ok() && ::ftruncate(fd, 0) != 0) {
      done = absl::ErrnoToStatus(errno, absl::StrCat("cannot empty ", current));
      ::unlink(to.c_str());
    }
  }
  ::close(fd);
  if (!done.ok()) return done;
  for (std::size_t i = 0; i + limits_.pieces < pieces.size(); ++i) ::unlink(pieces[i].path.c_str());
  return done;
}

void WorkerLogs::remove_old(const std::set<std::string>& running) {
  std::map<std::string, std::vector<std::string>> files;
  std::vector<std::pair<std::filesystem::file_time_type, std::string>> ended;
  std::error_code missing;
  for (const auto& entry : std::filesystem::directory_iterator(dir_, missing)) {
    const std::string worker = worker_of(entry.path().filename().string());
    if (worker.empty() || running.count(worker) != 0) continue;
    files[worker].push_back(entry.path().string());
    if (entry.path().string() == path(worker)) {
      ended.emplace_back(entry.last_write_time(missing), worker);
    }
  }
  std::sort(ended.begin(), ended.end());
  for (std::size_t i = 0; i + limits_.old_logs < ended.size(); ++i) {
    for (const std::string& file : files[ended[i].second]) ::unlink(file.c_str());
  }
}

absl::Status WorkerLogs::tend(const std::set<std::string>& running) {
  MutexLock lock(mutex_);
  absl::Status first;
  for (const std::string& worker : running) {
    const absl::Status rotated = rotate(worker);
    if (first.ok()) first = rotated;
  }
  remove_old(running);
  return first;
}

}  // namespace weir::coordinator
