#include "zmq_socket.h"

#include <cerrno>
#include <cstring>
#include <memory>

#include "payload_pool.h"
#include "weir/runtime/check.h"

#if defined(__SANITIZE_THREAD__)
#include <sanitizer/tsan_interface.h>
#endif

namespace weir::runtime {
namespace {

// Below this, a copy costs less than handing the memory over.
constexpr std::size_t kCopiedBytes = 256;
constexpr int kLingerMs = 200;
constexpr int kHandshakeMs = 5000;
constexpr int kConnectMs = 3000;
constexpr int kReconnectMs = 20;
constexpr int kReconnectMaxMs = 500;
// TCP itself notices a host that is gone. Not ZeroMQ's own heartbeats: 4.3.4 ends the process if
// one is due on a connection that has broken while what it brought waits to be read.
constexpr int kKeepAliveIdleS = 5;
constexpr int kKeepAliveIntervalS = 2;
constexpr int kKeepAliveCount = 5;
constexpr int kUnansweredMs = 15'000;
// A safety net: what is in flight is bounded by those who send.
constexpr int kSentMessages = 100'000;
constexpr int kReceivedMessages = 1000;

// ZeroMQ hands a message from thread to thread in ways that ThreadSanitizer does not see.
#if defined(__SANITIZE_THREAD__)
void hand_over(void* bytes) { __tsan_release(bytes); }
void take_over(void* bytes) { __tsan_acquire(bytes); }
#else
void hand_over(void*) {}
void take_over(void*) {}
#endif

// On a thread of ZeroMQ.
void free_string(void*, void* string) {
  take_over(string);
  const std::unique_ptr<std::string> owned(static_cast<std::string*>(string));
  PayloadPool::instance().give_back(std::move(*owned));
}

}  // namespace

ZmqContext::~ZmqContext() {
  while (zmq_ctx_term(context_) != 0 && errno == EINTR) {
  }
}

ZmqSocket& ZmqSocket::operator=(ZmqSocket&& other) noexcept {
  std::swap(socket_, other.socket_);
  return *this;
}

ZmqSocket::~ZmqSocket() {
  if (socket_ != nullptr) zmq_close(socket_);
}

void ZmqSocket::set(int option, int value) {
  const int result = zmq_setsockopt(socket_, option, &value, sizeof value);
  WEIR_CHECK(result == 0, "ZeroMQ knows the options that Weir sets");
}

void ZmqSocket::set(int option, const std::string& text) {
  const int result = zmq_setsockopt(socket_, option, text.c_str(), text.size());
  WEIR_CHECK(result == 0, "ZeroMQ takes the keys that Weir has checked");
}

bool ZmqSocket::has_input() const {
  int events = 0;
  std::size_t size = sizeof events;
  return zmq_getsockopt(socket_, ZMQ_EVENTS, &events, &size) == 0 && (events & ZMQ_POLLIN) != 0;
}

int ZmqSocket::wait_fd() const {
  int fd = -1;
  std::size_t size = sizeof fd;
  const int result = zmq_getsockopt(socket_, ZMQ_FD, &fd, &size);
  WEIR_CHECK(result == 0, "a socket of ZeroMQ can be waited for");
  return fd;
}

ZmqMessage::ZmqMessage(std::string_view bytes) {
  zmq_msg_init_size(&message_, bytes.size());
  if (!bytes.empty()) std::memcpy(zmq_msg_data(&message_), bytes.data(), bytes.size());
}

ZmqMessage::ZmqMessage(std::string&& bytes) {
  if (bytes.size() <= kCopiedBytes) {
    zmq_msg_init_size(&message_, bytes.size());
    std::memcpy(zmq_msg_data(&message_), bytes.data(), bytes.size());
    return;
  }
  auto* owned = new std::string(std::move(bytes));
  hand_over(owned);
  zmq_msg_init_data(&message_, owned->data(), owned->size(), free_string, owned);
}

bool ZmqMessage::send(ZmqSocket& socket, bool is_last) {
  const int flags = ZMQ_DONTWAIT | (is_last ? 0 : ZMQ_SNDMORE);
  int sent = 0;
  do {
    sent = zmq_msg_send(&message_, socket.get(), flags);
  } while (sent < 0 && errno == EINTR);
  return sent >= 0;
}

bool ZmqMessage::receive(ZmqSocket& socket) {
  int received = 0;
  do {
    received = zmq_msg_recv(&message_, socket.get(), ZMQ_DONTWAIT);
  } while (received < 0 && errno == EINTR);
  return received >= 0;
}

std::string_view ZmqMessage::view() const {
  return {static_cast<const char*>(zmq_msg_data(&message_)), zmq_msg_size(&message_)};
}

std::string_view ZmqMessage::property(const char* name) const {
  const char* value = zmq_msg_gets(&message_, name);
  return value == nullptr ? std::string_view() : value;
}

void set_options(ZmqSocket& socket, const EndpointOptions& options) {
  zmq_setsockopt(socket.get(), ZMQ_ROUTING_ID, options.name.data(), options.name.size());
  const auto bytes = static_cast<std::int64_t>(options.max_message_bytes);
  zmq_setsockopt(socket.get(), ZMQ_MAXMSGSIZE, &bytes, sizeof bytes);
  socket.set(ZMQ_LINGER, kLingerMs);
  socket.set(ZMQ_SNDHWM, kSentMessages);
  socket.set(ZMQ_RCVHWM, kReceivedMessages);
  socket.set(ZMQ_HANDSHAKE_IVL, kHandshakeMs);
  socket.set(ZMQ_CONNECT_TIMEOUT, kConnectMs);
  socket.set(ZMQ_RECONNECT_IVL, kReconnectMs);
  socket.set(ZMQ_RECONNECT_IVL_MAX, kReconnectMaxMs);
  socket.set(ZMQ_TCP_KEEPALIVE, 1);
  socket.set(ZMQ_TCP_KEEPALIVE_IDLE, kKeepAliveIdleS);
  socket.set(ZMQ_TCP_KEEPALIVE_INTVL, kKeepAliveIntervalS);
  socket.set(ZMQ_TCP_KEEPALIVE_CNT, kKeepAliveCount);
  socket.set(ZMQ_TCP_MAXRT, kUnansweredMs);
}

void set_keys_of_listener(ZmqSocket& socket, const TransportKeys& keys) {
  socket.set(ZMQ_CURVE_SERVER, 1);
  socket.set(ZMQ_CURVE_SECRETKEY, keys.own.secret_key);
  socket.set(ZMQ_ZAP_DOMAIN, std::string("weir"));  // the gatekeeper is asked
}

void set_keys_of_caller(ZmqSocket& socket, const TransportKeys& keys) {
  socket.set(ZMQ_CURVE_SERVERKEY, keys.cluster_public_key);
  socket.set(ZMQ_CURVE_PUBLICKEY, keys.own.public_key);
  socket.set(ZMQ_CURVE_SECRETKEY, keys.own.secret_key);
}

absl::Status zmq_error(std::string_view what) {
  const int error = zmq_errno();
  const std::string text = std::string(what) + ": " + zmq_strerror(error);
  switch (error) {
    case EADDRINUSE: return absl::AlreadyExistsError(text);
    case EMFILE:
    case ENFILE:
    case ENOMEM: return absl::ResourceExhaustedError(text);
    case EACCES: return absl::PermissionDeniedError(text);
    case EINVAL:
    case ENODEV:
    case EADDRNOTAVAIL:
    case EPROTONOSUPPORT: return absl::InvalidArgumentError(text);
    default: return absl::UnavailableError(text);
  }
}

}  // namespace weir::runtime
