// What names and addresses of endpoints look like, for every transport.
#pragma once

#include <charconv>
#include <cstdint>
#include <optional>
#include <string_view>

namespace weir::runtime {

// The port of "tcp://HOST:PORT"; none if the address does not look like that.
inline std::optional<std::uint16_t> port_of_address(std::string_view address) {
  constexpr std::string_view kScheme = "tcp://";
  const std::size_t colon = address.rfind(':');
  if (!address.starts_with(kScheme) || colon == std::string_view::npos || colon <= kScheme.size()) {
    return std::nullopt;
  }
  const std::string_view digits = address.substr(colon + 1);
  std::uint16_t port = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), port);
  if (error != std::errc() || end != digits.data() + digits.size()) return std::nullopt;
  return port;
}

inline bool is_endpoint_name(std::string_view name) {
  return !name.empty() && name.size() <= 255 && name.front() != '\0';
}

}  // namespace weir::runtime
