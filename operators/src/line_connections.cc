#include "line_connections.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "absl/strings/str_cat.h"

namespace weir::operators {
namespace {

constexpr int kBacklog = 64;
constexpr std::size_t kReceiveBytes = std::size_t{64} << 10;

absl::Status listen_error(int error, std::uint16_t port) {
  const std::string where = absl::StrCat("cannot listen on 127.0.0.1:", port, ": ");
  if (error == EADDRINUSE) {
    return absl::AlreadyExistsError(absl::StrCat(
        where, "the port is taken by another program; stop that one or choose another port"));
  }
  if (error == EACCES) {
    return absl::PermissionDeniedError(
        absl::StrCat(where, "ports below 1024 are reserved; choose a higher one"));
  }
  return absl::UnavailableError(absl::StrCat(where, std::strerror(error)));
}

}  // namespace

LineConnections::~LineConnections() {
  for (const Connection& connection : connections_) ::close(connection.socket);
  if (listener_ >= 0) ::close(listener_);
}

absl::Status LineConnections::listen(std::uint16_t port) {
  listener_ = ::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (listener_ < 0) return listen_error(errno, port);
  const int yes = 1;
  ::setsockopt(listener_, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes));
  ::sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(port);
  auto* const any = reinterpret_cast<::sockaddr*>(&address);
  ::socklen_t length = sizeof(address);
  if (::bind(listener_, any, length) != 0 || ::listen(listener_, kBacklog) != 0 ||
      ::getsockname(listener_, any, &length) != 0) {
    return listen_error(errno, port);
  }
  port_ = ntohs(address.sin_port);
  return absl::OkStatus();
}

void LineConnections::add_to(std::vector<::pollfd>& waits) const {
  const bool takes_more = connections_.size() < kMaxConnections;
  waits.push_back({listener_, static_cast<short>(takes_more ? POLLIN : 0), 0});
  for (const Connection& connection : connections_) waits.push_back({connection.socket, POLLIN, 0});
}

void LineConnections::handle(const ::pollfd* ready, FeedQueue& queue) {
  for (std::size_t i = 0; i < connections_.size(); ++i) {
    if (ready[i + 1].revents != 0) read_from(connections_[i], queue);
  }
  std::erase_if(connections_, [](const Connection& connection) { return connection.is_over; });
  if (ready[0].revents != 0) accept_all();
}

void LineConnections::accept_all() {
  while (connections_.size() < kMaxConnections) {
    const int socket = ::accept4(listener_, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (socket < 0) return;
    connections_.push_back({socket, {}, false});
  }
}

void LineConnections::read_from(Connection& connection, FeedQueue& queue) {
  std::string& line = connection.line;
  const std::size_t before = line.size();
  line.resize(before + kReceiveBytes);
  const ::ssize_t n = ::recv(connection.socket, line.data() + before, kReceiveBytes, 0);
  line.resize(before + static_cast<std::size_t>(std::max<::ssize_t>(n, 0)));
  if (n < 0 && (errno == EAGAIN || errno == EINTR)) return;
  if (n <= 0) {
    // A last line without an end counts if the other side closed in good order.
    if (n == 0 && !line.empty()) queue.put(std::exchange(line, {}) + "\n");
    hang_up(connection);
    return;
  }
  const std::size_t end = line.rfind('\n');
  if (end != std::string::npos) {
    std::string rest = line.substr(end + 1);
    line.resize(end + 1);
    queue.put(std::exchange(line, std::move(rest)));
  }
  if (line.size() > kMaxTcpLine) hang_up(connection);
}

void LineConnections::hang_up(Connection& connection) {
  if (!connection.line.empty()) refused_.fetch_add(1, std::memory_order_relaxed);
  ::close(connection.socket);
  connection.is_over = true;
}

}  // namespace weir::operators
