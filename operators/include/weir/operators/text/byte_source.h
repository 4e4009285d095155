// ByteSource: bytes of a file, plain or gzip, from any offset.
//
//   file --ByteSource--> blocks --BlockBuffer--> records
//
// Offsets count uncompressed bytes, so that a position in a .gz file is a position in its text.
// Calls block; a source belongs to one thread at a time. Errors name the file and say what to do. A
// source that follows a growing file gives kNotYet at its end, and an error if the file got
// shorter.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace weir::operators {

enum class SourceState : std::uint8_t {
  kData,    // `bytes` bytes were read, at least one
  kNotYet,  // nothing more for now; ask again later
  kEnd,     // nothing will follow
};

struct SourceRead {
  SourceState state = SourceState::kEnd;
  std::size_t bytes = 0;
};

class ByteSource {
 public:
  static constexpr std::size_t kBlockBytes = std::size_t{1} << 20;

  virtual ~ByteSource() = default;
  // Reads up to `size` bytes to `out`, blocking for the first.
  virtual absl::StatusOr<SourceRead> read(char* out, std::size_t size) = 0;
  // Makes `offset` the next byte to be read; not behind position() for sources that cannot go back.
  virtual absl::Status seek(std::uint64_t offset) = 0;
  // Offset of the next byte.
  virtual std::uint64_t position() const = 0;
  // The path, or a name for people.
  virtual const std::string& name() const = 0;
};

struct FileSourceOptions {
  std::uint64_t offset = 0;  // of the first byte to be read
  bool follow = false;       // the file may grow
};

// Opens the file at `path`; gzip if its name ends with .gz or its first two bytes say so.
absl::StatusOr<std::unique_ptr<ByteSource>> open_file(const std::string& path,
                                                      FileSourceOptions options = {});

// The same without a look at what is in it: the bytes as they are stored.
absl::StatusOr<std::unique_ptr<ByteSource>> open_raw_file(const std::string& path);

// Reads from an open descriptor (a pipe, standard input), which it closes if `owned`.
std::unique_ptr<ByteSource> descriptor_source(int descriptor, std::string name, bool owned);

// Bytes in memory, for tests. With `follow` it gives kNotYet at the end.
std::unique_ptr<ByteSource> memory_source(std::string bytes, std::string name = "memory",
                                          bool follow = false);

}  // namespace weir::operators
