// WEIR_RECORD(Type, field, ...): the one description of a record type. The binary codec, the CSV
// and JSON formats, schemas and error messages are all made from it.
//
//   struct Flight { weir::EventTime departed; std::string origin; std::int32_t delay_min; };
//   WEIR_RECORD(Flight, departed, origin, delay_min);
//
// Stands at namespace scope after the struct, in the struct's own namespace, once, before the type
// is first used with the engine; up to 32 fields. A field that is not named is not stored, not sent
// and not written. Everything here is compile time only.
#pragma once

#include <concepts>
#include <cstddef>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>

namespace weir::runtime {

// One field of a record: its name and where it is.
template <class Record, class Member>
struct Field {
  using Type = Member;
  std::string_view name;
  Member Record::*pointer;
};

// What WEIR_RECORD overloads on. A tag, so that a derived class never passes for its base.
template <class T>
struct RecordTag {};

inline constexpr std::size_t kMaxRecordFields = 32;

// Types described with WEIR_RECORD.
template <class T>
concept Reflected = requires {
  { weir_record_name(RecordTag<T>{}) } -> std::convertible_to<std::string_view>;
  weir_record_fields(RecordTag<T>{});
};

// The fields, as a std::tuple of Field<T, Member>, in the order of WEIR_RECORD.
template <Reflected T>
constexpr auto record_fields() {
  return weir_record_fields(RecordTag<T>{});
}

// The type's name as written in WEIR_RECORD.
template <Reflected T>
constexpr std::string_view record_name() {
  return weir_record_name(RecordTag<T>{});
}

template <Reflected T>
inline constexpr std::size_t kFieldCount =
    std::tuple_size_v<decltype(weir_record_fields(RecordTag<T>{}))>;

// Calls f(name, member) for each field in order; members are const if `record` is.
template <class R, class F>
requires Reflected<std::remove_cvref_t<R>>
constexpr void for_each_field(R&& record, F&& f) {
  std::apply([&](const auto&... field) { (f(field.name, record.*(field.pointer)), ...); },
             record_fields<std::remove_cvref_t<R>>());
}

// Calls f(field) with the Field itself for each field of T, for work that needs no record.
template <Reflected T, class F>
constexpr void for_each_field_of(F&& f) {
  std::apply([&](const auto&... field) { (f(field), ...); }, record_fields<T>());
}

}  // namespace weir::runtime

namespace weir {
using runtime::Reflected;
}  // namespace weir

// A loop over macro arguments: every level of WEIR_DETAIL_EXPAND scans again four times.
#define WEIR_DETAIL_PARENS ()
#define WEIR_DETAIL_EXPAND(...) \
  WEIR_DETAIL_EXPAND2(WEIR_DETAIL_EXPAND2(WEIR_DETAIL_EXPAND2(WEIR_DETAIL_EXPAND2(__VA_ARGS__))))
#define WEIR_DETAIL_EXPAND2(...) \
  WEIR_DETAIL_EXPAND1(WEIR_DETAIL_EXPAND1(WEIR_DETAIL_EXPAND1(WEIR_DETAIL_EXPAND1(__VA_ARGS__))))
#define WEIR_DETAIL_EXPAND1(...) \
  WEIR_DETAIL_EXPAND0(WEIR_DETAIL_EXPAND0(WEIR_DETAIL_EXPAND0(WEIR_DETAIL_EXPAND0(__VA_ARGS__))))
#define WEIR_DETAIL_EXPAND0(...) __VA_ARGS__
#define WEIR_DETAIL_FIELDS(type, ...) \
  __VA_OPT__(WEIR_DETAIL_EXPAND(WEIR_DETAIL_EACH(type, __VA_ARGS__)))
#define WEIR_DETAIL_EACH(type, field, ...) \
  WEIR_DETAIL_FIELD(type, field)           \
  __VA_OPT__(, WEIR_DETAIL_EACH_AGAIN WEIR_DETAIL_PARENS(type, __VA_ARGS__))
#define WEIR_DETAIL_EACH_AGAIN() WEIR_DETAIL_EACH
#define WEIR_DETAIL_FIELD(type, field) \
  ::weir::runtime::Field<type, decltype(type::field)> { #field, &type::field }

#define WEIR_RECORD(type, ...)                                                           \
  [[maybe_unused]] constexpr ::std::string_view weir_record_name(                        \
      ::weir::runtime::RecordTag<type>) {                                                \
    return #type;                                                                        \
  }                                                                                      \
  [[maybe_unused]] constexpr auto weir_record_fields(::weir::runtime::RecordTag<type>) { \
    return ::std::make_tuple(WEIR_DETAIL_FIELDS(type, __VA_ARGS__));                     \
  }                                                                                      \
  static_assert(::weir::runtime::kFieldCount<type> <= ::weir::runtime::kMaxRecordFields, \
                "WEIR_RECORD takes up to 32 fields: group some of them in a struct of their own")
