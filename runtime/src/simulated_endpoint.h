// The ends and the state of simulated connections; simulated_network.cc moves them.
#pragma once

#include <deque>
#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "weir/runtime/simulated_network.h"

namespace weir::runtime {

struct SimulatedConnection {
  enum class State { kNew, kUp, kBroken, kClosed };
  struct Direction {
    MonotonicTime last{0};     // when its latest message arrives
    int losing = 0;            // so many more vanish
    std::deque<Message> held;  // sent across a cut
  };

  SimulatedEndpoint* client = nullptr;  // null: gone
  SimulatedEndpoint* server = nullptr;  // null: not there, or gone
  std::string client_name;
  std::string server_name;  // as the client calls it
  std::string client_process;
  std::string server_process;
  std::string address;
  State state = State::kNew;
  std::uint64_t generation = 0;  // messages of an older one are lost
  Direction to_client;
  Direction to_server;
  std::deque<Message> waiting;  // for the first connection

  Direction& direction(bool towards_server) { return towards_server ? to_server : to_client; }
};

class SimulatedEndpoint final : public Endpoint {
 public:
  using Connection = std::shared_ptr<SimulatedConnection>;

  // `number` is unique in the network, unlike the place in memory.
  SimulatedEndpoint(std::uint64_t number, SimulatedNetwork& network, SimulatedProcess& process,
                    std::string name, std::string address, MessageHandler& handler)
      : id(number),
        network_(network),
        process_(process),
        name_(std::move(name)),
        address_(std::move(address)),
        handler_(handler) {}
  ~SimulatedEndpoint() override {
    if (is_open) network_.close(*this, false);
  }

  const std::string& address() const override { return address_; }
  absl::Status connect(const std::string& peer, const std::string& address) override;
  void send(std::string_view peer, Message message) override;

  SimulatedProcess& process() const { return process_; }
  const std::string& name() const { return name_; }
  MessageHandler& handler() const { return handler_; }
  const std::uint64_t id;
  bool is_open = true;
  std::map<std::string, Connection, std::less<>> dialled;  // by peer
  std::map<std::string, Connection, std::less<>> routes;   // who has come in, by name

 private:
  SimulatedNetwork& network_;
  SimulatedProcess& process_;
  const std::string name_;
  const std::string address_;
  MessageHandler& handler_;
};

}  // namespace weir::runtime
