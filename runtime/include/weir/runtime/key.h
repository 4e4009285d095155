// Keys: their encoded bytes, their hash, and how a key is looked up without being copied.
//
// key_hash(key) = hash_bytes(encoded key) always, computed without encoding wherever the key's own
// bytes are its encoding:
//
//   integer, bool, enum, EventTime, duration    little endian at its own width
//   std::string, string_view, char literal      the characters, without a length
//   anything else (records, pairs, ...)         its Codec form; on the stack if it has a fixed size
//
// The hash decides the key group and with it where state lives, so the width of an integer key is
// part of a job: int32 1 and int64 1 are different keys. Pure functions; any thread.
#pragma once

#include <array>
#include <chrono>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <unordered_map>
#include <utility>
#include <vector>

#include "weir/runtime/codec.h"
#include "weir/runtime/hash.h"

namespace weir::runtime {

template <class K>
inline constexpr bool kIsDuration = false;
template <class Rep, class Period>
inline constexpr bool kIsDuration<std::chrono::duration<Rep, Period>> = std::is_integral_v<Rep>;

// Keys whose object bytes are their encoding.
template <class K>
concept ScalarKey =
    std::integral<K> || std::is_enum_v<K> || std::same_as<K, EventTime> || kIsDuration<K>;

// std::string, and what a std::string key can be asked for with. A char array ends at its NUL.
template <class K>
concept TextKey = std::same_as<K, std::string> || std::same_as<K, std::string_view> ||
                  std::same_as < std::decay_t<K>,
const char* > || std::same_as<std::decay_t<K>, char*>;

// Whether equal values of T have equal bytes: false for floating point (0.0 and -0.0), for
// unordered maps (any order) and for opaque types with padding.
template <class T>
inline constexpr bool kEqualMeansSameBytes =
    !std::is_floating_point_v<T> && (!Opaque<T> || std::has_unique_object_representations_v<T>);
template <class T>
inline constexpr bool kEqualMeansSameBytes<std::optional<T>> = kEqualMeansSameBytes<T>;
template <class T>
inline constexpr bool kEqualMeansSameBytes<std::vector<T>> = kEqualMeansSameBytes<T>;
template <class T, std::size_t N>
inline constexpr bool kEqualMeansSameBytes<std::array<T, N>> = kEqualMeansSameBytes<T>;
template <class A, class B>
inline constexpr bool kEqualMeansSameBytes<std::pair<A, B>> =
    kEqualMeansSameBytes<A>&& kEqualMeansSameBytes<B>;
template <class... Ts>
inline constexpr bool kEqualMeansSameBytes<std::tuple<Ts...>> = (kEqualMeansSameBytes<Ts> && ...);
template <class Rep, class Period>
inline constexpr bool kEqualMeansSameBytes<std::chrono::duration<Rep, Period>> =
    std::is_integral_v<Rep>;
template <class K, class V, class L>
inline constexpr bool kEqualMeansSameBytes<std::map<K, V, L>> =
    kEqualMeansSameBytes<K>&& kEqualMeansSameBytes<V>;
template <class K, class V, class H, class E>
inline constexpr bool kEqualMeansSameBytes<std::unordered_map<K, V, H, E>> = false;

template <class T, class Fields>
inline constexpr bool kFieldsHaveSameBytes = false;
template <class T, class... Members>
inline constexpr bool kFieldsHaveSameBytes<T, std::tuple<Field<T, Members>...>> =
    (kEqualMeansSameBytes<Members> && ...);
template <Reflected T>
inline constexpr bool kEqualMeansSameBytes<T> =
    kFieldsHaveSameBytes<T, decltype(record_fields<T>())>;

// A type that records can be grouped by: copyable, comparable with ==, with a binary form in which
// equal keys have equal bytes (so no floating point: use an integer or a string instead).
template <class K>
concept KeyType = std::same_as<K, std::remove_cvref_t<K>> && std::copyable<K> &&
    std::equality_comparable<K> && Encodable<K> && kEqualMeansSameBytes<K>;

// The hash of a key; the same for a std::string and for any text with the same characters.
template <class K>
[[gnu::always_inline]] inline std::uint64_t key_hash(const K& key) {
  if constexpr (ScalarKey<K>) {
    return hash_bytes(&key, sizeof(K));
  } else if constexpr (TextKey<K>) {
    const std::string_view text = key;
    return hash_bytes(text.data(), text.size());
  } else if constexpr (FixedSize<K>) {
    char bytes[Codec<K>::kBytes];
    Codec<K>::store(bytes, key);
    return hash_bytes(bytes, sizeof(bytes));
  } else {
    thread_local std::string bytes;
    bytes.clear();
    encode_to(bytes, key);
    return hash_bytes(bytes.data(), bytes.size());
  }
}

// How a key is stored and found. Probe is what a table is asked with: a string_view for text, so
// that no string is built for a lookup, and the key itself for everything else.
template <class K>
struct KeyTraits {
  using Probe = const K&;
  static std::uint64_t hash(const K& key) { return key_hash(key); }
  static void encode_key(std::string& out, const K& key) { encode_to(out, key); }
  [[nodiscard]] static bool decode_key(std::string_view bytes, K& key) {
    return decode_from(bytes, key);
  }
  static bool equal(const K& stored, const K& probe) { return stored == probe; }
  // Whether `stored` equals K{}, as the key of an empty slot does.
  static bool is_default(const K& stored) { return stored == K{}; }
  static const K& own(const K& probe) { return probe; }
};

// Whether two texts of `size` bytes are the same. Keys are short as a rule: up to 16 bytes are
// compared in place, as two words that may overlap.
[[gnu::always_inline]] inline bool same_text(const char* a, const char* b, std::size_t size) {
  const auto same_ends = [&]<class Word>(Word) {
    Word words[4];
    std::memcpy(&words[0], a, sizeof(Word));
    std::memcpy(&words[1], b, sizeof(Word));
    std::memcpy(&words[2], a + size - sizeof(Word), sizeof(Word));
    std::memcpy(&words[3], b + size - sizeof(Word), sizeof(Word));
    return ((words[0] ^ words[1]) | (words[2] ^ words[3])) == 0;
  };
  if (size > 16) return std::memcmp(a, b, size) == 0;
  if (size >= 8) return same_ends(std::uint64_t{});
  if (size >= 4) return same_ends(std::uint32_t{});
  if (size >= 2) return same_ends(std::uint16_t{});
  return size == 0 || *a == *b;
}

template <>
struct KeyTraits<std::string> {
  using Probe = std::string_view;
  static std::uint64_t hash(std::string_view key) { return key_hash(key); }
  static void encode_key(std::string& out, std::string_view key) { out.append(key); }
  [[nodiscard]] static bool decode_key(std::string_view bytes, std::string& key) {
    key.assign(bytes);
    return true;
  }
  static bool equal(std::string_view stored, std::string_view probe) {
    return stored.size() == probe.size() && same_text(stored.data(), probe.data(), probe.size());
  }
  static bool is_default(std::string_view stored) { return stored.empty(); }
  static std::string own(std::string_view probe) { return std::string(probe); }
};

}  // namespace weir::runtime

namespace weir {
using runtime::KeyType;
}  // namespace weir
