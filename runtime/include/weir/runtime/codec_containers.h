// Codecs of arrays, vectors and maps. Included by codec.h only; the forms are listed there.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <map>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "weir/runtime/codec.h"
#include "weir/runtime/codec_types.h"

namespace weir::runtime {

// std::array and C arrays.
template <class Array, class T, std::size_t N>
struct ArrayCodec {
  static void encode(Encoder& encoder, const Array& values) {
    if constexpr (N == 0) encoder.put_fixed(std::uint8_t{0});
    for (const T& value : values) Codec<T>::encode(encoder, value);
  }
  static bool decode(Decoder& decoder, Array& values) {
    if constexpr (N == 0) {
      std::uint8_t none = 1;
      return (decoder.get_fixed(none) && none == 0) || decoder.fail();
    }
    for (T& value : values) {
      if (!Codec<T>::decode(decoder, value)) return false;
    }
    return true;
  }
  static std::string schema() {
    return "array<" + Codec<T>::schema() + "," + std::to_string(N) + ">";
  }
};

template <class Array, class T, std::size_t N>
struct FixedArrayCodec : ArrayCodec<Array, T, N> {
  static constexpr std::size_t kBytes = Codec<T>::kBytes * N;
  static char* store(char* p, const Array& values) {
    for (const T& value : values) p = Codec<T>::store(p, value);
    return p;
  }
};

template <class Array, class T, std::size_t N>
using ArrayCodecOf = std::conditional_t<(FixedSize<T> && N > 0), FixedArrayCodec<Array, T, N>,
                                        ArrayCodec<Array, T, N>>;

template <Encodable T, std::size_t N>
struct Codec<std::array<T, N>> : ArrayCodecOf<std::array<T, N>, T, N> {};
template <Encodable T, std::size_t N>
struct Codec<T[N]> : ArrayCodecOf<T[N], T, N> {};

template <Encodable T>
struct Codec<std::vector<T>> {
  static void encode(Encoder& encoder, const std::vector<T>& values) {
    encoder.put_varint(values.size());
    if constexpr (kIsBytes) {
      encoder.put_raw(values.data(), values.size() * sizeof(T));
    } else {
      for (const T& value : values) Codec<T>::encode(encoder, value);
    }
  }
  static bool decode(Decoder& decoder, std::vector<T>& values) {
    std::uint64_t count = 0;
    values.clear();
    if (!decoder.get_count(count)) return false;
    if constexpr (kIsBytes) {
      if (count > decoder.remaining() / sizeof(T)) return decoder.fail();
      values.resize(count);
      return decoder.get_raw(values.data(), count * sizeof(T));
    } else {
      // A bad count costs no more memory than the bytes that carry it.
      values.reserve(std::min<std::uint64_t>(count, decoder.remaining() / sizeof(T) + 1));
      for (std::uint64_t i = 0; i < count; ++i) {
        T value{};
        if (!Codec<T>::decode(decoder, value)) return false;
        values.push_back(std::move(value));
      }
      return true;
    }
  }
  static std::string schema() { return "list<" + Codec<T>::schema() + ">"; }

 private:
  static constexpr bool kIsBytes = PlainNumber<T> && !std::same_as<T, bool>;
};

template <class Map>
struct MapCodec {
  using K = typename Map::key_type;
  using V = typename Map::mapped_type;
  static void encode(Encoder& encoder, const Map& map) {
    encoder.put_varint(map.size());
    for (const auto& [key, value] : map) {
      Codec<K>::encode(encoder, key);
      Codec<V>::encode(encoder, value);
    }
  }
  static bool decode(Decoder& decoder, Map& map) {
    std::uint64_t count = 0;
    map.clear();
    if (!decoder.get_count(count)) return false;
    for (std::uint64_t i = 0; i < count; ++i) {
      K key{};
      V value{};
      if (!Codec<K>::decode(decoder, key) || !Codec<V>::decode(decoder, value)) return false;
      // A key that stands twice was not written by encode().
      if (!map.emplace(std::move(key), std::move(value)).second) return decoder.fail();
    }
    return true;
  }
  static std::string schema() {
    return "map<" + Codec<K>::schema() + "," + Codec<V>::schema() + ">";
  }
};

template <Encodable K, Encodable V, class Less>
struct Codec<std::map<K, V, Less>> : MapCodec<std::map<K, V, Less>> {};
template <Encodable K, Encodable V, class Hash, class Equal>
struct Codec<std::unordered_map<K, V, Hash, Equal>>
    : MapCodec<std::unordered_map<K, V, Hash, Equal>> {};

}  // namespace weir::runtime
