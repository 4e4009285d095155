// Who listens at a TCP port of this machine, for error messages.
#pragma once

#include <cstdint>
#include <string>

namespace weir::coordinator {

bool is_port_taken(std::uint16_t port);

// "process 123 (python3 -m http.server)", "another user's process", or empty if nobody does.
std::string port_owner(std::uint16_t port);

}  // namespace weir::coordinator
