// The second output of spouts and bolts that name one: `using Side = ...;`.
#pragma once

#include <cstdint>

namespace weir::operators {

// Its port; 0 is the main output.
inline constexpr std::uint32_t kSidePort = 1;

template <class S>
concept HasSide = requires {
  typename S::Side;
};

// The record type of the second output; a stand-in where there is none.
template <class S>
struct SideOf {
  using Type = char;
};
template <HasSide S>
struct SideOf<S> {
  using Type = typename S::Side;
};

}  // namespace weir::operators
