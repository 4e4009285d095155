#include "excerpt.h"

namespace weir::operators {

std::string excerpt(std::string_view text, std::size_t limit) {
  constexpr char kHex[] = "0123456789abcdef";
  const bool cut = text.size() > limit;
  std::string out = "\"";
  for (const char c : text.substr(0, limit)) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte >= 0x20 && byte != 0x7F) {
      out += c;
      continue;
    }
    out += "\\x";
    out += kHex[byte >> 4];
    out += kHex[byte & 15];
  }
  if (cut) {
    // Not in the middle of a UTF-8 character.
    std::size_t at = out.size();
    while (at > 1 && (static_cast<unsigned char>(out[at - 1]) & 0xC0) == 0x80) --at;
    if (at > 1 && static_cast<unsigned char>(out[at - 1]) >= 0xC0) out.resize(at - 1);
    out += "...";
  }
  return out + "\"";
}

}  // namespace weir::operators
