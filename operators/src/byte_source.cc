#include "weir/operators/text/byte_source.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "file_source.h"

namespace weir::operators {
namespace {

std::string where_from(const std::string& path) {
  if (!path.empty() && path[0] == '/') return "";
  std::error_code ignored;
  return absl::StrCat(" (relative to the current folder, ",
                      std::filesystem::current_path(ignored).string(), ")");
}

absl::Status open_error(const std::string& path, int error) {
  const std::string place = where_from(path);
  switch (error) {
    case ENOENT:
      return absl::NotFoundError(absl::StrCat("cannot read \"", path, "\": there is no such file",
                                              place, "; check the path"));
    case ENOTDIR:
      return absl::NotFoundError(absl::StrCat(
          "cannot read \"", path, "\": a part of the path is a file, not a folder", place));
    case EACCES:
      return absl::PermissionDeniedError(
          absl::StrCat("cannot read \"", path, "\": permission denied for this user", place,
                       "; make the file readable or run as its owner"));
    case EMFILE:
    case ENFILE:
      return absl::ResourceExhaustedError(
          absl::StrCat("cannot read \"", path, "\": too many open files; raise `ulimit -n`"));
    default:
      return absl::UnknownError(
          absl::StrCat("cannot read \"", path, "\": ", std::strerror(error), place));
  }
}

class MemorySource final : public ByteSource {
 public:
  MemorySource(std::string bytes, std::string name, bool follow)
      : name_(std::move(name)), bytes_(std::move(bytes)), follow_(follow) {}

  absl::StatusOr<SourceRead> read(char* out, std::size_t size) override {
    const std::size_t n = std::min(size, bytes_.size() - at_);
    if (n == 0) return SourceRead{follow_ ? SourceState::kNotYet : SourceState::kEnd, 0};
    std::memcpy(out, bytes_.data() + at_, n);
    at_ += n;
    return SourceRead{SourceState::kData, n};
  }
  absl::Status seek(std::uint64_t offset) override {
    if (offset > bytes_.size()) return beyond_end(name_, offset, bytes_.size());
    at_ = offset;
    return absl::OkStatus();
  }
  std::uint64_t position() const override { return at_; }
  const std::string& name() const override { return name_; }

 private:
  const std::string name_;
  const std::string bytes_;
  const bool follow_;
  std::size_t at_ = 0;
};

}  // namespace

absl::Status beyond_end(const std::string& name, std::uint64_t offset, std::uint64_t size) {
  return absl::DataLossError(absl::StrCat(
      "\"", name, "\" is shorter than it was: ", offset, " bytes were read before, now it has ",
      size, "; it was cut or replaced. Restore the file, or start without the old state"));
}

DescriptorSource::DescriptorSource(int descriptor, std::string name, bool owned, bool follow)
    : name_(std::move(name)), descriptor_(descriptor), owned_(owned), follow_(follow) {}

DescriptorSource::~DescriptorSource() {
  if (owned_) ::close(descriptor_);
}

absl::StatusOr<SourceRead> DescriptorSource::read(char* out, std::size_t size) {
  for (;;) {
    const ::ssize_t n = ::read(descriptor_, out, size);
    if (n > 0) {
      position_ += static_cast<std::uint64_t>(n);
      return SourceRead{SourceState::kData, static_cast<std::size_t>(n)};
    }
    if (n == 0) {
      if (absl::Status status = check_not_cut(); !status.ok()) return status;
      return SourceRead{follow_ ? SourceState::kNotYet : SourceState::kEnd, 0};
    }
    if (errno == EAGAIN || errno == EWOULDBLOCK) return SourceRead{SourceState::kNotYet, 0};
    if (errno != EINTR) {
      return absl::DataLossError(absl::StrCat("cannot read \"", name_, "\" at byte ", position_,
                                              ": ", std::strerror(errno),
                                              "; check the disk or connection that it is on"));
    }
  }
}

// A regular file that is shorter than what was read has been cut.
absl::Status DescriptorSource::check_not_cut() const {
  struct ::stat info {};
  if (::fstat(descriptor_, &info) != 0 || !S_ISREG(info.st_mode)) return absl::OkStatus();
  const auto size = static_cast<std::uint64_t>(info.st_size);
  return size < position_ ? beyond_end(name_, position_, size) : absl::OkStatus();
}

absl::Status DescriptorSource::seek(std::uint64_t offset) {
  if (offset == position_) return absl::OkStatus();
  struct ::stat info {};
  if (::fstat(descriptor_, &info) == 0 && S_ISREG(info.st_mode)) {
    const auto size = static_cast<std::uint64_t>(info.st_size);
    if (offset > size) return beyond_end(name_, offset, size);
    if (::lseek(descriptor_, static_cast<::off_t>(offset), SEEK_SET) >= 0) {
      position_ = offset;
      return absl::OkStatus();
    }
  }
  return absl::FailedPreconditionError(
      absl::StrCat("\"", name_, "\" cannot be read again from byte ", offset,
                   ": it is a pipe or a device. Use a file where a job must survive a restart"));
}

absl::StatusOr<std::unique_ptr<ByteSource>> open_file(const std::string& path,
                                                      FileSourceOptions options) {
  const int descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (descriptor < 0) return open_error(path, errno);
  auto file = std::make_unique<DescriptorSource>(descriptor, path, true, options.follow);
  struct ::stat info {};
  if (::fstat(descriptor, &info) != 0) return open_error(path, errno);
  if (S_ISDIR(info.st_mode)) {
    return absl::InvalidArgumentError(
        absl::StrCat("cannot read \"", path,
                     "\": it is a folder; name a file in it, or read the folder as such"));
  }
  bool gzip = absl::EndsWithIgnoreCase(path, ".gz");
  if (!gzip && S_ISREG(info.st_mode)) {
    unsigned char magic[2] = {};
    gzip = ::pread(descriptor, magic, 2, 0) == 2 && magic[0] == 0x1F && magic[1] == 0x8B;
  }
  std::unique_ptr<ByteSource> source = std::move(file);
  if (gzip) source = gzip_source(std::move(source));
  if (absl::Status status = source->seek(options.offset); !status.ok()) return status;
  return source;
}

absl::StatusOr<std::unique_ptr<ByteSource>> open_raw_file(const std::string& path) {
  const int descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (descriptor < 0) return open_error(path, errno);
  return std::make_unique<DescriptorSource>(descriptor, path, true, false);
}

std::unique_ptr<ByteSource> descriptor_source(int descriptor, std::string name, bool owned) {
  return std::make_unique<DescriptorSource>(descriptor, std::move(name), owned, false);
}

std::unique_ptr<ByteSource> memory_source(std::string bytes, std::string name, bool follow) {
  return std::make_unique<MemorySource>(std::move(bytes), std::move(name), follow);
}

}  // namespace weir::operators
