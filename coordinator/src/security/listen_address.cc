#include "security/listen_address.h"

#include <arpa/inet.h>

#include "absl/strings/str_cat.h"

namespace weir::coordinator {
namespace {

bool read_address(const std::string& text, in_addr& address) {
  return ::inet_pton(AF_INET, text.c_str(), &address) == 1;
}

absl::Status refused(const std::string& key, const std::string& address, const std::string& why) {
  return absl::InvalidArgumentError(absl::StrCat(key, " = ", address, ": ", why));
}

}  // namespace

bool is_loopback(const std::string& address) {
  in_addr parsed{};
  return read_address(address, parsed) && (::ntohl(parsed.s_addr) >> 24) == 127;
}

absl::Status check_listen_address(const std::string& key, const std::string& address,
                                  bool has_keys) {
  in_addr parsed{};
  if (!read_address(address, parsed)) {
    return refused(key, address, "give the IPv4 address of an interface, such as 127.0.0.1");
  }
  if (has_keys || is_loopback(address)) return absl::OkStatus();
  return refused(key, address,
                 "whoever reaches a coordinator can run programs on its hosts, and there are no "
                 "keys yet\n  make them with: weir keys init\n  or listen at 127.0.0.1");
}

absl::Status check_told_address(const std::string& key, const std::string& address, bool has_keys) {
  in_addr parsed{};
  if (read_address(address, parsed) && parsed.s_addr == INADDR_ANY) {
    return refused(key, address, "give the address at which the other hosts reach this one");
  }
  return check_listen_address(key, address, has_keys);
}

}  // namespace weir::coordinator
