#include "zmq_endpoint.h"

#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <optional>

#include "port_owner.h"
#include "transport_address.h"
#include "weir/runtime/check.h"

namespace weir::runtime {
namespace {

constexpr int kMessagesPerTurn = 64;

}  // namespace

absl::Status ZmqEndpoint::start() {
  if (!is_endpoint_name(options_.name)) {
    return absl::InvalidArgumentError("an endpoint's name has 1 to 255 bytes");
  }
  if (!options_.listen.empty()) {
    const absl::Status status = listen();
    if (!status.ok()) return status;
  }
  wake_fd_ = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  if (wake_fd_ < 0) return absl::ErrnoToStatus(errno, "an endpoint needs an eventfd");
  thread_ = std::thread([this] { run(); });
  return absl::OkStatus();
}

absl::Status ZmqEndpoint::listen() {
  const std::optional<std::uint16_t> port = port_of_address(options_.listen);
  if (!port) {
    return absl::InvalidArgumentError("cannot listen at '" + options_.listen +
                                      "': an address is tcp://HOST:PORT");
  }
  router_ = ZmqSocket(context_, ZMQ_ROUTER);
  if (!router_.is_open()) return zmq_error("cannot open a socket");
  set_options(router_, options_);
  router_.set(ZMQ_ROUTER_MANDATORY, 1);
  router_.set(ZMQ_ROUTER_HANDOVER, 1);
  if (zmq_bind(router_.get(), options_.listen.c_str()) != 0) {
    const absl::Status status = zmq_error("cannot listen at " + options_.listen);
    if (!absl::IsAlreadyExists(status)) return status;
    const std::string owner = describe_port_owner(*port);
    return absl::AlreadyExistsError("the address " + options_.listen + " is taken" +
                                    (owner.empty() ? "" : " by " + owner) +
                                    "; stop what listens there, or choose another port");
  }
  char address[256];
  std::size_t size = sizeof address;
  if (zmq_getsockopt(router_.get(), ZMQ_LAST_ENDPOINT, address, &size) != 0) {
    return zmq_error("cannot tell the address of a socket");
  }
  address_ = address;
  return absl::OkStatus();
}

ZmqEndpoint::~ZmqEndpoint() {
  if (thread_.joinable()) {
    WEIR_CHECK(thread_.get_id() != std::this_thread::get_id(),
               "a handler does not destroy its endpoint");
    is_closing_.store(true);
    eventfd_write(wake_fd_, 1);
    thread_.join();
  }
  if (wake_fd_ >= 0) close(wake_fd_);
}

absl::Status ZmqEndpoint::connect(const std::string& peer, const std::string& address) {
  const std::optional<std::uint16_t> port = port_of_address(address);
  if (!is_endpoint_name(peer) || !port || *port == 0) {
    return absl::InvalidArgumentError("cannot connect to '" + peer + "' at '" + address +
                                      "': an address is tcp://HOST:PORT");
  }
  put({peer, address, {}});
  return absl::OkStatus();
}

void ZmqEndpoint::send(std::string_view peer, Message message) {
  put({std::string(peer), {}, std::move(message)});
}

void ZmqEndpoint::put(Order order) {
  {
    MutexLock lock(mutex_);
    orders_.push_back(std::move(order));
  }
  has_orders_.store(true);
  if (is_asleep_.exchange(false)) eventfd_write(wake_fd_, 1);
}

void ZmqEndpoint::run() {
  for (;;) {
    const bool is_last = is_closing_.load();
    bool is_busy = carry_out_orders();
    if (is_last) break;
    if (router_.is_open()) is_busy |= receive_some(router_, nullptr);
    look_for_breaks();
    for (auto& [peer, connection] : connections_) {
      is_busy |= receive_some(connection.socket(), &peer);
    }
    if (!is_busy) sleep();
  }
  connections_.clear();
  router_ = ZmqSocket();
}

bool ZmqEndpoint::carry_out_orders() {
  if (!has_orders_.exchange(false)) return false;
  std::vector<Order> orders;
  {
    MutexLock lock(mutex_);
    orders.swap(orders_);
  }
  for (Order& order : orders) {
    if (order.address.empty()) {
      send_now(order.peer, order.message);
    } else {
      open_connection(order.peer, order.address);
    }
  }
  return true;
}

void ZmqEndpoint::open_connection(const std::string& peer, const std::string& address) {
  const auto found = connections_.find(peer);
  if (found != connections_.end()) {
    if (found->second.address() == address) return;
    found->second.abandon();
    connections_.erase(found);
  }
  ZmqConnection connection(context_, options_, address, opened_++);
  if (connection.is_open()) {
    connections_.emplace(peer, std::move(connection));
  } else {
    handler_.on_unreachable(peer);
  }
}

void ZmqEndpoint::send_now(const std::string& peer, Message& message) {
  const auto found = connections_.find(peer);
  const bool is_connected = found != connections_.end();
  ZmqSocket& socket = is_connected ? found->second.socket() : router_;
  bool is_sent = is_connected ? found->second.accepts() : router_.is_open();
  if (is_sent && !is_connected) is_sent = ZmqMessage(std::string_view(peer)).send(socket, false);
  if (is_sent) {
    const bool has_payload = !message.payload.empty();
    is_sent = ZmqMessage(std::move(message.head)).send(socket, !has_payload);
    if (is_sent && has_payload) is_sent = ZmqMessage(std::move(message.payload)).send(socket, true);
  }
  if (!is_sent) handler_.on_unreachable(peer);
}

// Of `peer`, or with the sender's name in front.
bool ZmqEndpoint::receive_some(ZmqSocket& socket, const std::string* peer) {
  int received = 0;
  for (; received < kMessagesPerTurn; ++received) {
    ZmqMessage name, head, payload;
    if (peer == nullptr && !name.receive(socket)) break;
    if (peer == nullptr && !name.has_more()) continue;
    if (!head.receive(socket)) break;
    if (head.has_more()) payload.receive(socket);
    if (payload.has_more()) {  // nothing of Weir has so many parts
      for (ZmqMessage rest; rest.receive(socket) && rest.has_more();) {
      }
      continue;
    }
    hand_over(peer != nullptr ? std::string_view(*peer) : name.view(), head.view(), payload.view());
  }
  return received > 0;
}

void ZmqEndpoint::hand_over(std::string_view peer, std::string_view head,
                            std::string_view payload) {
  head_.resize(head.size() / sizeof(head_[0]) + 1);
  if (!head.empty()) std::memcpy(head_.data(), head.data(), head.size());
  handler_.on_message(peer, {reinterpret_cast<const char*>(head_.data()), head.size()}, payload);
}

void ZmqEndpoint::look_for_breaks() {
  for (auto& [peer, connection] : connections_) {
    if (connection.take_break()) handler_.on_unreachable(peer);
  }
}

void ZmqEndpoint::sleep() {
  std::vector<zmq_pollitem_t> items;
  items.push_back({nullptr, wake_fd_, ZMQ_POLLIN, 0});
  if (router_.is_open()) items.push_back({router_.get(), 0, ZMQ_POLLIN, 0});
  for (auto& [peer, connection] : connections_) {
    items.push_back({connection.socket().get(), 0, ZMQ_POLLIN, 0});
    items.push_back({connection.monitor().get(), 0, ZMQ_POLLIN, 0});
  }
  is_asleep_.store(true);
  // Whoever puts an order after this look finds the thread asleep, and wakes it.
  if (!has_orders_.load() && !is_closing_.load()) {
    zmq_poll(items.data(), static_cast<int>(items.size()), -1);
  }
  is_asleep_.store(false);
  eventfd_t woken = 0;
  if ((items[0].revents & ZMQ_POLLIN) != 0) eventfd_read(wake_fd_, &woken);
}

}  // namespace weir::runtime
