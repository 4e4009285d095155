// The transport over ZeroMQ: one ROUTER socket and one thread per endpoint.
//
// ZeroMQ sockets belong to one thread, so send() and connect() only queue, and wake that thread
// through an eventfd. A message is [peer] [head] and, if there is one, [payload]; the payload is
// handed to ZeroMQ without a copy.
#include <sys/eventfd.h>
#include <unistd.h>
#include <zmq.h>

#include <cerrno>
#include <cstring>
#include <map>
#include <thread>
#include <utility>
#include <variant>
#include <vector>

#include "port_owner.h"
#include "weir/runtime/check.h"
#include "weir/runtime/mutex.h"
#include "weir/runtime/transport.h"

namespace weir::runtime {
namespace {

// Messages that may wait for one peer. Credits bound them long before; who gets here is stuck.
constexpr int kMostWaiting = 100'000;
// Messages received before what is to be sent is looked at again.
constexpr int kReceiveQuantum = 256;

std::string zmq_text() { return zmq_strerror(zmq_errno()); }

// The port of "tcp://host:port"; 0 if there is none.
std::uint16_t port_of(const std::string& address) {
  const std::size_t colon = address.rfind(':');
  if (colon == std::string::npos) return 0;
  return static_cast<std::uint16_t>(std::strtoul(address.c_str() + colon + 1, nullptr, 10));
}

void set_option(void* socket, int option, int value) {
  WEIR_CHECK(zmq_setsockopt(socket, option, &value, sizeof value) == 0, "a ZeroMQ option is known");
}

absl::Status listen_at(void* socket, const std::string& wanted, std::string& bound) {
  if (zmq_bind(socket, wanted.c_str()) != 0) {
    if (zmq_errno() == EADDRINUSE) {
      const std::string owner = describe_port_owner(port_of(wanted));
      return absl::AlreadyExistsError("the address " + wanted + " is taken" +
                                      (owner.empty() ? "" : " by " + owner) +
                                      "; stop what listens there, or choose another port");
    }
    return absl::InvalidArgumentError("cannot listen at " + wanted + ": " + zmq_text());
  }
  char text[256];
  std::size_t size = sizeof text;
  WEIR_CHECK(zmq_getsockopt(socket, ZMQ_LAST_ENDPOINT, text, &size) == 0, "it is bound");
  bound = text;
  return absl::OkStatus();
}

class ZmqEndpoint final : public Endpoint {
 public:
  ZmqEndpoint(void* socket, std::string address, MessageHandler& handler)
      : socket_(socket),
        wake_fd_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)),
        address_(std::move(address)),
        handler_(handler) {
    WEIR_CHECK(wake_fd_ >= 0, "an eventfd can be made");
    thread_ = std::thread([this] { run(); });
  }

  ~ZmqEndpoint() override {
    push(Stop{});
    thread_.join();
    zmq_close(socket_);
    ::close(wake_fd_);
  }

  const std::string& address() const override { return address_; }

  absl::Status connect(const std::string& peer, const std::string& address) override {
    if (address.rfind("tcp://", 0) != 0 || port_of(address) == 0) {
      return absl::InvalidArgumentError("'" + address +
                                        "' is no address; it must be like "
                                        "tcp://127.0.0.1:7700");
    }
    {
      const MutexLock lock(mutex_);
      const auto [it, is_new] = dialled_.emplace(peer, address);
      if (!is_new && it->second == address) return absl::OkStatus();
      if (!is_new) {
        return absl::FailedPreconditionError("already connected to '" + peer + "' at " +
                                             it->second + ": open another endpoint");
      }
    }
    push(Dial{peer, address});
    return absl::OkStatus();
  }

  void send(std::string_view peer, Message message) override {
    push(Post{std::string(peer), std::move(message)});
  }

 private:
  struct Stop {};
  struct Dial {
    std::string peer;
    std::string address;
  };
  struct Post {
    std::string peer;
    Message message;
  };
  using Order = std::variant<Post, Dial, Stop>;

  void push(Order order) {
    bool was_empty = false;
    {
      const MutexLock lock(mutex_);
      was_empty = orders_.empty();
      orders_.push_back(std::move(order));
    }
    if (!was_empty) return;
    const std::uint64_t one = 1;
    [[maybe_unused]] const ssize_t written = ::write(wake_fd_, &one, sizeof one);
  }

  void run() {
    for (;;) {
      zmq_pollitem_t items[] = {{socket_, 0, ZMQ_POLLIN, 0}, {nullptr, wake_fd_, ZMQ_POLLIN, 0}};
      if (zmq_poll(items, 2, -1) < 0 && zmq_errno() != EINTR) return;
      if ((items[1].revents & ZMQ_POLLIN) != 0 && !take_orders()) return;
      for (int i = 0; i < kReceiveQuantum && receive(); ++i) {
      }
    }
  }

  // False: it is to stop.
  bool take_orders() {
    std::uint64_t count = 0;
    [[maybe_unused]] const ssize_t got = ::read(wake_fd_, &count, sizeof count);
    std::vector<Order> orders;
    {
      const MutexLock lock(mutex_);
      orders.swap(orders_);
    }
    for (Order& order : orders) {
      if (std::holds_alternative<Stop>(order)) return false;
      if (auto* dial = std::get_if<Dial>(&order)) {
        this->dial(*dial);
      } else {
        post(std::get<Post>(order));
      }
    }
    return true;
  }

