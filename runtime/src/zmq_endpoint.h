// ZmqEndpoint: one thread that owns a ROUTER socket, which listens, and a DEALER socket for each
// peer that it has connected to. (A ROUTER that connects by itself aborts the process when a peer
// has come in under the name before, so it only listens.)
//
// connect() and send() put orders into a queue that the thread works off, with what has arrived, in
// turns. The thread sleeps in zmq_poll and is woken through an eventfd.
#pragma once

#include <sys/eventfd.h>

#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "weir/runtime/mutex.h"
#include "weir/runtime/transport.h"
#include "zmq_connection.h"
#include "zmq_socket.h"

namespace weir::runtime {

class ZmqEndpoint final : public Endpoint {
 public:
  ZmqEndpoint(EndpointOptions options, MessageHandler& handler)
      : options_(std::move(options)), handler_(handler) {}
  ~ZmqEndpoint() override;

  // Binds and starts the thread.
  absl::Status start();

  const std::string& address() const override { return address_; }
  absl::Status connect(const std::string& peer, const std::string& address) override;
  void send(std::string_view peer, Message message) override;

 private:
  struct Order {
    std::string peer;
    std::string address;  // to connect to; empty: send `message`
    Message message;
  };

  absl::Status listen();
  void put(Order order);
  void run();
  bool carry_out_orders();
  void open_connection(const std::string& peer, const std::string& address);
  void send_now(const std::string& peer, Message& message);
  bool receive_some(ZmqSocket& socket, const std::string* peer);
  void hand_over(std::string_view peer, std::string_view head, std::string_view payload);
  void look_for_breaks();
  void sleep();

  // Fixed after start().
  const EndpointOptions options_;
  MessageHandler& handler_;
  std::string address_;
  int wake_fd_ = -1;
  std::thread thread_;

  // The thread's own, after start().
  ZmqContext context_;
  ZmqSocket router_;
  std::map<std::string, ZmqConnection, std::less<>> connections_;
  int opened_ = 0;
  std::vector<std::uint64_t> head_;  // aligned copy, for those who read it in place

  std::atomic<bool> is_asleep_{false};
  std::atomic<bool> has_orders_{false};
  std::atomic<bool> is_closing_{false};
  Mutex mutex_;
  std::vector<Order> orders_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace weir::runtime
