#include "weir/runtime/port_owner.h"

#include <charconv>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>
#include <string>
#include <system_error>

namespace weir::runtime {
namespace {

constexpr const char* kListening = "0A";

// Inodes of the sockets that listen at the port.
std::set<std::string> listeners(std::uint16_t port) {
  std::set<std::string> inodes;
  for (const char* table : {"/proc/net/tcp", "/proc/net/tcp6"}) {
    std::ifstream in(table);
    std::string line;
    std::getline(in, line);  // titles
    while (std::getline(in, line)) {
      std::istringstream fields(line);
      std::string slot, local, remote, state, queues, timer, retransmits, uid, timeout, inode;
      fields >> slot >> local >> remote >> state >> queues >> timer >> retransmits >> uid >>
          timeout >> inode;
      const std::size_t colon = local.rfind(':');
      if (colon == std::string::npos || state != kListening) continue;
      if (std::strtoul(local.c_str() + colon + 1, nullptr, 16) == port) inodes.insert(inode);
    }
  }
  return inodes;
}

bool has_one_of(const std::filesystem::path& process, const std::set<std::string>& inodes) {
  std::error_code ignored;
  for (const auto& fd : std::filesystem::directory_iterator(process / "fd", ignored)) {
    const std::string target = std::filesystem::read_symlink(fd.path(), ignored).string();
    if (!target.starts_with("socket:[")) continue;
    if (inodes.count(target.substr(8, target.size() - 9)) != 0) return true;
  }
  return false;
}

}  // namespace

bool is_port_taken(std::uint16_t port) { return !listeners(port).empty(); }

std::optional<std::int32_t> port_owner(std::uint16_t port) {
  const std::set<std::string> inodes = listeners(port);
  if (inodes.empty()) return std::nullopt;
  std::error_code ignored;
  for (const auto& process : std::filesystem::directory_iterator("/proc", ignored)) {
    const std::string name = process.path().filename().string();
    std::int32_t pid = 0;
    if (std::from_chars(name.data(), name.data() + name.size(), pid).ec != std::errc()) continue;
    if (has_one_of(process.path(), inodes)) return pid;
  }
  return 0;
}

}  // namespace weir::runtime
