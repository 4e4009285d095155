// Who listens at a TCP port of this machine, for messages to people.
#pragma once

#include <cstdint>
#include <optional>

namespace weir::runtime {

bool is_port_taken(std::uint16_t port);
// The pid; 0 if it is another user's process, nullopt if nobody listens there.
std::optional<std::int32_t> port_owner(std::uint16_t port);

}  // namespace weir::runtime
