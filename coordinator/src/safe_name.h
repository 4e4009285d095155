// Names that may become parts of paths: whoever makes a file name of a name that came from outside
// asks this first.
#pragma once

#include <algorithm>
#include <string_view>

namespace weir::coordinator {

// 1 to 128 letters, digits, '-', '_' and '.', the first neither '.' nor '-'.
inline bool is_safe_name(std::string_view name) {
  const auto is_plain = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
  };
  return !name.empty() && name.size() <= 128 && is_plain(name.front()) &&
         std::all_of(name.begin(), name.end(),
                     [&](char c) { return is_plain(c) || c == '-' || c == '.'; });
}

}  // namespace weir::coordinator
