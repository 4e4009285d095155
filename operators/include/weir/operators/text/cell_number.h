// Numbers in text: the fault codes of a cell, and the integer parser that every text format shares.
#pragma once

#include <charconv>
#include <concepts>
#include <cstdint>
#include <cstring>
#include <limits>
#include <string_view>
#include <system_error>
#include <type_traits>

namespace weir::operators {

// Why one value could not be read.
enum class CellFault : std::uint8_t {
  kNone,
  kEmpty,       // nothing where a value must be
  kMalformed,   // not of the type
  kOutOfRange,  // of the type, but too large or too small
  kNoZone,      // a time without an offset from UTC
  kTooLong,     // text longer than its fixed field
  kBadQuotes,   // text behind a closing quote, or a quote never closed
  kWrongKind,   // JSON: another kind of value
  kMissing,     // JSON: the field is not there
};

namespace detail {

// Whether all eight bytes of `chunk` are digits.
inline bool all_digits(std::uint64_t chunk) {
  return ((chunk & 0xF0F0F0F0F0F0F0F0U) |
          (((chunk + 0x0606060606060606U) & 0xF0F0F0F0F0F0F0F0U) >> 4)) == 0x3333333333333333U;
}

// The value of eight digits, the first in the lowest byte.
inline std::uint64_t eight_digits(std::uint64_t chunk) {
  chunk -= 0x3030303030303030U;
  chunk = chunk * 10 + (chunk >> 8);
  constexpr std::uint64_t kMask = 0x000000FF000000FFU;
  constexpr std::uint64_t kMul1 = 0x000F424000000064U;  // 100 + (1000000 << 32)
  constexpr std::uint64_t kMul2 = 0x0000271000000001U;  // 1 + (10000 << 32)
  return (((chunk & kMask) * kMul1) + (((chunk >> 16) & kMask) * kMul2)) >> 32;
}

template <class T>
CellFault parse_long_integer(const char* begin, const char* end, T& out) {
  const auto [next, error] = std::from_chars(begin, end, out);
  if (error == std::errc::invalid_argument || next != end) return CellFault::kMalformed;
  return error == std::errc() ? CellFault::kNone : CellFault::kOutOfRange;
}

}  // namespace detail

// A decimal integer that is all of `text`: digits, with a leading '-' if T is signed.
template <std::integral T>
inline CellFault parse_integer(std::string_view text, T& out) {
  const char* p = text.data();
  const char* const end = p + text.size();
  if (p == end) return CellFault::kEmpty;
  const bool negative = *p == '-';
  if (negative) ++p;
  if (end - p > 18) return detail::parse_long_integer(text.data(), end, out);
  if (p == end) return CellFault::kMalformed;
  std::uint64_t value = 0;
  for (; end - p >= 8; p += 8) {
    std::uint64_t chunk = 0;
    std::memcpy(&chunk, p, 8);
    if (!detail::all_digits(chunk)) return CellFault::kMalformed;
    value = value * 100'000'000 + detail::eight_digits(chunk);
  }
  for (; p != end; ++p) {
    const unsigned digit = static_cast<unsigned char>(*p) - unsigned{'0'};
    if (digit > 9) return CellFault::kMalformed;
    value = value * 10 + digit;
  }
  constexpr auto kMax = static_cast<std::uint64_t>(std::numeric_limits<T>::max());
  if constexpr (std::is_signed_v<T>) {
    if (value > kMax + (negative ? 1 : 0)) return CellFault::kOutOfRange;
    out = static_cast<T>(negative ? std::uint64_t{0} - value : value);
  } else {
    if (value > kMax || (negative && value != 0)) return CellFault::kOutOfRange;
    out = static_cast<T>(value);
  }
  return CellFault::kNone;
}

}  // namespace weir::operators
