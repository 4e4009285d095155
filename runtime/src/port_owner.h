// Who listens on a TCP port of this machine, for messages; Linux only, and only as far as /proc
// tells it to this user.
#pragma once

#include <cstdint>
#include <string>

namespace weir::runtime {

// "process 4711 (weir)", or empty if that cannot be known.
std::string owner_of_port(std::uint16_t port);

}  // namespace weir::runtime
