#include "weir/operators/text/json_value.h"

#include <simdjson.h>

#include <cstring>
#include <sstream>
#include <type_traits>
#include <utility>

#include "excerpt.h"

namespace weir::operators {
namespace {

using simdjson::dom::element;
using simdjson::dom::element_type;

static_assert(JsonParser::kPadding >= simdjson::SIMDJSON_PADDING);
static_assert(sizeof(element) == 16 && alignof(element) <= 8 &&
              std::is_trivially_copyable_v<element>);

element held(const unsigned char (&bytes)[16]) {
  element out;
  std::memcpy(static_cast<void*>(&out), bytes, sizeof(out));
  return out;
}

template <class T>
CellFault take(const element& from, T& value) {
  const simdjson::error_code error = from.get(value);
  if (error == simdjson::SUCCESS) return CellFault::kNone;
  return error == simdjson::NUMBER_OUT_OF_RANGE ? CellFault::kOutOfRange : CellFault::kWrongKind;
}

}  // namespace

std::string_view describe(JsonKind kind) {
  switch (kind) {
    case JsonKind::kNull: return "null";
    case JsonKind::kBool: return "a boolean";
    case JsonKind::kInteger: return "an integer";
    case JsonKind::kReal: return "a number";
    case JsonKind::kString: return "a string";
    case JsonKind::kArray: return "an array";
    case JsonKind::kObject: break;
  }
  return "an object";
}

template <class Element>
JsonValue JsonValue::hold(Element from) {
  JsonValue out;
  std::memcpy(out.element_, static_cast<const void*>(&from), sizeof(from));
  return out;
}

JsonKind JsonValue::kind() const {
  switch (held(element_).type()) {
    case element_type::ARRAY: return JsonKind::kArray;
    case element_type::OBJECT: return JsonKind::kObject;
    case element_type::INT64:
    case element_type::UINT64: return JsonKind::kInteger;
    case element_type::DOUBLE: return JsonKind::kReal;
    case element_type::STRING: return JsonKind::kString;
    case element_type::BOOL: return JsonKind::kBool;
    case element_type::NULL_VALUE: break;
  }
  return JsonKind::kNull;
}

CellFault JsonValue::get(bool& value) const { return take(held(element_), value); }
CellFault JsonValue::get(std::int64_t& value) const { return take(held(element_), value); }
CellFault JsonValue::get(std::uint64_t& value) const { return take(held(element_), value); }
CellFault JsonValue::get(double& value) const { return take(held(element_), value); }
CellFault JsonValue::get(std::string_view& value) const { return take(held(element_), value); }

bool JsonValue::visit(Visit f, void* context) const {
  const element here = held(element_);
  if (here.is_object()) {
    for (const auto field : simdjson::dom::object(here)) {
      if (!f(context, field.key, hold(field.value))) return false;
    }
  } else if (here.is_array()) {
    for (const element child : simdjson::dom::array(here)) {
      if (!f(context, {}, hold(child))) return false;
    }
  }
  return true;
}

std::string JsonValue::text() const { return simdjson::minify(held(element_)); }

struct JsonParser::State {
  simdjson::dom::parser parser;
};

JsonParser::JsonParser() : state_(std::make_unique<State>()) {}
JsonParser::~JsonParser() = default;
JsonParser::JsonParser(JsonParser&&) noexcept = default;
JsonParser& JsonParser::operator=(JsonParser&&) noexcept = default;

bool JsonParser::parse(std::string_view padded, JsonValue& root) {
  constexpr bool kCopyFirst = false;
  element parsed;
  const simdjson::error_code error =
      state_->parser.parse(padded.data(), padded.size(), kCopyFirst).get(parsed);
  if (error == simdjson::SUCCESS) {
    root = JsonValue::hold(parsed);
    return true;
  }
  error_ =
      std::string("not valid JSON: ") + simdjson::error_message(error) + " in " + excerpt(padded);
  return false;
}

}  // namespace weir::operators
