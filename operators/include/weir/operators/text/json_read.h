// JsonRead: one JSON value into one C++ value. Fields come in any order; the guess that they come
// in the order of the record makes the common case one comparison per field.
#pragma once

#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <limits>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>

#include "weir/operators/text/cell.h"
#include "weir/operators/text/json_types.h"
#include "weir/operators/text/json_value.h"
#include "weir/runtime/record.h"

namespace weir::operators {

class JsonRead {
 public:
  explicit JsonRead(const JsonTimes& times) : times_(times) {}

  // Reads `in` into `value`, whose memory is reused. If false, error() says what and where.
  template <JsonType T>
  [[nodiscard]] bool read(const JsonValue& in, T& value) {
    error_.clear();
    path_.clear();
    return read_value(in, value, {});
  }
  // "field legs[2].origin: 7 is not text".
  std::string error() const { return path_.empty() ? error_ : "field " + path_ + ": " + error_; }

 private:
  // `field`: the name of the record's field that `value` is or belongs to.
  template <JsonType T>
  bool read_value(const JsonValue& in, T& value, std::string_view field) {
    if constexpr (kIsOptional<T>) {
      if (in.kind() == JsonKind::kNull) {
        value.reset();
        return true;
      }
      if (!value) value.emplace();
      return read_value(in, *value, field);
    } else if constexpr (runtime::Reflected<T>) {
      return in.kind() == JsonKind::kObject ? read_record(in, value) : wrong(in, "an object");
    } else if constexpr (JsonMap<T>) {
      return in.kind() == JsonKind::kObject ? read_map(in, value, field) : wrong(in, "an object");
    } else if constexpr (JsonList<T>) {
      return in.kind() == JsonKind::kArray ? read_list(in, value, field) : wrong(in, "an array");
    } else {
      const CellFault fault = read_plain(in, value, field);
      if (fault == CellFault::kNone) [[likely]]
        return true;
      return wrong(in, describe_cell<T>(times_.of(field)), fault);
    }
  }

  template <class T>
  CellFault read_plain(const JsonValue& in, T& value, std::string_view field) {
    if constexpr (std::is_same_v<T, runtime::EventTime>) {
      const TimeFormat& format = times_.of(field);
      std::int64_t count = 0;
      std::string_view text;
      const CellFault fault = format.is_integer() ? in.get(count) : in.get(text);
      if (fault != CellFault::kNone) return fault;
      return format.is_integer() ? format.from_count(count, value) : format.parse(text, value);
    } else if constexpr (std::is_same_v<T, bool> || std::is_same_v<T, double>) {
      return in.get(value);
    } else if constexpr (std::is_same_v<T, float>) {
      double wide = 0;
      const CellFault fault = in.get(wide);
      value = static_cast<float>(wide);
      return fault == CellFault::kNone && !std::isfinite(value) ? CellFault::kOutOfRange : fault;
    } else if constexpr (std::is_integral_v<T> && !std::is_same_v<T, char>) {
      std::conditional_t<std::is_signed_v<T>, std::int64_t, std::uint64_t> wide = 0;
      const CellFault fault = in.get(wide);
      if (fault != CellFault::kNone) return fault;
      value = static_cast<T>(wide);
      return wide == value ? CellFault::kNone : CellFault::kOutOfRange;
    } else if constexpr (std::is_enum_v<T>) {
      std::underlying_type_t<T> number{};
      const CellFault fault = read_plain(in, number, field);
      value = static_cast<T>(number);
      return fault;
    } else if constexpr (kIsCellDuration<T>) {
      typename T::rep count{};
      const CellFault fault = read_plain(in, count, field);
      value = T(count);
      return fault;
    } else {  // text of some kind
      std::string_view text;
      const CellFault fault = in.get(text);
      return fault == CellFault::kNone ? parse_cell(CellText{text, true}, value, {}) : fault;
    }
  }

