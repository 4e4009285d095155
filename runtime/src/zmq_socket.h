// Owners of ZeroMQ's objects, with the options that every socket of Weir has.
#pragma once

#include <zmq.h>

#include <string>
#include <string_view>
#include <utility>

#include "absl/status/status.h"
#include "weir/runtime/transport.h"
#include "weir/runtime/transport_keys.h"

namespace weir::runtime {

class ZmqContext {
 public:
  ZmqContext() : context_(zmq_ctx_new()) {}
  // Waits for what lingers in closed sockets.
  ~ZmqContext();
  ZmqContext(const ZmqContext&) = delete;
  ZmqContext& operator=(const ZmqContext&) = delete;
  void* get() const { return context_; }

 private:
  void* context_;
};

class ZmqSocket {
 public:
  ZmqSocket() = default;
  ZmqSocket(ZmqContext& context, int type) : socket_(zmq_socket(context.get(), type)) {}
  ZmqSocket(ZmqSocket&& other) noexcept : socket_(std::exchange(other.socket_, nullptr)) {}
  ZmqSocket& operator=(ZmqSocket&& other) noexcept;
  ~ZmqSocket();

  bool is_open() const { return socket_ != nullptr; }
  void* get() const { return socket_; }
  void set(int option, int value);
  void set(int option, const std::string& text);
  // Whether there is something to receive; what wait_fd() has signalled counts as seen.
  bool has_input() const;
  // Readable when has_input() may have changed, but only once.
  int wait_fd() const;

 private:
  void* socket_ = nullptr;
};

class ZmqMessage {
 public:
  ZmqMessage() { zmq_msg_init(&message_); }
  // A copy of `bytes`.
  explicit ZmqMessage(std::string_view bytes);
  // Takes the string's memory along; it is freed when the bytes have left.
  explicit ZmqMessage(std::string&& bytes);
  ~ZmqMessage() { zmq_msg_close(&message_); }
  ZmqMessage(const ZmqMessage&) = delete;
  ZmqMessage& operator=(const ZmqMessage&) = delete;

  // False if it cannot be sent now; errno says why.
  bool send(ZmqSocket& socket, bool is_last);
  // False if there is nothing to receive.
  bool receive(ZmqSocket& socket);
  void clear() {
    zmq_msg_close(&message_);
    zmq_msg_init(&message_);
  }
  bool has_more() const { return zmq_msg_more(&message_) != 0; }
  std::string_view view() const;
  // What the transport knows of its sender; empty if it does not.
  std::string_view property(const char* name) const;

 private:
  mutable zmq_msg_t message_;
};

// Linger, limits, keepalive and the own name, as the endpoint's options say.
void set_options(ZmqSocket& socket, const EndpointOptions& options);
// Before it is bound, or connected: the socket speaks to nobody but those whose keys fit.
void set_keys_of_listener(ZmqSocket& socket, const TransportKeys& keys);
void set_keys_of_caller(ZmqSocket& socket, const TransportKeys& keys);
absl::Status zmq_error(std::string_view what);

}  // namespace weir::runtime
