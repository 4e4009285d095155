// A transport that goes nowhere: what is sent is kept, what arrives is said by the test.
#pragma once

#include <deque>
#include <memory>
#include <string>
#include <utility>

#include "control/control_message.h"
#include "weir/runtime/check.h"
#include "weir/runtime/mutex.h"
#include "weir/runtime/transport.h"

namespace weir::coordinator {

class FakeTransport final : public runtime::Transport {
 public:
  absl::StatusOr<std::unique_ptr<runtime::Endpoint>> open(
      const runtime::EndpointOptions& options, runtime::MessageHandler& handler) override {
    name = options.name;
    handler_ = &handler;
    return std::make_unique<End>(*this);
  }

  // To the endpoint, from the coordinator.
  template <class Body>
  void deliver(Body body, std::uint64_t request = 0) {
    const runtime::Message message = encode_control(control(std::move(body), request));
    handler_->on_message("coordinator", message.head, message.payload);
  }
  void break_connection() { handler_->on_unreachable("coordinator"); }

  // The next message of the endpoint, by order of sending; its body is none if there is none.
  wire::MessageT next() {
    runtime::MutexLock lock(mutex_);
    if (sent_.empty()) return {};
    wire::MessageT message = std::move(sent_.front());
    sent_.pop_front();
    return message;
  }

  std::string name;
  std::string connected_to;

 private:
  class End final : public runtime::Endpoint {
   public:
    explicit End(FakeTransport& owner) : owner_(owner) {}
    const std::string& address() const override { return address_; }
    absl::Status connect(const std::string& peer, const std::string& address) override {
      WEIR_CHECK(peer == "coordinator", "nobody else is talked to");
      owner_.connected_to = address;
      return absl::OkStatus();
    }
    void send(std::string_view, runtime::Message message) override {
      absl::StatusOr<wire::MessageT> decoded = decode_control(message.head);
      WEIR_CHECK(decoded.ok(), "a control message that nobody can read");
      runtime::MutexLock lock(owner_.mutex_);
      owner_.sent_.push_back(*std::move(decoded));
    }

   private:
    FakeTransport& owner_;
    std::string address_;
  };

  runtime::MessageHandler* handler_ = nullptr;
  runtime::Mutex mutex_;
  std::deque<wire::MessageT> sent_;
};

}  // namespace weir::coordinator