  template <class T>
  bool read_list(const JsonValue& in, T& list, std::string_view field) {
    constexpr bool kFixed = requires { std::tuple_size<T>::value; };
    std::size_t i = 0;
    if constexpr (!kFixed) list.clear();
    const bool all = in.for_each([&](std::string_view, const JsonValue& child) {
      bool ok = true;
      if constexpr (kFixed) {
        if (i == list.size()) return wrong(in, "an array of " + std::to_string(list.size()));
        ok = read_value(child, list[i], field);
      } else {
        typename T::value_type element{};  // vector<bool> has no elements to refer to
        ok = read_value(child, element, field);
        list.push_back(std::move(element));
      }
      if (!ok) add_to_path("[" + std::to_string(i) + "]");
      ++i;
      return ok;
    });
    if (!kFixed || !all || i == list.size()) return all;
    return wrong(in, "an array of " + std::to_string(list.size()));
  }

  template <class T>
  bool read_map(const JsonValue& in, T& map, std::string_view field) {
    map.clear();
    return in.for_each([&](std::string_view name, const JsonValue& child) {
      if (read_value(child, map[std::string(name)], field)) return true;
      add_to_path(name);
      return false;
    });
  }

  template <runtime::Reflected T>
  bool read_record(const JsonValue& in, T& record) {
    constexpr std::size_t kFields = runtime::kFieldCount<T>;
    constexpr auto kReaders = field_readers<T>(std::make_index_sequence<kFields>());
    std::array<bool, kFields> seen{};
    std::size_t guess = 0;
    const bool all = in.for_each([&](std::string_view name, const JsonValue& child) {
      const std::size_t at = find_field<T>(name, guess);
      if (at == kFields) return true;
      guess = at + 1;
      seen[at] = true;
      if ((this->*kReaders[at])(child, record)) [[likely]]
        return true;
      add_to_path(name);
      return false;
    });
    return all && reset_missing(record, seen, std::make_index_sequence<kFields>());
  }

  template <class T, std::size_t... I>
  static constexpr auto field_readers(std::index_sequence<I...>) {
    using Reader = bool (JsonRead::*)(const JsonValue&, T&);
    return std::array<Reader, sizeof...(I)>{&JsonRead::read_field<T, I>...};
  }
  template <class T, std::size_t I>
  bool read_field(const JsonValue& in, T& record) {
    constexpr auto kField = std::get<I>(runtime::record_fields<T>());
    using Member = std::remove_cvref_t<decltype(record.*(kField.pointer))>;
    static_assert(
        JsonType<Member>,
        "a field of this record cannot be read from JSON; the types that can are listed in "
        "weir/operators/text/json_types.h");
    return read_value(in, record.*(kField.pointer), kField.name);
  }

  // Index of field `name`, the guess first; kFieldCount if there is none.
  template <class T>
  static std::size_t find_field(std::string_view name, std::size_t guess) {
    constexpr std::size_t kFields = runtime::kFieldCount<T>;
    static constexpr auto kNames = std::apply(
        [](const auto&... f) { return std::array<std::string_view, sizeof...(f)>{f.name...}; },
        runtime::record_fields<T>());
    if (guess < kFields && kNames[guess] == name) [[likely]]
      return guess;
    for (std::size_t i = 0; i < kFields; ++i) {
      if (kNames[i] == name) return i;
    }
    return kFields;
  }

  template <class T, std::size_t... I>
  bool reset_missing(T& record, const std::array<bool, sizeof...(I)>& seen,
                     std::index_sequence<I...>) {
    constexpr auto kAll = runtime::record_fields<T>();
    return ((seen[I] || reset_field(record.*(std::get<I>(kAll).pointer), std::get<I>(kAll).name)) &&
            ...);
  }
  template <class Member>
  bool reset_field(Member& member, std::string_view name) {
    if constexpr (kIsOptional<Member>) {
      member.reset();
      return true;
    } else {
      error_ = "is missing; it must be there unless it is optional in the record";
      path_ = name;
      return false;
    }
  }

  bool wrong(const JsonValue& in, const std::string& wanted,
             CellFault fault = CellFault::kWrongKind);
  void add_to_path(std::string_view name);

  const JsonTimes& times_;
  std::string path_;  // of the fault, made from its inside
  std::string error_;
};

}  // namespace weir::operators
