#include "weir/operators/files/file_set.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "weir/operators/text/byte_source.h"
#include "weir/runtime/content_hash.h"

namespace weir::operators {
namespace {

constexpr std::uint64_t kFingerprintTail = std::uint64_t{4} << 10;

// Opens it and lets it go: the error of a file that cannot be read. Never waits for a pipe.
std::string read_fault(const std::string& path) {
  struct ::stat info {};
  if (::stat(path.c_str(), &info) == 0 && !S_ISREG(info.st_mode) && !S_ISDIR(info.st_mode)) {
    return absl::StrCat("\"", path,
                        "\" is neither a file nor a folder, so it cannot be read again after a "
                        "failure; pipe it into the program and read csv_stdin or stdin_lines");
  }
  return std::string(open_file(path).status().message());
}

// Up to `bytes` bytes from `offset` on, as they are stored.
absl::StatusOr<std::string> raw_bytes(ByteSource& source, std::uint64_t offset,
                                      std::uint64_t bytes) {
  if (absl::Status status = source.seek(offset); !status.ok()) return status;
  std::string text(bytes, '\0');
  std::size_t have = 0;
  while (have < bytes) {
    absl::StatusOr<SourceRead> got = source.read(text.data() + have, text.size() - have);
    if (!got.ok()) return got.status();
    if (got->state != SourceState::kData) break;
    have += got->bytes;
  }
  text.resize(have);
  return text;
}

absl::StatusOr<FileFingerprint> fingerprint_of(const std::string& path, std::uint64_t head_bytes) {
  absl::StatusOr<std::unique_ptr<ByteSource>> source = open_raw_file(path);
  if (!source.ok()) return source.status();
  FileFingerprint print;
  std::error_code error;
  print.size = std::filesystem::file_size(path, error);
  if (error) {
    return absl::UnavailableError(
        absl::StrCat("cannot look at \"", path, "\": ", error.message(), "; check the file"));
  }
  print.head_bytes = std::min(head_bytes, print.size);
  const std::uint64_t tail = std::min(kFingerprintTail, print.size);
  absl::StatusOr<std::string> head_text = raw_bytes(**source, 0, print.head_bytes);
  if (!head_text.ok()) return head_text.status();
  absl::StatusOr<std::string> tail_text = raw_bytes(**source, print.size - tail, tail);
  if (!tail_text.ok()) return tail_text.status();
  print.head_hash = runtime::content_hash(*head_text);
  print.tail_hash = runtime::content_hash(*tail_text);
  return print;
}

absl::Status replaced(const std::string& path, const std::string& how) {
  return absl::FailedPreconditionError(absl::StrCat(
      "\"", path, "\" is not the file that the checkpoint was reading: ", how,
      "; put the old file back, or start afresh with another state folder and another output"));
}

}  // namespace

FileSet FileSet::find(std::string path, FileKind kind, bool follow, Expect expect) {
  FileSet set;
  set.path_ = std::move(path);
  set.kind_ = std::move(kind);
  if (set.path_.empty()) {
    set.fault_ = "the path is empty; give a file or a folder";
    return set;
  }
  std::error_code error;
  set.is_folder_ = std::filesystem::is_directory(set.path_, error);
  while (set.is_folder_ && set.path_.size() > 1 && set.path_.back() == '/') set.path_.pop_back();
  if (!set.is_folder_) {
    set.names_ = {set.path_};
    set.fault_ = read_fault(set.path_);
    if (set.fault_.empty() && expect == Expect::kFolder) {
      set.fault_ = absl::StrCat("\"", set.path_, "\" is a file, and a folder is expected");
    }
    return set;
  }
  absl::StatusOr<std::vector<std::string>> names = set.list();
  if (!names.ok()) {
    set.fault_ = std::string(names.status().message());
    return set;
  }
  set.names_ = *std::move(names);
  if (set.names_.empty() && !follow) {
    set.fault_ = absl::StrCat(
        "there is no ", set.kind_.name, " file in the folder \"", set.path_, "\"",
        set.kind_.endings.empty()
            ? std::string()
            : absl::StrCat(" (names that end with ", absl::StrJoin(set.kind_.endings, ", "), ")"),
        "; check the path");
  }
  for (const std::string& name : set.names_) {
    if (const std::string why = read_fault(set.path_of(name)); !why.empty()) {
      set.fault_ += (set.fault_.empty() ? "" : "; ") + why;
    }
  }
  return set;
}

std::string FileSet::path_of(const std::string& name) const {
  if (!is_folder_) return name;
  return path_.back() == '/' ? path_ + name : path_ + "/" + name;
}

std::string FileSet::describe() const {
  if (!is_folder_) return path_;
  return absl::StrCat(path_, "/, ", names_.size(), names_.size() == 1 ? " file" : " files");
}

absl::StatusOr<std::vector<std::string>> FileSet::list() const {
  std::vector<std::string> names;
  std::error_code error;
  std::filesystem::directory_iterator entry(path_, error);
  for (const std::filesystem::directory_iterator end; !error && entry != end;
       entry.increment(error)) {
    const std::string name = entry->path().filename().string();
    const auto fits = [&](const std::string& ending) { return absl::EndsWith(name, ending); };
    const bool has_ending =
        kind_.endings.empty() || std::any_of(kind_.endings.begin(), kind_.endings.end(), fits);
    std::error_code ignored;
    if (name[0] == '.' || !has_ending || entry->is_directory(ignored)) continue;
    names.push_back(name);
  }
  if (error) {
    return absl::UnavailableError(absl::StrCat("cannot list the folder \"", path_,
                                               "\": ", error.message(),
                                               "; check that it is there and may be read"));
  }
  std::sort(names.begin(), names.end());
  return names;
}

absl::StatusOr<FileFingerprint> fingerprint(const std::string& path) {
  return fingerprint_of(path, kFingerprintHead);
}

absl::Status check_unchanged(const std::string& path, const FileFingerprint& before,
                             bool may_grow) {
  absl::StatusOr<FileFingerprint> now = fingerprint_of(path, before.head_bytes);
  if (!now.ok()) {
    return absl::Status(now.status().code(),
                        absl::StrCat("a file that the checkpoint was reading is missing: ",
                                     now.status().message()));
  }
  if (now->size < before.size) {
    return replaced(
        path, absl::StrCat("it had ", before.size, " bytes then and has ", now->size, " now"));
  }
  if (now->head_hash != before.head_hash) return replaced(path, "its first bytes differ");
  if (may_grow) return absl::OkStatus();
  if (now->size != before.size) {
    return replaced(path, absl::StrCat("it had ", before.size, " bytes then and has ", now->size,
                                       " now (a file that grows is read with .follow = true)"));
  }
  if (now->tail_hash != before.tail_hash) return replaced(path, "its last bytes differ");
  return absl::OkStatus();
}

}  // namespace weir::operators
