// RowColumns<T>: a record as a row of named columns, for the sinks that write text.
//
//   WEIR_RECORD type     its fields
//   Windowed<K, R>       window_start, window_end, key..., value...
//   Keyed<K, R>          key..., value...
//   string, number, ...  value
//
// A key or value that is a WEIR_RECORD type gives its fields; a tuple or pair gives value, value_2,
// ... ; anything else is one column. Compile time only.
#pragma once

#include <array>
#include <cstddef>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

#include "weir/operators/running.h"
#include "weir/operators/window_core.h"
#include "weir/runtime/record.h"

namespace weir::operators {

template <class T>
inline constexpr bool kIsTuple = false;
template <class... Ts>
inline constexpr bool kIsTuple<std::tuple<Ts...>> = true;
template <class A, class B>
inline constexpr bool kIsTuple<std::pair<A, B>> = true;

// Calls f(name, number, part) for the parts of `value`: number is 0 where the name stands alone,
// from 2 on where it is to be followed by "_2" and so on.
template <class V, class F>
void for_each_part(std::string_view name, const V& value, F&& f) {
  if constexpr (runtime::Reflected<V>) {
    runtime::for_each_field(value,
                            [&](std::string_view field, const auto& part) { f(field, 0, part); });
  } else if constexpr (kIsTuple<V>) {
    int number = 0;
    std::apply(
        [&](const auto&... part) { ((++number, f(name, number == 1 ? 0 : number, part)), ...); },
        value);
  } else {
    f(name, 0, value);
  }
}

template <class T>
struct RowColumns {
  static constexpr bool kHasWindow = false;
  template <class F>
  static void for_each(const T& row, bool, F&& f) {
    for_each_part("value", row, f);
  }
};

template <class K, class R>
struct RowColumns<Keyed<K, R>> {
  static constexpr bool kHasWindow = false;
  template <class F>
  static void for_each(const Keyed<K, R>& row, bool, F&& f) {
    for_each_part("key", row.key, f);
    for_each_part("value", row.value, f);
  }
};

template <class K, class R>
struct RowColumns<Windowed<K, R>> {
  static constexpr bool kHasWindow = true;
  // `window_end`: whether the column of that name is wanted.
  template <class F>
  static void for_each(const Windowed<K, R>& row, bool window_end, F&& f) {
    f(std::string_view("window_start"), 0, row.start);
    if (window_end) f(std::string_view("window_end"), 0, row.end);
    for_each_part("key", row.key, f);
    for_each_part("value", row.value, f);
  }
};

// The names of T's columns, in order.
template <class T>
std::vector<std::string> column_names(bool window_end) {
  std::vector<std::string> names;
  RowColumns<T>::for_each(T{}, window_end, [&](std::string_view name, int number, const auto&) {
    names.emplace_back(name);
    if (number != 0) names.back() += "_" + std::to_string(number);
  });
  return names;
}

}  // namespace weir::operators
