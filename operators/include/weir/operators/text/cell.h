// Cells: one value of a text file, read into and written from a C++ type.
//
//   integer             decimal             bool            true/false in any case, 1/0
//   float, double       1.5, -2e9, nan      enum            its number
//   std::string         as it is            char[N], std::array<char, N>    padded with NUL
//   char                one byte            duration        its count
//   EventTime           by TimeFormat       optional<T>     empty cell = nullopt
//
// Used by the CSV formats; the types here are what a CSV column can be. Pure functions; any thread.
#pragma once

#include <array>
#include <charconv>
#include <chrono>
#include <cstring>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>

#include "weir/operators/text/cell_number.h"
#include "weir/operators/text/time_format.h"
#include "weir/runtime/time.h"

namespace weir::operators {

// The text of a cell without its quotes.
struct CellText {
  std::string_view text;
  bool quoted = false;
};

template <class T>
inline constexpr bool kIsCellDuration = false;
template <class Rep, class Period>
inline constexpr bool kIsCellDuration<std::chrono::duration<Rep, Period>> = std::is_integral_v<Rep>;

template <class T>
inline constexpr std::size_t kCharArraySize = 0;
template <std::size_t N>
inline constexpr std::size_t kCharArraySize<char[N]> = N;
template <std::size_t N>
inline constexpr std::size_t kCharArraySize<std::array<char, N>> = N;

template <class T>
inline constexpr bool kIsOptional = false;
template <class T>
inline constexpr bool kIsOptional<std::optional<T>> = true;

template <class T>
inline constexpr bool kIsEventTime =
    std::is_same_v<T, runtime::EventTime> || std::is_same_v<T, std::optional<runtime::EventTime>>;

template <class T>
inline constexpr bool kIsPlainCell =
    (std::is_arithmetic_v<T> && !std::is_same_v<T, long double>) || std::is_enum_v<T> ||
    std::is_same_v<T, std::string> || std::is_same_v<T, runtime::EventTime> || kIsCellDuration<T> ||
    kCharArraySize<T> != 0;
template <class T>
inline constexpr bool kIsCell = kIsPlainCell<T>;
template <class T>
inline constexpr bool kIsCell<std::optional<T>> = kIsPlainCell<T>;

// A type that one column of a CSV file can hold.
template <class T>
concept CellType = kIsCell<T>;

// `value` becomes `text`, which is short as a rule and no longer than what the record held before:
// then it is copied in place, as two words that may overlap.
inline void assign_text(std::string& value, std::string_view text) {
  const std::size_t size = text.size();
  if (size > value.size() || size > 16 || size < 2) {
    value.assign(text.data(), size);
    return;
  }
  value.resize(size);
  const auto copy_ends = [to = value.data(), from = text.data(), size]<class Word>(Word) {
    Word words[2];
    std::memcpy(&words[0], from, sizeof(Word));
    std::memcpy(&words[1], from + size - sizeof(Word), sizeof(Word));
    std::memcpy(to, &words[0], sizeof(Word));
    std::memcpy(to + size - sizeof(Word), &words[1], sizeof(Word));
  };
  if (size >= 8) {
    copy_ends(std::uint64_t{});
  } else if (size >= 4) {
    copy_ends(std::uint32_t{});
  } else {
    copy_ends(std::uint16_t{});
  }
}

// What a T must look like, for messages: "an integer from -128 to 127".
template <CellType T>
std::string describe_cell(const TimeFormat& time) {
  if constexpr (kIsOptional<T>) {
    return describe_cell<typename T::value_type>(time) + " (or empty)";
  } else if constexpr (std::is_same_v<T, runtime::EventTime>) {
    return time.describe();
  } else if constexpr (std::is_same_v<T, bool>) {
    return "true or false";
  } else if constexpr (std::is_same_v<T, char>) {
    return "one character";
  } else if constexpr (std::is_floating_point_v<T>) {
    return "a number";
  } else if constexpr (std::is_enum_v<T>) {
    return describe_cell<std::underlying_type_t<T>>(time);
  } else if constexpr (kIsCellDuration<T>) {
    return describe_cell<typename T::rep>(time);
  } else if constexpr (kCharArraySize<T> != 0) {
    return "text of at most " + std::to_string(kCharArraySize<T>) + " bytes";
  } else if constexpr (std::is_integral_v<T>) {
    return "an integer from " + std::to_string(std::numeric_limits<T>::min()) + " to " +
           std::to_string(std::numeric_limits<T>::max());
  } else {
    return "text";
  }
}

CellFault parse_bool(std::string_view text, bool& value);
CellFault parse_double(std::string_view text, double& value);
CellFault parse_float(std::string_view text, float& value);
void append_double(std::string& out, double value);
void append_float(std::string& out, float value);

// Reads `cell` into `value`, which keeps its capacity. On a fault `value` is unspecified.
template <CellType T>
inline CellFault parse_cell(CellText cell, T& value, const TimeFormat& time) {
  if constexpr (kIsOptional<T>) {
    if (cell.text.empty() && !cell.quoted) {
      value.reset();
      return CellFault::kNone;
    }
    if (!value) value.emplace();
    return parse_cell(cell, *value, time);
  } else if constexpr (std::is_same_v<T, runtime::EventTime>) {
    return time.parse(cell.text, value);
  } else if constexpr (std::is_same_v<T, std::string>) {
    assign_text(value, cell.text);
    return CellFault::kNone;
  } else if constexpr (std::is_same_v<T, bool>) {
    return parse_bool(cell.text, value);
  } else if constexpr (std::is_same_v<T, char>) {
    if (cell.text.size() != 1) return cell.text.empty() ? CellFault::kEmpty : CellFault::kTooLong;
    value = cell.text[0];
    return CellFault::kNone;
  } else if constexpr (std::is_same_v<T, double>) {
    return parse_double(cell.text, value);
  } else if constexpr (std::is_same_v<T, float>) {
    return parse_float(cell.text, value);
  } else if constexpr (std::is_enum_v<T>) {
    std::underlying_type_t<T> number{};
    const CellFault fault = parse_cell(cell, number, time);
    value = static_cast<T>(number);
    return fault;
  } else if constexpr (kIsCellDuration<T>) {
    typename T::rep count{};
    const CellFault fault = parse_cell(cell, count, time);
    value = T(count);
    return fault;
  } else if constexpr (kCharArraySize<T> != 0) {
    constexpr std::size_t kSize = kCharArraySize<T>;
    if (cell.text.size() > kSize) return CellFault::kTooLong;
    char* const to = &value[0];
    std::memset(to, 0, kSize);
    if (!cell.text.empty()) std::memcpy(to, cell.text.data(), cell.text.size());
    return CellFault::kNone;
  } else {
    return parse_integer(cell.text, value);
  }
}

// Appends `text`, in quotes if a reader with this dialect would otherwise take it apart, or if
// `force` is set.
void append_text_cell(std::string& out, std::string_view text, char delimiter, char quote,
                      bool force);

template <std::integral T>
inline void append_integer(std::string& out, T value) {
  char buffer[24];
  const auto end = std::to_chars(buffer, buffer + sizeof(buffer), value).ptr;
  out.append(buffer, static_cast<std::size_t>(end - buffer));
}

// Writes `value` so that parse_cell() gives it back. `sole` = the row's only cell, which must not
// leave the line empty.
template <CellType T>
inline void append_cell(std::string& out, const T& value, const TimeFormat& time, char delimiter,
                        char quote, bool sole = false) {
  if constexpr (kIsOptional<T>) {
    if (!value) return;
    if constexpr (std::is_same_v<typename T::value_type, std::string>) {
      append_text_cell(out, *value, delimiter, quote, value->empty());  // "" is not nullopt
    } else {
      append_cell(out, *value, time, delimiter, quote, sole);
    }
  } else if constexpr (std::is_same_v<T, runtime::EventTime>) {
    const bool quoted = delimiter == ':' && !time.is_integer();
    if (quoted) out += quote;
    time.append(out, value);
    if (quoted) out += quote;
  } else if constexpr (std::is_same_v<T, std::string>) {
    append_text_cell(out, value, delimiter, quote, sole && value.empty());
  } else if constexpr (std::is_same_v<T, bool>) {
    out.append(value ? "true" : "false");
  } else if constexpr (std::is_same_v<T, char>) {
    append_text_cell(out, std::string_view(&value, 1), delimiter, quote, false);
  } else if constexpr (std::is_same_v<T, double>) {
    append_double(out, value);
  } else if constexpr (std::is_same_v<T, float>) {
    append_float(out, value);
  } else if constexpr (std::is_enum_v<T>) {
    append_cell(out, static_cast<std::underlying_type_t<T>>(value), time, delimiter, quote);
  } else if constexpr (kIsCellDuration<T>) {
    append_integer(out, value.count());
  } else if constexpr (kCharArraySize<T> != 0) {
    const char* const from = &value[0];
    const std::string_view text(from, ::strnlen(from, kCharArraySize<T>));
    append_text_cell(out, text, delimiter, quote, sole && text.empty());
  } else {
    append_integer(out, value);
  }
}

}  // namespace weir::operators
