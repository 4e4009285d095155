// LineConnections: a listening socket on 127.0.0.1 and its connections; whole lines go into a
// queue. Sockets do not block; the feed's thread alone calls it.
#pragma once

#include <poll.h>

#include <atomic>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "feed_queue.h"

namespace weir::operators {

class LineConnections {
 public:
  LineConnections() = default;
  ~LineConnections();
  LineConnections(const LineConnections&) = delete;
  LineConnections& operator=(const LineConnections&) = delete;

  absl::Status listen(std::uint16_t port);
  std::uint16_t port() const { return port_; }

  // What to wait for, and what to do when `ready` (the same, in order) says that it has come.
  void add_to(std::vector<::pollfd>& waits) const;
  void handle(const ::pollfd* ready, FeedQueue& queue);
  std::uint64_t refused() const { return refused_.load(std::memory_order_relaxed); }

 private:
  static constexpr std::size_t kMaxConnections = 64;
  struct Connection {
    int socket;
    std::string line;  // that has not ended yet
    bool is_over = false;
  };
  void accept_all();
  void read_from(Connection& connection, FeedQueue& queue);
  void hang_up(Connection& connection);

  int listener_ = -1;
  std::uint16_t port_ = 0;
  std::vector<Connection> connections_;
  std::atomic<std::uint64_t> refused_{0};
};

}  // namespace weir::operators
