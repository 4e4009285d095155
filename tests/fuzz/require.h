// What a fuzzer asks of everything that it has put in.
#pragma once

#include <cstdlib>

namespace weir::tests {

inline void require(bool holds) {
  if (!holds) std::abort();
}

}  // namespace weir::tests
