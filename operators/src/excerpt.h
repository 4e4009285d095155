// Pieces of input as they may stand in a message.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace weir::operators {

// `text` in quotes, control bytes escaped, cut to about `limit` bytes.
std::string excerpt(std::string_view text, std::size_t limit = 80);

}  // namespace weir::operators
