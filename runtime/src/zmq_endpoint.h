// ZmqEndpoint: one thread that owns a ROUTER socket, which listens, and a DEALER socket for each
// peer that it has connected to. (A ROUTER that connects by itself aborts the process when a peer
// has come in under the name before, so it only listens.)
//
// Whoever sends uses the socket itself, under the endpoint's mutex, so that a message takes no way
// round by another thread; the endpoint's thread receives. It sleeps in poll(); who finds that
// something has come while he sends wakes it through an eventfd.
#pragma once

#include <sys/eventfd.h>

#include <array>
#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "weir/runtime/mutex.h"
#include "weir/runtime/transport.h"
#include "zmq_connection.h"
#include "zmq_gatekeeper.h"
#include "zmq_socket.h"

namespace weir::runtime {

class ZmqEndpoint final : public Endpoint {
 public:
  // `keys`: none for an endpoint that trusts everybody, which only a loopback address may.
  ZmqEndpoint(EndpointOptions options, MessageHandler& handler,
              std::shared_ptr<const TransportKeys> keys)
      : options_(std::move(options)), handler_(handler), keys_(std::move(keys)) {}
  ~ZmqEndpoint() override;

  // Binds and starts the thread.
  absl::Status start();

  const std::string& address() const override { return address_; }
  absl::Status connect(const std::string& peer, const std::string& address) override;
  void send(std::string_view peer, Message message) override;

 private:
  // One message, in parts as they came.
  struct Incoming {
    std::string peer;
    ZmqMessage name, head, payload;
  };
  static constexpr std::size_t kMessagesPerTurn = 32;

  // A peer whose connection has broken, and why it refuses this endpoint if that is the cause.
  struct Break {
    std::string peer;
    const char* refusal;
  };

  absl::Status listen();
  void tell(const Break& broken);
  // False if descriptors have run out.
  bool reopen(ZmqConnection& connection) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void wake();
  void run();
  bool send_now(const std::string& peer, Message& message, ZmqSocket*& used)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // Takes what has arrived, and broken connections.
  void collect() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void receive_some(ZmqSocket& socket, const std::string* peer)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void hand_over(Incoming& message);
  void sleep();

  // Fixed after start().
  const EndpointOptions options_;
  MessageHandler& handler_;
  const std::shared_ptr<const TransportKeys> keys_;
  std::string address_;
  int wake_fd_ = -1;
  std::thread thread_;

  // The thread's own.
  std::array<Incoming, kMessagesPerTurn> incoming_;
  std::size_t received_ = 0;
  std::vector<Break> broken_;
  std::vector<std::uint64_t> head_;  // aligned copy, for those who read it in place

  std::atomic<bool> is_asleep_{false};
  std::atomic<bool> is_closing_{false};
  ZmqContext context_;                       // dies after its sockets
  std::optional<ZmqGatekeeper> gatekeeper_;  // of one that listens, with keys; the thread's own
  Mutex mutex_;
  ZmqSocket router_ ABSL_GUARDED_BY(mutex_);
  std::map<std::string, ZmqConnection, std::less<>> connections_ ABSL_GUARDED_BY(mutex_);
  int opened_ ABSL_GUARDED_BY(mutex_) = 0;
  std::vector<std::string> unsent_ ABSL_GUARDED_BY(mutex_);  // peers; to be told
};

}  // namespace weir::runtime
