// Who listens at a TCP port of this machine, for messages to people.
#pragma once

#include <cstdint>
#include <string>

namespace weir::runtime {

// "process 1234 (redis-server)", or "" if that cannot be found out.
std::string describe_port_owner(std::uint16_t port);

}  // namespace weir::runtime
