// ZmqGatekeeper: decides which keys may speak to a listening endpoint. ZeroMQ asks it (its protocol
// for that is ZAP, RFC 27) after the CURVE handshake has proved the peer's key, and before a frame
// of the peer is let through. Belongs to the endpoint's thread; must be open from
// before the socket that it guards listens until after that is closed: with nobody to ask, ZeroMQ
// would let every key in. Whom it does not know is denied.
#pragma once

#include <array>
#include <memory>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "weir/runtime/transport_keys.h"
#include "zmq_socket.h"

namespace weir::runtime {

class ZmqGatekeeper {
 public:
  // Guards the sockets of `context`. Check is_open() afterwards.
  ZmqGatekeeper(ZmqContext& context, std::shared_ptr<const TransportKeys> keys);

  bool is_open() const { return socket_.is_open(); }
  // Answers all questions that have come.
  void answer();
  const ZmqSocket& socket() const { return socket_; }

  // Whether the sender of `message` may call itself `name`. (What is known of the sender goes along
  // with what it has sent; the part with its name, which ZeroMQ makes, does not always have it.)
  static bool may_be(std::string_view name, const ZmqMessage& message);

 private:
  // A question: its sender, an empty part, version, request, domain, address, the asking socket,
  // mechanism, credentials.
  static constexpr std::size_t kParts = 9;

  // False if nothing has come.
  bool receive();
  void reply();

  const std::shared_ptr<const TransportKeys> keys_;
  ZmqSocket socket_;
  std::array<ZmqMessage, kParts> question_;
  std::size_t parts_ = 0;  // of the question, those beyond kParts counted too
};

}  // namespace weir::runtime
