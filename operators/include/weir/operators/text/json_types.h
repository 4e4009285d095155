// Which C++ types a JSON value can be read into and written from:
//
//   bool, integers, enums, durations     true, 12          std::string, char     "text"
//   float, double                        1.5               char[N], array<char>  "text", at most N
//   bytes EventTime                            by TimeFormat: an integer, or a string in ISO 8601
//   optional<T>                          null or absent = nullopt
//   vector<T>, array<T, N>               [..]              map<string, V>        {..}
//   records of WEIR_RECORD               {..}; fields that it does not name are skipped
//
// Integers are never rounded, and strings are never taken for numbers. NaN and infinities are
// written as null, which only an optional reads. Pure functions; any thread.
#pragma once

#include <array>
#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <unordered_map>
#include <utility>
#include <vector>

#include "weir/operators/text/cell.h"
#include "weir/operators/text/time_format.h"
#include "weir/runtime/record.h"

namespace weir::operators {

template <class T>
inline constexpr bool kIsJsonType = kIsPlainCell<T>;
template <runtime::Reflected T>
inline constexpr bool kIsJsonType<T> = true;  // its fields are checked one by one
template <class T>
inline constexpr bool kIsJsonType<std::optional<T>> = kIsJsonType<T>;
template <class T>
inline constexpr bool kIsJsonType<std::vector<T>> = kIsJsonType<T>;
template <class T, std::size_t N>
inline constexpr bool kIsJsonType<std::array<T, N>> = kIsJsonType<T>;
template <class V>
inline constexpr bool kIsJsonType<std::map<std::string, V>> = kIsJsonType<V>;
template <class V>
inline constexpr bool kIsJsonType<std::unordered_map<std::string, V>> = kIsJsonType<V>;

template <class T>
concept JsonType = kIsJsonType<T>;

template <class T>
concept JsonMap = JsonType<T> && requires {
  typename T::mapped_type;
};
template <class T>
concept JsonList = JsonType<T> && kCharArraySize<T>
== 0 && !std::is_same_v<T, std::string> && !JsonMap<T> && requires { typename T::value_type; }
&&!kIsOptional<T>;

// Which format spells an EventTime, by the name of its field.
struct JsonTimes {
  TimeFormat time = {};
  std::vector<std::pair<std::string, TimeFormat>> time_of = {};

  const TimeFormat& of(std::string_view field) const {
    for (const auto& [name, format] : time_of) {
      if (name == field) return format;
    }
    return time;
  }
};

}  // namespace weir::operators
