// Codec<T>: the binary form of a value, for state rows, snapshots and exchanges between processes.
//
//   value     every value takes at least one byte, so a count never exceeds the bytes that remain
//   integer, float, bool, enum, EventTime, duration     little endian at its own width
//   string    varint length | bytes
//   list, map varint count | elements (key, value)
//   optional  u8 0 or 1 | value
//   record, pair, tuple, array     elements in order; nothing between them (u8 0 if there are none)
//   opaqueN   the N bytes of a trivially copyable type
//
// schema() names this form; two types with equal schemas read each other's bytes. Decoding trusts
// nothing: it never throws for bad bytes, checks bounds before it allocates, and a failure sticks.
// A type of your own: WEIR_RECORD, or a specialisation of weir::runtime::Codec with these three
// functions. Encoding a value is deterministic except for unordered maps.
#pragma once

#include <concepts>
#include <cstdint>
#include <string>
#include <string_view>

#include "weir/runtime/codec_bytes.h"

namespace weir::runtime {

// Specialised for the types that have a binary form.
template <class T>
struct Codec;

// A type that can be kept in state, checkpointed and sent. If yours cannot: name its fields with
// WEIR_RECORD(Type, ...), make it trivially copyable without pointers, or specialise Codec for it.
template <class T>
concept Encodable = requires(Encoder& encoder, Decoder& decoder, const T& in, T& out) {
  Codec<T>::encode(encoder, in);
  { Codec<T>::decode(decoder, out) } -> std::same_as<bool>;
  { Codec<T>::schema() } -> std::convertible_to<std::string>;
};

// Codecs whose values all have one size; store() writes it without a look at capacity.
template <class T>
concept FixedSize = Encodable<T> && requires(char* p, const T& in) {
  { Codec<T>::kBytes } -> std::convertible_to<std::size_t>;
  { Codec<T>::store(p, in) } -> std::same_as<char*>;
};

}  // namespace weir::runtime

#include "weir/runtime/codec_types.h"  // the specialisations; they need the names above

namespace weir::runtime {

template <class T>
constexpr void require_encodable() {
  static_assert(
      Encodable<T>,
      "this type has no binary form: describe it with WEIR_RECORD(Type, fields...), make it "
      "trivially copyable without pointers, or specialise weir::runtime::Codec for it");
}

template <class T>
void encode_to(std::string& out, const T& value) {
  require_encodable<T>();
  Encoder encoder(out);
  Codec<T>::encode(encoder, value);
}

template <class T>
std::string encode_to_string(const T& value) {
  std::string out;
  encode_to(out, value);
  return out;
}

// True if `bytes` is exactly one value; otherwise `value` is valid but unspecified.
template <class T>
[[nodiscard]] bool decode_from(std::string_view bytes, T& value) {
  require_encodable<T>();
  Decoder decoder(bytes);
  return Codec<T>::decode(decoder, value) && decoder.ok() && decoder.remaining() == 0;
}

}  // namespace weir::runtime

namespace weir {
using runtime::Codec;
using runtime::decode_from;
using runtime::Encodable;
using runtime::encode_to_string;
}  // namespace weir
