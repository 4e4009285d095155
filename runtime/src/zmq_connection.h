// ZmqConnection: the way to one peer that an endpoint has connected to: a DEALER socket, and what
// ZeroMQ tells of its connection. Belongs to the endpoint's thread.
//
// Until the first connection stands, messages wait in it. Once a connection has broken they are
// refused until the next one stands, as nobody knows for how long they would wait. After a
// handshake that failed ZeroMQ does not try again: it is for the endpoint to open another one.
#pragma once

#include <cstdint>
#include <string>

#include "zmq_socket.h"

namespace weir::runtime {

class ZmqConnection {
 public:
  enum class State : std::uint8_t { kNew, kConnected, kBroken, kRefused };

  // `keys`: none if there are none. Check is_open() afterwards: descriptors may have run out.
  ZmqConnection(ZmqContext& context, const EndpointOptions& options, const TransportKeys* keys,
                std::string address, int number);

  bool is_open() const { return socket_.is_open() && monitor_.is_open(); }
  const std::string& address() const { return address_; }
  // Nobody will miss what still waits: it was meant for an address that is not used any more.
  void abandon() { socket_.set(ZMQ_LINGER, 0); }

  // Reads what has happened to the connection; true if it has broken since the last call.
  bool take_break();
  // Whether a message may be sent now.
  bool accepts() const { return state_ == State::kNew || state_ == State::kConnected; }
  // Somebody is there, but the handshake has failed; refusal() says why.
  bool is_refused() const { return state_ == State::kRefused; }
  const char* refusal() const { return refusal_; }

  ZmqSocket& socket() { return socket_; }
  ZmqSocket& monitor() { return monitor_; }

 private:
  std::string address_;
  bool has_keys_;
  ZmqSocket socket_;
  ZmqSocket monitor_;
  State state_ = State::kNew;
  const char* refusal_ = "";
};

}  // namespace weir::runtime
