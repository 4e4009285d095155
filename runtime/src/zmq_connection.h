// ZmqConnection: the way to one peer that an endpoint has connected to: a DEALER socket, and what
// ZeroMQ tells of its connection. Belongs to the endpoint's thread.
//
// Until the first connection stands, messages wait in it. Once a connection has broken they are
// refused until the next one stands, as nobody knows for how long they would wait.
#pragma once

#include <string>

#include "zmq_socket.h"

namespace weir::runtime {

class ZmqConnection {
 public:
  // Check is_open() afterwards: descriptors may have run out.
  ZmqConnection(ZmqContext& context, const EndpointOptions& options, std::string address,
                int number);

  bool is_open() const { return socket_.is_open() && monitor_.is_open(); }
  const std::string& address() const { return address_; }
  // Nobody will miss what still waits: it was meant for an address that is not used any more.
  void abandon() { socket_.set(ZMQ_LINGER, 0); }

  // Reads what has happened to the connection; true if it has broken since the last call.
  bool take_break();
  // Whether a message may be sent now.
  bool accepts() const { return state_ != State::kBroken; }

  ZmqSocket& socket() { return socket_; }
  ZmqSocket& monitor() { return monitor_; }

 private:
  enum class State { kNew, kConnected, kBroken };

  std::string address_;
  ZmqSocket socket_;
  ZmqSocket monitor_;
  State state_ = State::kNew;
};

}  // namespace weir::runtime
