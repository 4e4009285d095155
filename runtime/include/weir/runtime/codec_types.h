// Codecs of the types that come with the language, std, and WEIR_RECORD. Included by codec.h only;
// the forms are listed there.
#pragma once

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <unordered_map>
#include <utility>
#include <vector>

#include "weir/runtime/codec.h"
#include "weir/runtime/record.h"
#include "weir/runtime/time.h"

namespace weir::runtime {

// Types that only point to their content: bytes of them mean nothing later.
template <class T>
inline constexpr bool kBorrows =
    std::is_pointer_v<T> || std::is_member_pointer_v<T> || std::is_null_pointer_v<T>;
template <class C, class Traits>
inline constexpr bool kBorrows<std::basic_string_view<C, Traits>> = true;
template <class T, std::size_t N>
inline constexpr bool kBorrows<std::span<T, N>> = true;
template <class T>
inline constexpr bool kBorrows<std::reference_wrapper<T>> = true;
template <class T>
inline constexpr bool kBorrows<std::optional<T>> = kBorrows<T>;
template <class T, std::size_t N>
inline constexpr bool kBorrows<std::array<T, N>> = kBorrows<T>;
template <class T, std::size_t N>
inline constexpr bool kBorrows<T[N]> = kBorrows<T>;

template <class T>
concept PlainNumber = std::is_arithmetic_v<T> && !std::same_as<T, long double>;

// Whatever is left that can be copied as bytes.
template <class T>
concept Opaque = std::is_trivially_copyable_v<T> && std::is_class_v<T> &&
                 std::is_default_constructible_v<T> && !Reflected<T> &&
                 !kBorrows<T>;

template <class T>
constexpr std::string_view number_schema() {
  constexpr std::string_view kSigned[] = {"i8", "i16", "i32", "i64"};
  constexpr std::string_view kUnsigned[] = {"u8", "u16", "u32", "u64"};
  if constexpr (std::same_as<T, bool>) return "bool";
  if constexpr (std::is_floating_point_v<T>) return sizeof(T) == 4 ? "f32" : "f64";
  constexpr std::size_t kLog = sizeof(T) == 1 ? 0 : sizeof(T) == 2 ? 1 : sizeof(T) == 4 ? 2 : 3;
  return std::is_signed_v<T> ? kSigned[kLog] : kUnsigned[kLog];
}

// A value that is stored as its own bytes.
template <class T>
struct BytesCodec {
  static constexpr std::size_t kBytes = sizeof(T);
  static void encode(Encoder& encoder, const T& value) { encoder.put_fixed(value); }
  static bool decode(Decoder& decoder, T& value) { return decoder.get_fixed(value); }
  static char* store(char* p, const T& value) {
    std::memcpy(p, &value, sizeof(T));
    return p + sizeof(T);
  }
};

template <PlainNumber T>
struct Codec<T> : BytesCodec<T> {
  static std::string schema() { return std::string(number_schema<T>()); }
};

template <>
struct Codec<bool> : BytesCodec<bool> {
  static bool decode(Decoder& decoder, bool& value) {
    std::uint8_t byte = 0;
    if (!decoder.get_fixed(byte) || byte > 1) return decoder.fail();
    value = byte == 1;
    return true;
  }
  static std::string schema() { return "bool"; }
};

template <class T>
requires std::is_enum_v<T>
struct Codec<T> : BytesCodec<T> {
  static std::string schema() {
    return "enum<" + std::string(number_schema<std::underlying_type_t<T>>()) + ">";
  }
};

template <>
struct Codec<EventTime> : BytesCodec<EventTime> {
  static std::string schema() { return "time"; }
};

template <PlainNumber Rep, class Period>
struct Codec<std::chrono::duration<Rep, Period>> : BytesCodec<std::chrono::duration<Rep, Period>> {
  static std::string schema() {
    return "duration<" + std::string(number_schema<Rep>()) + "," + std::to_string(Period::num) +
           "/" + std::to_string(Period::den) + ">";
  }
};

template <Opaque T>
struct Codec<T> : BytesCodec<T> {
  static std::string schema() { return "opaque" + std::to_string(sizeof(T)); }
};

template <>
struct Codec<std::string> {
  static void encode(Encoder& encoder, const std::string& value) { encoder.put_bytes(value); }
  static bool decode(Decoder& decoder, std::string& value) {
    std::string_view bytes;
    if (!decoder.get_bytes(bytes)) return false;
    value.assign(bytes);
    return true;
  }
  static std::string schema() { return "string"; }
};

template <Encodable T>
struct Codec<std::optional<T>> {
  static void encode(Encoder& encoder, const std::optional<T>& value) {
    encoder.put_fixed(static_cast<std::uint8_t>(value.has_value() ? 1 : 0));
    if (value) Codec<T>::encode(encoder, *value);
  }
  static bool decode(Decoder& decoder, std::optional<T>& value) {
    bool present = false;
    if (!Codec<bool>::decode(decoder, present)) return false;
    if (!present) {
      value.reset();
      return true;
    }
    if (!value) value.emplace();
    return Codec<T>::decode(decoder, *value);
  }
  static std::string schema() { return "optional<" + Codec<T>::schema() + ">"; }
};

// Elements in order. `visit(value, f)` calls f(element...) with all of them.
template <class T, class Visit, class... Elements>
struct SequenceCodec {
  static void encode(Encoder& encoder, const T& value) {
    if constexpr (sizeof...(Elements) == 0) {
      encoder.put_fixed(std::uint8_t{0});
    } else if constexpr ((FixedSize<Elements> && ...)) {
      char buffer[(Codec<Elements>::kBytes + ...)];
      encoder.put_raw(buffer, static_cast<std::size_t>(store_all(buffer, value) - buffer));
    } else {
      Visit::call(value, [&](const auto&... e) { (Codec<Elements>::encode(encoder, e), ...); });
    }
  }
  static bool decode(Decoder& decoder, T& value) {
    if constexpr (sizeof...(Elements) == 0) {
      std::uint8_t none = 1;
      return (decoder.get_fixed(none) && none == 0) || decoder.fail();
    } else {
      bool ok = true;
      Visit::call(value, [&](auto&... e) { ok = (Codec<Elements>::decode(decoder, e) && ...); });
      return ok;
    }
  }
  static char* store_all(char* p, const T& value) {
    Visit::call(value, [&](const auto&... e) { ((p = Codec<Elements>::store(p, e)), ...); });
    return p;
  }
};

// Adds kBytes and store() if all elements have them.
template <class T, class Visit, class... Elements>
struct RowCodec : SequenceCodec<T, Visit, Elements...> {};
template <class T, class Visit, class... Elements>
requires(sizeof...(Elements) > 0 &&
         (FixedSize<Elements> && ...)) struct RowCodec<T, Visit, Elements...>
    : SequenceCodec<T, Visit, Elements...> {
  static constexpr std::size_t kBytes = (Codec<Elements>::kBytes + ...);
  static char* store(char* p, const T& value) {
    return SequenceCodec<T, Visit, Elements...>::store_all(p, value);
  }
};

struct VisitTuple {
  template <class T, class F>
  static void call(T& value, F f) {
    std::apply(f, value);
  }
};

// All members of a plain struct, for types of the engine that are templates.
struct VisitTwo {
  template <class T, class F>
  static void call(T& value, F f) {
    auto& [a, b] = value;
    f(a, b);
  }
};
struct VisitFour {
  template <class T, class F>
  static void call(T& value, F f) {
    auto& [a, b, c, d] = value;
    f(a, b, c, d);
  }
};

struct VisitRecord {
  template <class T, class F>
  static void call(T& value, F f) {
    std::apply([&](const auto&... field) { f(value.*(field.pointer)...); },
               record_fields<std::remove_const_t<T>>());
  }
};

template <Encodable A, Encodable B>
struct Codec<std::pair<A, B>> : RowCodec<std::pair<A, B>, VisitTuple, A, B> {
  static std::string schema() {
    return "tuple<" + Codec<A>::schema() + "," + Codec<B>::schema() + ">";
  }
};

template <Encodable... Ts>
struct Codec<std::tuple<Ts...>> : RowCodec<std::tuple<Ts...>, VisitTuple, Ts...> {
  static std::string schema() {
    std::string inner;
    ((inner += (inner.empty() ? "" : ",") + Codec<Ts>::schema()), ...);
    return "tuple<" + inner + ">";
  }
};

// Why a record cannot be encoded is easiest to see when each field's type stands in the error.
template <class T, class Fields>
inline constexpr bool kAllFieldsEncodable = false;
template <class T, class... Members>
inline constexpr bool kAllFieldsEncodable<T, std::tuple<Field<T, Members>...>> =
    (Encodable<Members> && ...);

template <class T, class Fields>
struct RecordCodec;
template <class T, class... Members>
struct RecordCodec<T, std::tuple<Field<T, Members>...>> : RowCodec<T, VisitRecord, Members...> {
  static std::string schema() {
    std::string out = "record " + std::string(record_name<T>()) + "{";
    const std::size_t start = out.size();
    for_each_field_of<T>([&]<class F>(const F& field) {
      if (out.size() > start) out += ',';
      out.append(field.name).append(":").append(Codec<typename F::Type>::schema());
    });
    return out + "}";
  }
};

template <Reflected T>
requires kAllFieldsEncodable<T, decltype(record_fields<T>())>
struct Codec<T> : RecordCodec<T, decltype(record_fields<T>())> {
};

}  // namespace weir::runtime

#include "weir/runtime/codec_containers.h"
