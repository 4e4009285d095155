#include "zmq_gatekeeper.h"

#include <algorithm>
#include <array>
#include <string>
#include <utility>

namespace weir::runtime {
namespace {

constexpr const char* kDoor = "inproc://zeromq.zap.01";
constexpr std::string_view kMember = "member";
constexpr std::string_view kClient = "client";

constexpr std::size_t kSender = 0, kVersion = 2, kRequest = 3, kMechanism = 7, kCredentials = 8;

std::string key_of(std::string_view bytes) {
  std::array<char, 41> text{};
  const auto* data = reinterpret_cast<const std::uint8_t*>(bytes.data());
  return zmq_z85_encode(text.data(), data, bytes.size()) == nullptr ? "" : text.data();
}

}  // namespace

ZmqGatekeeper::ZmqGatekeeper(ZmqContext& context, std::shared_ptr<const TransportKeys> keys)
    : keys_(std::move(keys)), socket_(context, ZMQ_ROUTER) {
  if (socket_.is_open() && zmq_bind(socket_.get(), kDoor) != 0) socket_ = ZmqSocket();
}

void ZmqGatekeeper::answer() {
  while (receive()) {
    if (parts_ == kParts) reply();
  }
}

bool ZmqGatekeeper::receive() {
  parts_ = 0;
  bool has_more = true;
  while (has_more) {
    ZmqMessage& part = question_[std::min(parts_, kParts - 1)];
    if (!part.receive(socket_)) return false;  // messages come whole
    has_more = part.has_more();
    ++parts_;
  }
  return true;
}

void ZmqGatekeeper::reply() {
  const std::string_view credentials = question_[kCredentials].view();
  std::string_view holder;
  if (question_[kVersion].view() == "1.0" && question_[kMechanism].view() == "CURVE" &&
      credentials.size() == kKeyBytes) {
    const std::string key = key_of(credentials);
    if (key == keys_->cluster_public_key) {
      holder = kMember;
    } else if (!keys_->client_of(key).empty()) {
      holder = kClient;
    }
  }
  const bool is_known = !holder.empty();
  const std::array<std::string_view, 7> parts = {"",
                                                 "1.0",
                                                 question_[kRequest].view(),
                                                 is_known ? "200" : "400",
                                                 is_known ? "OK" : "unknown key",
                                                 holder,
                                                 ""};
  if (!ZmqMessage(question_[kSender].view()).send(socket_, false)) return;
  for (std::size_t i = 0; i < parts.size(); ++i) {
    ZmqMessage(parts[i]).send(socket_, i + 1 == parts.size());
  }
}

bool ZmqGatekeeper::may_be(std::string_view name, const ZmqMessage& message) {
  const std::string_view holder = message.property("User-Id");
  return holder == kMember || (holder == kClient && name.starts_with(kClientNames));
}

}  // namespace weir::runtime
