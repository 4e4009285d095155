// Where a daemon may listen: at a loopback address, and at others only with keys, since whoever
// reaches a coordinator can run programs on its hosts.
#pragma once

#include <string>

#include "absl/status/status.h"

namespace weir::coordinator {

bool is_loopback(const std::string& address);
// `key`: that of the configuration, for the message. kInvalidArgument.
absl::Status check_listen_address(const std::string& key, const std::string& address,
                                  bool has_keys);
// The same for an address that is told to others, so it must be one.
absl::Status check_told_address(const std::string& key, const std::string& address, bool has_keys);

}  // namespace weir::coordinator
