#include "zmq_endpoint.h"

#include <poll.h>
#include <pthread.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <optional>

#include "transport_address.h"
#include "weir/runtime/check.h"
#include "weir/runtime/port_owner.h"

namespace weir::runtime {

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
  if (keys_ != nullptr && !keys_->is_member()) {
    return absl::PermissionDeniedError("with a client's key nobody can listen at " +
                                       options_.listen + ": that takes the cluster's own keys");
  }
  const MutexLock lock(mutex_);
  if (keys_ != nullptr) gatekeeper_.emplace(context_, keys_);
  router_ = ZmqSocket(context_, ZMQ_ROUTER);
  if (!router_.is_open() || (gatekeeper_.has_value() && !gatekeeper_->is_open())) {
    return zmq_error("cannot open a socket");
  }
  set_options(router_, options_);
  if (keys_ != nullptr) set_keys_of_listener(router_, *keys_);
  router_.set(ZMQ_ROUTER_MANDATORY, 1);
  router_.set(ZMQ_ROUTER_HANDOVER, 1);
  if (zmq_bind(router_.get(), options_.listen.c_str()) != 0) {
    const absl::Status status = zmq_error("cannot listen at " + options_.listen);
    if (!absl::IsAlreadyExists(status)) return status;
    const std::int32_t owner = port_owner(*port).value_or(0);
    return absl::AlreadyExistsError("the address " + options_.listen + " is taken" +
                                    (owner == 0 ? "" : " by process " + std::to_string(owner)) +
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

void ZmqEndpoint::wake() {
  if (is_asleep_.exchange(false)) eventfd_write(wake_fd_, 1);
}

absl::Status ZmqEndpoint::connect(const std::string& peer, const std::string& address) {
  const std::optional<std::uint16_t> port = port_of_address(address);
  if (!is_endpoint_name(peer) || !port || *port == 0) {
    return absl::InvalidArgumentError("cannot connect to '" + peer + "' at '" + address +
                                      "': an address is tcp://HOST:PORT");
  }
  const MutexLock lock(mutex_);
  const auto found = connections_.find(peer);
  if (found != connections_.end()) {
    if (found->second.address() == address) return absl::OkStatus();
    found->second.abandon();
    connections_.erase(found);
  }
  ZmqConnection connection(context_, options_, keys_.get(), address, opened_++);
  if (!connection.is_open()) return zmq_error("cannot connect to '" + peer + "' at " + address);
  connections_.emplace(peer, std::move(connection));
  wake();
  return absl::OkStatus();
}

bool ZmqEndpoint::reopen(ZmqConnection& connection) {
  ZmqConnection another(context_, options_, keys_.get(), connection.address(), opened_++);
  if (!another.is_open()) return false;
  connection.abandon();
  connection = std::move(another);
  wake();
  return true;
}

void ZmqEndpoint::send(std::string_view peer, Message message) {
  const std::string to(peer);
  const MutexLock lock(mutex_);
  ZmqSocket* used = nullptr;
  const bool is_sent = send_now(to, message, used);
  if (!is_sent) unsent_.push_back(to);
  // Sending may have swallowed the signal that something has come.
  if (!is_sent || used->has_input()) wake();
}

bool ZmqEndpoint::send_now(const std::string& peer, Message& message, ZmqSocket*& used) {
  const auto found = connections_.find(peer);
  const bool is_connected = found != connections_.end();
  if (is_connected && found->second.is_refused() && !reopen(found->second)) return false;
  ZmqSocket& socket = is_connected ? found->second.socket() : router_;
  used = &socket;
  if (is_connected ? !found->second.accepts() : !socket.is_open()) return false;
  if (!is_connected && !ZmqMessage(std::string_view(peer)).send(socket, false)) return false;
  const bool has_payload = !message.payload.empty();
  if (!ZmqMessage(std::move(message.head)).send(socket, !has_payload)) return false;
  return !has_payload || ZmqMessage(std::move(message.payload)).send(socket, true);
}

void ZmqEndpoint::run() {
  pthread_setname_np(pthread_self(), "weir-endpoint");
  while (!is_closing_.load()) {
    std::vector<std::string> unsent;
    {
      const MutexLock lock(mutex_);
      unsent.swap(unsent_);
      collect();
    }
    // What could not be sent is told before what has arrived since, breaks after what came before.
    for (const std::string& peer : unsent) handler_.on_unreachable(peer);
    for (std::size_t i = 0; i < received_; ++i) hand_over(incoming_[i]);
    for (const Break& broken : broken_) tell(broken);
    if (received_ == 0 && unsent.empty() && broken_.empty()) sleep();
  }
}

void ZmqEndpoint::tell(const Break& broken) {
  if (broken.refusal == nullptr) return handler_.on_unreachable(broken.peer);
  handler_.on_refused(broken.peer, broken.refusal);
}

void ZmqEndpoint::collect() {
  received_ = 0;
  broken_.clear();
  if (gatekeeper_.has_value()) gatekeeper_->answer();
  if (router_.is_open()) receive_some(router_, nullptr);
  for (auto& [peer, connection] : connections_) {
    receive_some(connection.socket(), &peer);
    // Told when all that came before has been taken.
    if (received_ < kMessagesPerTurn && connection.take_break()) {
      broken_.push_back({peer, connection.is_refused() ? connection.refusal() : nullptr});
    }
  }
}

// Of `peer`, or with the sender's name in front.
void ZmqEndpoint::receive_some(ZmqSocket& socket, const std::string* peer) {
  while (received_ < kMessagesPerTurn) {
    Incoming& in = incoming_[received_];
    if (peer == nullptr && !in.name.receive(socket)) return;
    if (peer == nullptr && !in.name.has_more()) continue;
    if (!in.head.receive(socket)) return;
    in.payload.clear();
    if (in.head.has_more()) in.payload.receive(socket);
    if (in.payload.has_more()) {  // nothing of Weir has so many parts
      for (ZmqMessage rest; rest.receive(socket) && rest.has_more();) {
      }
      continue;
    }
    const bool is_proved = peer != nullptr || keys_ == nullptr;
    if (!is_proved && !ZmqGatekeeper::may_be(in.name.view(), in.head)) continue;
    in.peer = peer != nullptr ? std::string_view(*peer) : in.name.view();  // may be closed soon
    ++received_;
  }
}

void ZmqEndpoint::hand_over(Incoming& message) {
  const std::string_view head = message.head.view();
  head_.resize(head.size() / sizeof(head_[0]) + 1);
  if (!head.empty()) std::memcpy(head_.data(), head.data(), head.size());
  handler_.on_message(message.peer, {reinterpret_cast<const char*>(head_.data()), head.size()},
                      message.payload.view());
  message.payload.clear();
}

// Until something has come. Who sends after this has looked finds the thread asleep, and wakes it.
void ZmqEndpoint::sleep() {
  std::vector<pollfd> fds{{wake_fd_, POLLIN, 0}};
  {
    const MutexLock lock(mutex_);
    is_asleep_.store(true);
    bool has_input = !unsent_.empty();
    const auto look_at = [&](const ZmqSocket& socket) {
      has_input = has_input || socket.has_input();
      fds.push_back({socket.wait_fd(), POLLIN, 0});
    };
    if (router_.is_open()) look_at(router_);
    if (gatekeeper_.has_value()) look_at(gatekeeper_->socket());
    for (auto& [peer, connection] : connections_) {
      look_at(connection.socket());
      look_at(connection.monitor());
    }
    if (has_input) is_asleep_.store(false);
  }
  if (is_asleep_.load() && !is_closing_.load()) poll(fds.data(), fds.size(), -1);
  is_asleep_.store(false);
  eventfd_t woken = 0;
  eventfd_read(wake_fd_, &woken);
}

}  // namespace weir::runtime
