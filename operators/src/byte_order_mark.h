// What some editors put in front of UTF-8, and no reader wants to see.
#pragma once

#include <string_view>

namespace weir::operators {

inline constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";

}  // namespace weir::operators