  void dial(const Dial& to) {
    zmq_setsockopt(socket_, ZMQ_CONNECT_ROUTING_ID, to.peer.data(), to.peer.size());
    if (zmq_connect(socket_, to.address.c_str()) != 0) handler_.on_unreachable(to.peer);
  }

  void post(Post& post) {
    zmq_msg_t peer;
    zmq_msg_init_size(&peer, post.peer.size());
    std::memcpy(zmq_msg_data(&peer), post.peer.data(), post.peer.size());
    if (zmq_msg_send(&peer, socket_, ZMQ_SNDMORE | ZMQ_DONTWAIT) < 0) {
      zmq_msg_close(&peer);
      handler_.on_unreachable(post.peer);
      return;
    }
    const bool has_payload = !post.message.payload.empty();
    send_part(std::move(post.message.head), has_payload ? ZMQ_SNDMORE : 0);
    if (has_payload) send_part(std::move(post.message.payload), 0);
  }

  // ZeroMQ owns the bytes from here on. Small ones are cheaper to copy.
  void send_part(std::string bytes, int flags) {
    zmq_msg_t part;
    if (bytes.size() < 1024) {
      zmq_msg_init_size(&part, bytes.size());
      std::memcpy(zmq_msg_data(&part), bytes.data(), bytes.size());
    } else {
      auto* owned = new std::string(std::move(bytes));
      zmq_msg_init_data(
          &part, owned->data(), owned->size(),
          [](void*, void* string) { delete static_cast<std::string*>(string); }, owned);
    }
    if (zmq_msg_send(&part, socket_, flags | ZMQ_DONTWAIT) < 0) zmq_msg_close(&part);
  }

  // One whole message; false if there is none.
  bool receive() {
    zmq_msg_t part;
    zmq_msg_init(&part);
    if (zmq_msg_recv(&part, socket_, ZMQ_DONTWAIT) < 0) {
      zmq_msg_close(&part);
      return false;
    }
    const std::string peer(static_cast<const char*>(zmq_msg_data(&part)), zmq_msg_size(&part));
    if (zmq_msg_more(&part) == 0) {
      zmq_msg_close(&part);
      return true;
    }
    // Copied, so that it is aligned: FlatBuffers are read where they lie.
    zmq_msg_recv(&part, socket_, 0);
    head_.assign(static_cast<const char*>(zmq_msg_data(&part)), zmq_msg_size(&part));
    std::string_view payload;
    bool more = zmq_msg_more(&part) != 0;
    if (more) {
      zmq_msg_recv(&part, socket_, 0);
      payload = {static_cast<const char*>(zmq_msg_data(&part)), zmq_msg_size(&part)};
      more = zmq_msg_more(&part) != 0;
    }
    if (!more) handler_.on_message(peer, head_, payload);
    while (more) {  // nothing of Weir has four parts
      zmq_msg_recv(&part, socket_, 0);
      more = zmq_msg_more(&part) != 0;
    }
    zmq_msg_close(&part);
    return true;
  }

  void* const socket_;
  const int wake_fd_;
  const std::string address_;
  MessageHandler& handler_;
  std::thread thread_;
  std::string head_;  // the endpoint's thread only

  Mutex mutex_;
  std::vector<Order> orders_ ABSL_GUARDED_BY(mutex_);
  std::map<std::string, std::string> dialled_ ABSL_GUARDED_BY(mutex_);
};

class ZmqTransport final : public Transport {
 public:
  ZmqTransport() : context_(zmq_ctx_new()) { zmq_ctx_set(context_, ZMQ_MAX_SOCKETS, 4096); }

  absl::StatusOr<std::unique_ptr<Endpoint>> open(const EndpointOptions& options,
                                                 MessageHandler& handler) override {
    void* socket = zmq_socket(context_, ZMQ_ROUTER);
    if (socket == nullptr) {
      return absl::ResourceExhaustedError("no ZeroMQ socket can be opened: " + zmq_text() +
                                          "; raise the limit of open files (ulimit -n)");
    }
    zmq_setsockopt(socket, ZMQ_ROUTING_ID, options.name.data(), options.name.size());
    set_option(socket, ZMQ_ROUTER_MANDATORY, 1);
    set_option(socket, ZMQ_ROUTER_HANDOVER, 1);
    set_option(socket, ZMQ_LINGER, 200);
    set_option(socket, ZMQ_SNDHWM, kMostWaiting);
    set_option(socket, ZMQ_RCVHWM, kMostWaiting);
    set_option(socket, ZMQ_HANDSHAKE_IVL, 5000);
    set_option(socket, ZMQ_HEARTBEAT_IVL, 1000);
    set_option(socket, ZMQ_HEARTBEAT_TIMEOUT, 5000);
    set_option(socket, ZMQ_RECONNECT_IVL, 50);
    set_option(socket, ZMQ_RECONNECT_IVL_MAX, 1000);
    const auto most = static_cast<std::int64_t>(options.max_message_bytes);
    zmq_setsockopt(socket, ZMQ_MAXMSGSIZE, &most, sizeof most);
    std::string address;
    if (!options.listen.empty()) {
      absl::Status status = listen_at(socket, options.listen, address);
      if (!status.ok()) {
        zmq_close(socket);
        return status;
      }
    }
    return std::make_unique<ZmqEndpoint>(socket, std::move(address), handler);
  }

 private:
  void* const context_;
};

}  // namespace

Transport& zmq_transport() {
  static ZmqTransport* const transport = new ZmqTransport;  // never ends: sockets may outlive main
  return *transport;
}

}  // namespace weir::runtime
