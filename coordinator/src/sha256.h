// SHA-256, the name under which programs travel: of bytes that come in pieces, and of files.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"

namespace weir::coordinator {

class Sha256 {
 public:
  Sha256();
  void update(std::string_view bytes);
  // 64 hexadecimal digits, lower case. Once.
  std::string hex();

 private:
  static constexpr std::size_t kStateBytes = 128;  // of libsodium's state; checked where it is used
  alignas(16) std::array<unsigned char, kStateBytes> state_;
};

// Reads the whole file; blocks.
absl::StatusOr<std::string> sha256_of_file(const std::string& path);

// Whether `text` is what hex() returns: only such a text may become part of a path.
bool is_sha256(std::string_view text);

}  // namespace weir::coordinator
