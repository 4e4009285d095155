// Connections to an endpoint by somebody who is no endpoint of Weir.
#pragma once

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <charconv>
#include <cstdint>
#include <random>
#include <string>
#include <string_view>
#include <utility>

#include "weir/runtime/transport.h"

namespace weir::tests {

inline std::uint16_t port_of(const runtime::Endpoint& endpoint) {
  const std::string& address = endpoint.address();
  std::uint16_t port = 0;
  std::from_chars(address.data() + address.rfind(':') + 1, address.data() + address.size(), port);
  return port;
}

// A connection that speaks no ZeroMQ unless it is told to.
class RawClient {
 public:
  explicit RawClient(std::uint16_t port) : fd_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_port = htons(port);
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    is_connected_ = connect(fd_, reinterpret_cast<sockaddr*>(&to), sizeof to) == 0;
  }
  ~RawClient() { close(fd_); }
  bool is_connected() const { return is_connected_; }
  // Leaves as whoever is killed does: the other side hears of a broken connection.
  void reset() {
    const linger at_once{1, 0};
    setsockopt(fd_, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    close(std::exchange(fd_, -1));
  }
  void write(std::string_view bytes) const {
    while (!bytes.empty()) {
      const ssize_t n = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (n <= 0) return;
      bytes.remove_prefix(static_cast<std::size_t>(n));
    }
  }
  // Fewer if the other side closes.
  std::string read_bytes(std::size_t count) const {
    std::string bytes(count, '\0');
    std::size_t got = 0;
    while (got < count) {
      const ssize_t n = read(fd_, bytes.data() + got, count - got);
      if (n <= 0) break;
      got += static_cast<std::size_t>(n);
    }
    bytes.resize(got);
    return bytes;
  }
  // Reads until the other side closes.
  void wait_for_close() const {
    char buffer[256];
    while (read(fd_, buffer, sizeof buffer) > 0) {
    }
  }

 private:
  int fd_;
  bool is_connected_ = false;
};

// The 64 bytes that open a connection of ZMTP 3.0.
inline std::string greeting_of(const std::string& mechanism) {
  std::string greeting = std::string("\xFF\0\0\0\0\0\0\0\0\x7F\x03\0", 12) + mechanism;
  greeting.resize(64, '\0');
  return greeting;
}

// Shakes hands as a ZMTP 3.0 peer called "intruder", with the NULL mechanism.
inline void shake_hands(const RawClient& client) {
  client.write(greeting_of("NULL"));
  EXPECT_EQ(client.read_bytes(64).size(), 64u);
  const std::string ready = std::string("\5READY", 6) +
                            std::string("\xBSocket-Type\0\0\0\6DEALER", 22) +
                            std::string("\x8Identity\0\0\0\x8intruder", 21);
  client.write(std::string("\4", 1) + static_cast<char>(ready.size()) + ready);
  const std::string head = client.read_bytes(2);
  ASSERT_EQ(head.size(), 2u);
  client.read_bytes(static_cast<unsigned char>(head[1]));
}

// What a stranger may say that costs the most: one of six ways.
inline std::string hostile_bytes(std::size_t number, std::mt19937_64& rng) {
  const auto frame_of = [](std::uint64_t length) {
    std::string frame(1, '\6');  // a long command, as handshakes are made of
    for (int shift = 56; shift >= 0; shift -= 8) frame += static_cast<char>(length >> shift);
    return frame + std::string(100, 'x');  // and only half of it
  };
  switch (number % 6) {
    case 0: return "";  // says nothing
    case 1: return greeting_of("CURVE").substr(0, 30);
    case 2: return greeting_of("CURVE") + frame_of(std::uint64_t{1} << 31);
    case 3: return greeting_of("CURVE") + frame_of(std::uint64_t{1} << 63);
    case 4: return greeting_of("CURVE") + frame_of(60 << 20);  // within the limit
    default: {
      std::string garbage(3000, '\0');
      for (char& c : garbage) c = static_cast<char>(rng());
      return garbage;
    }
  }
}

}  // namespace weir::tests
