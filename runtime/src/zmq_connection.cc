#include "zmq_connection.h"

#include <cstdint>
#include <cstring>

namespace weir::runtime {
namespace {

constexpr int kFailedHandshake = ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL |
                                 ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL |
                                 ZMQ_EVENT_HANDSHAKE_FAILED_AUTH;
constexpr int kEvents = ZMQ_EVENT_HANDSHAKE_SUCCEEDED | ZMQ_EVENT_DISCONNECTED | kFailedHandshake;

const char* reason_of(std::uint16_t event, bool has_keys) {
  if (!has_keys) return "it wants keys, and there are none on this side";
  if (event == ZMQ_EVENT_HANDSHAKE_FAILED_AUTH) return "it does not know the key of this side";
  return "its key is not the one that this side knows, or it has none";
}

}  // namespace

ZmqConnection::ZmqConnection(ZmqContext& context, const EndpointOptions& options,
                             const TransportKeys* keys, std::string address, int number)
    : address_(std::move(address)),
      has_keys_(keys != nullptr),
      socket_(context, ZMQ_DEALER),
      monitor_(context, ZMQ_PAIR) {
  if (!is_open()) return;
  set_options(socket_, options);
  if (has_keys_) set_keys_of_caller(socket_, *keys);
  const std::string events = "inproc://connection-" + std::to_string(number);
  if (zmq_socket_monitor(socket_.get(), events.c_str(), kEvents) != 0 ||
      zmq_connect(monitor_.get(), events.c_str()) != 0 ||
      zmq_connect(socket_.get(), address_.c_str()) != 0) {
    socket_ = ZmqSocket();
  }
}

bool ZmqConnection::take_break() {
  bool has_broken = false;
  for (ZmqMessage event; event.receive(monitor_);) {
    std::uint16_t what = 0;
    if (event.view().size() >= sizeof what) std::memcpy(&what, event.view().data(), sizeof what);
    while (event.has_more() && event.receive(monitor_)) {
    }
    if (what == ZMQ_EVENT_HANDSHAKE_SUCCEEDED) {
      state_ = State::kConnected;
    } else if ((what & kFailedHandshake) != 0) {
      // Without keys a peer that goes away in the middle of it is no more than that.
      const bool is_plain_break = what == ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL && !has_keys_;
      has_broken = has_broken || is_plain_break || state_ != State::kRefused;  // told once
      state_ = is_plain_break ? State::kBroken : State::kRefused;
      refusal_ = reason_of(what, has_keys_);
    } else if (state_ == State::kConnected) {
      state_ = State::kBroken;
      has_broken = true;
    }
  }
  return has_broken;
}

}  // namespace weir::runtime
