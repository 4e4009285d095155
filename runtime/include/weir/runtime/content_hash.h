// The hash by which files are known: XXH3 (128 bits) as 32 lower-case hex digits. It finds torn,
// truncated and flipped bytes; it is no defence against somebody who forges files.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

namespace weir::runtime {

inline constexpr std::size_t kContentHashDigits = 32;

std::string content_hash(std::string_view bytes);

// The same over bytes that come in pieces. One thread at a time.
class ContentHasher {
 public:
  ContentHasher();
  ~ContentHasher();
  ContentHasher(ContentHasher&&) noexcept;
  ContentHasher& operator=(ContentHasher&&) noexcept;

  void update(std::string_view bytes);
  // The hash of everything so far; more may follow.
  std::string hex() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace weir::runtime
