#include "weir/operators/text/cell.h"

namespace weir::operators {
namespace {

bool equals_ignoring_case(std::string_view text, std::string_view lower) {
  if (text.size() != lower.size()) return false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i] >= 'A' && text[i] <= 'Z' ? static_cast<char>(text[i] + 32) : text[i];
    if (c != lower[i]) return false;
  }
  return true;
}

template <class T>
CellFault parse_floating(std::string_view text, T& value) {
  if (text.empty()) return CellFault::kEmpty;
  const char* const end = text.data() + text.size();
  const auto [next, error] = std::from_chars(text.data(), end, value);
  if (error == std::errc::invalid_argument || next != end) return CellFault::kMalformed;
  return error == std::errc() ? CellFault::kNone : CellFault::kOutOfRange;
}

template <class T>
void append_floating(std::string& out, T value) {
  char buffer[64];
  const auto end = std::to_chars(buffer, buffer + sizeof(buffer), value).ptr;
  out.append(buffer, static_cast<std::size_t>(end - buffer));
}

}  // namespace

CellFault parse_bool(std::string_view text, bool& value) {
  if (text.empty()) return CellFault::kEmpty;
  value = text == "1" || equals_ignoring_case(text, "true");
  if (value || text == "0" || equals_ignoring_case(text, "false")) return CellFault::kNone;
  return CellFault::kMalformed;
}

CellFault parse_double(std::string_view text, double& value) { return parse_floating(text, value); }
CellFault parse_float(std::string_view text, float& value) { return parse_floating(text, value); }
void append_double(std::string& out, double value) { append_floating(out, value); }
void append_float(std::string& out, float value) { append_floating(out, value); }

void append_text_cell(std::string& out, std::string_view text, char delimiter, char quote,
                      bool force) {
  constexpr unsigned char kByteOrderMark = 0xEF;  // first byte of it
  bool plain = !force && (text.empty() || static_cast<unsigned char>(text[0]) != kByteOrderMark);
  for (const char c : text) {
    plain = plain && c != delimiter && c != quote && c != '\n' && c != '\r';
  }
  if (plain) {
    out.append(text);
    return;
  }
  out += quote;
  for (const char c : text) {
    if (c == quote) out += quote;
    out += c;
  }
  out += quote;
}

}  // namespace weir::operators
