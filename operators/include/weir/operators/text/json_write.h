// write_json(): one C++ value as JSON, in a form that JsonRead gives back.
#pragma once

#include <cstring>
#include <string>
#include <string_view>
#include <type_traits>

#include "weir/operators/text/cell.h"
#include "weir/operators/text/json_types.h"
#include "weir/operators/text/json_value.h"
#include "weir/runtime/record.h"

namespace weir::operators {

template <JsonType T>
void write_json(std::string& out, const T& value, std::string_view field, const JsonTimes& times) {
  if constexpr (kIsOptional<T>) {
    if (value) {
      write_json(out, *value, field, times);
    } else {
      out += "null";
    }
  } else if constexpr (runtime::Reflected<T>) {
    char separator = '{';
    runtime::for_each_field(value, [&](std::string_view name, const auto& member) {
      out += separator;
      out += '"';
      out.append(name).append("\":");
      write_json(out, member, name, times);
      separator = ',';
    });
    out.append(separator == '{' ? "{}" : "}");
  } else if constexpr (JsonMap<T>) {
    char separator = '{';
    for (const auto& [name, element] : value) {
      out += separator;
      append_json_string(out, name);
      out += ':';
      write_json(out, element, field, times);
      separator = ',';
    }
    out.append(separator == '{' ? "{}" : "}");
  } else if constexpr (JsonList<T>) {
    char separator = '[';
    for (const typename T::value_type& element : value) {
      out += separator;
      write_json(out, element, field, times);
      separator = ',';
    }
    out.append(separator == '[' ? "[]" : "]");
  } else if constexpr (std::is_same_v<T, runtime::EventTime>) {
    const TimeFormat& format = times.of(field);
    if (!format.is_integer()) out += '"';
    format.append(out, value);
    if (!format.is_integer()) out += '"';
  } else if constexpr (std::is_same_v<T, bool>) {
    out.append(value ? "true" : "false");
  } else if constexpr (std::is_floating_point_v<T>) {
    append_json_real(out, value);
  } else if constexpr (std::is_same_v<T, std::string>) {
    append_json_string(out, value);
  } else if constexpr (std::is_same_v<T, char>) {
    append_json_string(out, std::string_view(&value, 1));
  } else if constexpr (kCharArraySize<T> != 0) {
    const char* const from = &value[0];
    append_json_string(out, std::string_view(from, ::strnlen(from, kCharArraySize<T>)));
  } else if constexpr (std::is_enum_v<T>) {
    append_integer(out, static_cast<std::underlying_type_t<T>>(value));
  } else if constexpr (kIsCellDuration<T>) {
    append_integer(out, value.count());
  } else {
    append_integer(out, value);
  }
}

}  // namespace weir::operators
