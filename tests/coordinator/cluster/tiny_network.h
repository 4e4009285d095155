// A network in one process: a message arrives at once, unless its link is cut. Single-threaded.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "weir/runtime/transport.h"

namespace weir::tests {

class TinyNetwork final : public runtime::Transport {
 public:
  absl::StatusOr<std::unique_ptr<runtime::Endpoint>> open(
      const runtime::EndpointOptions& options, runtime::MessageHandler& handler) override {
    const bool is_taken = !options.listen.empty() && !options.listen.ends_with(":0") &&
                          listening_.count(options.listen) != 0;
    if (is_taken) return absl::AlreadyExistsError(options.listen + " is taken");
    const std::string address = options.listen.ends_with(":0")
                                    ? "tcp://127.0.0.1:" + std::to_string(++last_port_)
                                    : options.listen;
    auto end = std::make_unique<End>(*this, options.name, address, handler);
    if (!address.empty()) listening_[address] = end.get();
    ends_.insert(end.get());
    return end;
  }

  // Nothing passes between endpoints whose names these are, in either direction.
  void cut(const std::string& a, const std::string& b) { cut_.insert(std::minmax(a, b)); }
  void mend() { cut_.clear(); }
  // Asked for each message, by sender and receiver: whether it is lost.
  std::function<bool(const std::string& from, const std::string& to)> loses;

 private:
  class End final : public runtime::Endpoint {
   public:
    End(TinyNetwork& net, std::string name, std::string address, runtime::MessageHandler& handler)
        : net_(net), name_(std::move(name)), address_(std::move(address)), handler_(handler) {}
    ~End() override {
      net_.ends_.erase(this);
      const auto it = net_.listening_.find(address_);
      if (it != net_.listening_.end() && it->second == this) net_.listening_.erase(it);
      for (End* other : net_.ends_) {
        std::erase_if(other->came_, [this](const auto& entry) { return entry.second == this; });
      }
    }
    const std::string& address() const override { return address_; }
    absl::Status connect(const std::string& peer, const std::string& address) override {
      routes_[peer] = address;
      return absl::OkStatus();
    }
    void send(std::string_view peer, runtime::Message message) override {
      const std::string name(peer);
      End* to = find(name);
      if (to == nullptr) return handler_.on_unreachable(peer);
      if (net_.cut_.count(std::minmax(name_, name)) != 0) return;
      to->came_[name_] = this;
      if (net_.loses && net_.loses(name_, name)) return;
      to->handler_.on_message(name_, message.head, message.payload);
    }

   private:
    End* find(const std::string& peer) {
      if (const auto route = routes_.find(peer); route != routes_.end()) {
        const auto it = net_.listening_.find(route->second);
        return it == net_.listening_.end() ? nullptr : it->second;
      }
      const auto it = came_.find(peer);
      return it == came_.end() ? nullptr : it->second;
    }

    TinyNetwork& net_;
    const std::string name_;
    const std::string address_;
    runtime::MessageHandler& handler_;
    std::map<std::string, std::string> routes_;
    std::map<std::string, End*> came_;  // peers that have spoken to this one
  };

  std::map<std::string, End*> listening_;
  std::set<End*> ends_;
  std::set<std::pair<std::string, std::string>> cut_;
  int last_port_ = 40'000;
};

}  // namespace weir::tests
