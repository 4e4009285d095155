// Encoder and Decoder: the byte level under every Codec. Little endian; varints are LEB128 of at
// most ten bytes. Both are values on the stack of one call; neither owns bytes.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <type_traits>

namespace weir::runtime {

static_assert(std::endian::native == std::endian::little, "Weir stores bytes in little endian");

// Appends to a string that the caller owns.
class Encoder {
 public:
  explicit Encoder(std::string& out) : out_(out) {}

  template <class T>
  requires std::is_trivially_copyable_v<T>
  void put_fixed(const T& value) { out_.append(reinterpret_cast<const char*>(&value), sizeof(T)); }
  void put_varint(std::uint64_t value) {
    char buffer[10];
    std::size_t n = 0;
    while (value >= 0x80) {
      buffer[n++] = static_cast<char>(value | 0x80);
      value >>= 7;
    }
    buffer[n++] = static_cast<char>(value);
    out_.append(buffer, n);
  }
  void put_raw(const void* data, std::size_t size) {
    out_.append(static_cast<const char*>(data), size);
  }
  // Length, then the bytes.
  void put_bytes(std::string_view bytes) {
    put_varint(bytes.size());
    out_.append(bytes);
  }

  std::string& out() { return out_; }

 private:
  std::string& out_;
};

// Reads from bytes that outlive it. After the first failure every read fails.
class Decoder {
 public:
  explicit Decoder(std::string_view bytes)
      : next_(bytes.data()), end_(bytes.data() + bytes.size()) {}

  template <class T>
  requires std::is_trivially_copyable_v<T>
  [[nodiscard]] bool get_fixed(T& value) { return get_raw(&value, sizeof(T)); }
  [[nodiscard]] bool get_varint(std::uint64_t& value) {
    std::uint64_t result = 0;
    for (unsigned shift = 0; shift < 64; shift += 7) {
      if (next_ == end_) return fail();
      const auto byte = static_cast<unsigned char>(*next_++);
      if (shift == 63 && byte > 1) return fail();
      result |= static_cast<std::uint64_t>(byte & 0x7F) << shift;
      if (byte < 0x80) {
        value = result;
        return true;
      }
    }
    return fail();
  }
  [[nodiscard]] bool get_raw(void* data, std::size_t size) {
    if (remaining() < size) return fail();
    if (size != 0) std::memcpy(data, next_, size);
    next_ += size;
    return true;
  }
  // A view into the decoder's bytes.
  [[nodiscard]] bool get_bytes(std::string_view& bytes) {
    std::uint64_t size = 0;
    if (!get_count(size)) return false;
    bytes = std::string_view(next_, size);
    next_ += size;
    return true;
  }
  // A count of values of at least one byte each, so at most remaining().
  [[nodiscard]] bool get_count(std::uint64_t& count) {
    return get_varint(count) && (count <= remaining() || fail());
  }

  // Marks the bytes as bad. Always false, so that `return decoder.fail();` reads well.
  bool fail() {
    failed_ = true;
    next_ = end_;
    return false;
  }
  bool ok() const { return !failed_; }
  std::size_t remaining() const { return static_cast<std::size_t>(end_ - next_); }

 private:
  const char* next_;
  const char* end_;
  bool failed_ = false;
};

}  // namespace weir::runtime

namespace weir {
using runtime::Decoder;
using runtime::Encoder;
}  // namespace weir
