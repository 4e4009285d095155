// FileSet: which files a spout reads, found when the topology is built.
//
// A path that is a file is that file; a path that is a folder is all files in it with the endings
// of the format, sorted bytewise by name, without those whose name begins with a dot. A value; what
// cannot be read is told by fault(), never thrown.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "weir/operators/text/record_reader.h"
#include "weir/runtime/record.h"

namespace weir::operators {

// Names of the files of one format.
struct FileKind {
  const char* name;                  // "CSV"
  std::vector<std::string> endings;  // ".csv", ".csv.gz"; none = any file
};

class FileSet {
 public:
  enum class Expect : std::uint8_t { kFileOrFolder, kFolder };

  // `follow`: the folder may still be empty.
  static FileSet find(std::string path, FileKind kind, bool follow,
                      Expect expect = Expect::kFileOrFolder);

  // Why nothing can be read; empty if it can.
  const std::string& fault() const { return fault_; }
  const std::string& path() const { return path_; }
  bool is_folder() const { return is_folder_; }
  // Names; for a single file its path.
  const std::vector<std::string>& names() const { return names_; }
  std::string path_of(const std::string& name) const;
  // For people, in the plan: "flights/*.csv (3 files)".
  std::string describe() const;

  // The names that are in the folder now.
  absl::StatusOr<std::vector<std::string>> list() const;

 private:
  std::string path_;
  FileKind kind_;
  bool is_folder_ = false;
  std::vector<std::string> names_;
  std::string fault_;
};

// Tells whether a file is the one that was read before. A file that grows keeps its first bytes.
struct FileFingerprint {
  std::uint64_t size = 0;        // bytes of the file, compressed or not
  std::uint64_t head_bytes = 0;  // the first ones, which the hash is about
  std::string head_hash;
  std::string tail_hash;  // of the last 4 KiB
  friend bool operator==(const FileFingerprint&, const FileFingerprint&) = default;
};
WEIR_RECORD(FileFingerprint, size, head_bytes, head_hash, tail_hash);

// Bytes at the front that a fingerprint covers.
inline constexpr std::uint64_t kFingerprintHead = std::uint64_t{64} << 10;

absl::StatusOr<FileFingerprint> fingerprint(const std::string& path);
// Not OK, saying what differs, if `path` is no longer the file that `before` was taken from.
absl::Status check_unchanged(const std::string& path, const FileFingerprint& before, bool may_grow);

// Where a partition of a file spout stands.
struct FilePosition {
  std::string file;         // name in the folder; empty = none has been opened yet
  FileFingerprint print;    // of that file
  TextPosition at;          // in its (uncompressed) text
  bool is_done = false;     // nothing more will come
  std::uint32_t files = 0;  // partitions in all
};
WEIR_RECORD(FilePosition, file, print, at, is_done, files);

}  // namespace weir::operators
