// JSON as the typed formats see it: JsonValue, a view of one parsed value, and JsonParser. The
// parser behind them (simdjson) stays inside one .cc file, so that programs need not compile it. A
// JsonValue lives until its parser's next parse(). One thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "weir/operators/text/cell_number.h"

namespace weir::operators {

enum class JsonKind : std::uint8_t { kNull, kBool, kInteger, kReal, kString, kArray, kObject };

// "a string", "an array": for messages.
std::string_view describe(JsonKind kind);

class JsonValue {
 public:
  JsonKind kind() const;

  // Each gives kWrongKind if the value is of another kind, kOutOfRange if it does not fit.
  CellFault get(bool& value) const;
  CellFault get(std::int64_t& value) const;
  CellFault get(std::uint64_t& value) const;
  CellFault get(double& value) const;  // from integers as well
  CellFault get(std::string_view& value) const;

  // Walks an array or object. `f` gets `context`, the name (of an object's field) and the value,
  // and gives false to stop; visit() gives false if `f` did. Other kinds have no elements.
  using Visit = bool (*)(void* context, std::string_view name, const JsonValue& value);
  bool visit(Visit f, void* context) const;
  // The same for a callable f(name, value).
  template <class F>
  bool for_each(F&& f) const {
    return visit(
        [](void* context, std::string_view name, const JsonValue& value) {
          return (*static_cast<std::remove_reference_t<F>*>(context))(name, value);
        },
        &f);
  }
  // As JSON again, for messages.
  std::string text() const;

 private:
  friend class JsonParser;
  template <class Element>
  static JsonValue hold(Element element);
  alignas(8) unsigned char element_[16] = {};
};

class JsonParser {
 public:
  JsonParser();
  ~JsonParser();
  JsonParser(JsonParser&&) noexcept;
  JsonParser& operator=(JsonParser&&) noexcept;

  // Bytes that parse() may read behind its text.
  static constexpr std::size_t kPadding = 64;
  // Parses one JSON text, with kPadding readable bytes behind it. False: error() says why.
  [[nodiscard]] bool parse(std::string_view padded, JsonValue& root);
  const std::string& error() const { return error_; }

 private:
  struct State;
  std::unique_ptr<State> state_;
  std::string error_;
};

// Appends `text` as a JSON string; bytes that are no UTF-8 become U+FFFD.
void append_json_string(std::string& out, std::string_view text);
// Appends the shortest number that reads back the same; null if it is not finite.
void append_json_real(std::string& out, double value);
void append_json_real(std::string& out, float value);

}  // namespace weir::operators
