// The transport seam: messages between processes. The only way anything in Weir opens a socket to
// another Weir process; ZeroMQ in production, a seeded network in simulation.
//
// An endpoint has a name that is unique among those it talks to, listens at an address if it is
// told to, and connects to peers by name and address. Promises are few, as ZeroMQ's are: between
// two endpoints messages arrive whole and in order, but some or all may be lost when a connection
// breaks, and nobody is told. Who needs more numbers its messages (links.h) or repeats them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace weir::runtime {

// One message: a head that is always parsed, and bytes that travel along uncopied.
struct Message {
  std::string head;
  std::string payload;
};

// What an endpoint hears. Calls come one at a time, from the transport's thread (in simulation:
// from the driving thread), and must not block.
class MessageHandler {
 public:
  virtual ~MessageHandler() = default;
  // `peer` is the sender's name, proved by nothing but its key. The views die with the call.
  virtual void on_message(std::string_view peer, std::string_view head,
                          std::string_view payload) = 0;
  // A message to `peer` could not be sent, or its connection is known to be broken.
  virtual void on_unreachable(std::string_view /*peer*/) {}
  // Somebody listens at the peer's address, but one of the two does not accept the other's keys;
  // `why` goes on after "because". The next message to it tries again.
  virtual void on_refused(std::string_view peer, std::string_view /*why*/) { on_unreachable(peer); }
};

class Endpoint {
 public:
  // Closes the socket; after it has returned the handler hears nothing more. What was sent and has
  // not left within a moment (200 ms) is lost.
  virtual ~Endpoint() = default;
  // Where it listens, with the port that was chosen: "tcp://127.0.0.1:40123"; empty if it does not.
  virtual const std::string& address() const = 0;
  // Messages to `peer` go to `address` from now on; may be called before the peer is there, and
  // again with another address. Messages wait for the first connection to stand; once one has
  // broken they are refused (on_unreachable) until the next stands. Where both of two peers connect
  // to each other, each sends over its own connection.
  virtual absl::Status connect(const std::string& peer, const std::string& address) = 0;
  // Queues a message; from any thread, never blocks. A peer that was neither connected to nor has
  // connected itself: on_unreachable().
  virtual void send(std::string_view peer, Message message) = 0;
};

struct EndpointOptions {
  std::string name{};    // 1 to 255 bytes
  std::string listen{};  // "tcp://127.0.0.1:0" (0: any free port); empty: connects only
  std::size_t max_message_bytes = std::size_t{64} << 20;  // a larger one breaks the connection
};

class Transport {
 public:
  virtual ~Transport() = default;
  // kAlreadyExists if the address is taken (the message says by whom, where that can be known).
  // `handler` is borrowed until the endpoint is destroyed.
  virtual absl::StatusOr<std::unique_ptr<Endpoint>> open(const EndpointOptions& options,
                                                         MessageHandler& handler) = 0;
};

// ZeroMQ, with one thread per endpoint: a ROUTER socket that listens, and a DEALER socket for each
// peer that is connected to. Lives for the whole process.
Transport& zmq_transport();

}  // namespace weir::runtime
