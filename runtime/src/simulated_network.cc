#include "weir/runtime/simulated_network.h"

#include <algorithm>

#include "simulated_endpoint.h"
#include "transport_address.h"
#include "weir/runtime/check.h"

namespace weir::runtime {
namespace {

using State = SimulatedConnection::State;

constexpr std::size_t kMostMessages = 100'000;
constexpr int kLongestLoss = 20;
// How long a sent message waits for a cut to heal before its connection counts as broken.
constexpr MonotonicTime kPatience{15'000'000'000};
constexpr MonotonicTime kRedialAfter{20'000'000};

}  // namespace

class SimulatedNetwork::ProcessTransport final : public Transport {
 public:
  ProcessTransport(SimulatedNetwork& network, SimulatedProcess& process)
      : network_(network), process_(process) {}

  absl::StatusOr<std::unique_ptr<Endpoint>> open(const EndpointOptions& options,
                                                 MessageHandler& handler) override {
    if (!is_endpoint_name(options.name)) {
      return absl::InvalidArgumentError("an endpoint's name has 1 to 255 bytes");
    }
    std::string address;
    if (!options.listen.empty()) {
      absl::StatusOr<std::string> claimed = network_.claim(options.listen);
      if (!claimed.ok()) return claimed.status();
      address = *std::move(claimed);
    }
    auto endpoint = std::make_unique<SimulatedEndpoint>(network_.opened_++, network_, process_,
                                                        options.name, std::move(address), handler);
    network_.endpoints_.push_back(endpoint.get());
    return endpoint;
  }
  const SimulatedProcess& process() const { return process_; }

 private:
  SimulatedNetwork& network_;
  SimulatedProcess& process_;
};

absl::Status SimulatedEndpoint::connect(const std::string& peer, const std::string& address) {
  const std::optional<std::uint16_t> port = port_of_address(address);
  if (!is_endpoint_name(peer) || !port || *port == 0) {
    return absl::InvalidArgumentError("cannot connect to '" + peer + "' at '" + address + "'");
  }
  if (!is_open) return absl::OkStatus();
  const auto found = dialled.find(peer);
  if (found != dialled.end()) {
    if (found->second->address == address) return absl::OkStatus();
    network_.hang_up(found->second, MonotonicTime(0));
    dialled.erase(found);
  }
  const auto connection = std::make_shared<SimulatedConnection>();
  connection->client = this;
  connection->client_name = name_;
  connection->server_name = peer;
  connection->client_process = process_.process_name();
  connection->address = address;
  dialled.emplace(peer, connection);
  network_.connections_.push_back(connection);
  network_.dial(connection, MonotonicTime(0));
  return absl::OkStatus();
}

void SimulatedEndpoint::send(std::string_view peer, Message message) {
  if (!is_open) return;
  const auto out = dialled.find(peer);
  if (out != dialled.end()) {
    SimulatedConnection& connection = *out->second;
    if (connection.state == State::kUp) {
      return network_.transmit(out->second, true, std::move(message));
    }
    if (connection.state == State::kNew && connection.waiting.size() < kMostMessages) {
      connection.waiting.push_back(std::move(message));
      return;
    }
  } else if (const auto in = routes.find(peer); in != routes.end()) {
    return network_.transmit(in->second, false, std::move(message));
  }
  network_.tell(*this, std::string(peer), MonotonicTime(0));
}

SimulatedNetwork::SimulatedNetwork(SimulatedProcesses& processes, NetworkFaults faults)
    : processes_(processes), faults_(faults) {}
SimulatedNetwork::~SimulatedNetwork() = default;

Transport& SimulatedNetwork::transport(SimulatedProcess& process) {
  for (const auto& transport : transports_) {
    if (&transport->process() == &process) return *transport;
  }
  transports_.push_back(std::make_unique<ProcessTransport>(*this, process));
  return *transports_.back();
}

bool SimulatedNetwork::draw(double probability) {
  // Always drawn, so that other probabilities leave the rest of the run as it was.
  const double chance = static_cast<double>(processes_.random()() >> 11) * 0x1.0p-53;
  return chance < probability;
}

MonotonicTime SimulatedNetwork::draw_delay() {
  const MonotonicTime most = draw(faults_.slow) ? faults_.slow_delay : faults_.most_delay;
  const auto range =
      static_cast<std::uint64_t>(std::max(most - faults_.least_delay, MonotonicTime(0)).count());
  return faults_.least_delay + MonotonicTime(processes_.random()() % (range + 1));
}

bool SimulatedNetwork::is_cut(const SimulatedConnection& connection, bool to_server) const {
  const std::string& client = connection.client_process;
  const std::string& server = connection.server_process;
  return cuts_.contains(to_server ? std::pair(client, server) : std::pair(server, client));
}

SimulatedEndpoint* SimulatedNetwork::listener(const std::string& address) const {
  for (SimulatedEndpoint* endpoint : endpoints_) {
    if (endpoint->address() == address) return endpoint;
  }
  return nullptr;
}

absl::StatusOr<std::string> SimulatedNetwork::claim(const std::string& wanted) {
  const std::optional<std::uint16_t> port = port_of_address(wanted);
  if (!port) return absl::InvalidArgumentError("cannot listen at '" + wanted + "'");
  if (*port != 0) {
    if (listener(wanted) == nullptr) return wanted;
    return absl::AlreadyExistsError("the address " + wanted + " is taken");
  }
  const std::string host = wanted.substr(0, wanted.rfind(':') + 1);
  std::string address;
  do {
    WEIR_CHECK(next_port_ != 0, "a simulation opens fewer than 45,000 endpoints");
    address = host + std::to_string(next_port_++);
  } while (listener(address) != nullptr);
  return address;
}

void SimulatedNetwork::dial(const Connection& connection, MonotonicTime after) {
  processes_.at(processes_.clock().now() + after + draw_delay(),
                [this, connection] { establish(connection); });
}

void SimulatedNetwork::establish(const Connection& connection) {
  if (connection->client == nullptr || connection->state == State::kUp) return;
  SimulatedEndpoint* server = listener(connection->address);
  if (server != nullptr) connection->server_process = server->process().process_name();
  const bool is_blocked = is_cut(*connection, true) || is_cut(*connection, false);
  if (server == nullptr || is_blocked) return dial(connection, kRedialAfter);
  // A new connection of the same name takes over.
  const auto old = server->routes.find(connection->client_name);
  if (old != server->routes.end()) {
    const Connection replaced = old->second;
    break_connection(replaced, draw_delay());
  }
  connection->server = server;
  connection->state = State::kUp;
  ++connection->generation;
  server->routes[connection->client_name] = connection;
  for (Message& message : std::exchange(connection->waiting, {})) {
    if (connection->state == State::kUp) transmit(connection, true, std::move(message));
  }
}

void SimulatedNetwork::transmit(const Connection& connection, bool to_server, Message message) {
  SimulatedConnection::Direction& way = connection->direction(to_server);
  SimulatedEndpoint* to = to_server ? connection->server : connection->client;
  const bool begins_loss = draw(faults_.lose);
  const bool breaks = draw(faults_.disconnect);
  const bool comes_twice = draw(faults_.duplicate);
  const MonotonicTime delay = draw_delay();
  if (begins_loss && way.losing == 0) {
    way.losing = 1 + static_cast<int>(processes_.random()() % kLongestLoss);
  }
  if (to == nullptr || way.losing > 0) {
    if (way.losing > 0) --way.losing;
    ++counts_.lost;
    return;
  }
  if (breaks) {
    ++counts_.lost;
    return break_connection(connection, delay);
  }
  if (is_cut(*connection, to_server) || !way.held.empty()) {
    return hold(connection, to_server, std::move(message));
  }
  const auto sent = std::make_shared<Message>(std::move(message));
  way.last = std::max(way.last, processes_.clock().now() + delay);
  counts_.duplicated += comes_twice ? 1 : 0;
  for (int copies = comes_twice ? 2 : 1; copies > 0; --copies) {
    to->process().at(way.last, [this, connection, to_server, generation = connection->generation,
                                sent] { deliver(connection, to_server, generation, *sent); });
  }
}

void SimulatedNetwork::hold(const Connection& connection, bool to_server, Message message) {
  SimulatedConnection::Direction& way = connection->direction(to_server);
  way.held.push_back(std::move(message));
  if (way.held.size() > 1) return;
  processes_.at(processes_.clock().now() + kPatience,
                [this, connection, to_server, generation = connection->generation] {
                  if (connection->generation != generation) return;
                  if (connection->direction(to_server).held.empty()) return;
                  break_connection(connection, draw_delay());
                });
}

void SimulatedNetwork::deliver(const Connection& connection, bool to_server,
                               std::uint64_t generation, const Message& message) {
  SimulatedEndpoint* to = to_server ? connection->server : connection->client;
  if (to == nullptr || connection->generation != generation) {
    ++counts_.lost;
    return;
  }
  ++counts_.delivered;
  to->handler().on_message(to_server ? connection->client_name : connection->server_name,
                           message.head, message.payload);
}

void SimulatedNetwork::tell(SimulatedEndpoint& endpoint, const std::string& peer,
                            MonotonicTime after) {
  endpoint.process().at(processes_.clock().now() + after, [this, id = endpoint.id, peer] {
    const auto to = std::find_if(endpoints_.begin(), endpoints_.end(),
                                 [id](const SimulatedEndpoint* e) { return e->id == id; });
    if (to != endpoints_.end()) (*to)->handler().on_unreachable(peer);
  });
}

// Both ends forget it. The client is told, and dials again.
void SimulatedNetwork::break_connection(Connection connection, MonotonicTime told_after) {
  if (connection->state == State::kClosed) return;
  ++counts_.broken;
  ++connection->generation;
  connection->to_client.held.clear();
  connection->to_server.held.clear();
  forget_route(*connection);
  if (connection->client == nullptr) return;
  if (connection->state == State::kUp) connection->state = State::kBroken;
  tell(*connection->client, connection->server_name, told_after);
  dial(connection, told_after + kRedialAfter);
}

void SimulatedNetwork::forget_route(SimulatedConnection& connection) {
  SimulatedEndpoint* server = std::exchange(connection.server, nullptr);
  if (server == nullptr) return;
  const auto route = server->routes.find(connection.client_name);
  if (route != server->routes.end() && route->second.get() == &connection) {
    server->routes.erase(route);
  }
}

// The client has gone; the server notices when what is on its way has arrived.
void SimulatedNetwork::hang_up(Connection connection, MonotonicTime after) {
  connection->client = nullptr;
  std::erase(connections_, connection);
  const MonotonicTime last = std::max(connection->to_server.last, processes_.clock().now());
  processes_.at(last + after, [this, connection] {
    forget_route(*connection);
    connection->state = State::kClosed;
  });
}

void SimulatedNetwork::close(SimulatedEndpoint& endpoint, bool is_crash) {
  endpoint.is_open = false;
  std::erase(endpoints_, &endpoint);
  for (const auto& [peer, connection] : endpoint.dialled) {
    if (is_crash && draw(0.5)) ++connection->generation;
    hang_up(connection, draw_delay());
  }
  endpoint.dialled.clear();
  for (const auto& [client, connection] : endpoint.routes) {
    connection->server = nullptr;
    if (is_crash && draw(0.5)) ++connection->generation;
    const MonotonicTime last = std::max(connection->to_client.last, processes_.clock().now());
    processes_.at(last, [this, dialled = connection, generation = connection->generation] {
      if (dialled->generation == generation) break_connection(dialled, draw_delay());
    });
  }
  endpoint.routes.clear();
}

void SimulatedNetwork::crash(const SimulatedProcess& process) {
  for (SimulatedEndpoint* endpoint : std::vector(endpoints_)) {
    if (&endpoint->process() == &process) close(*endpoint, true);
  }
}

void SimulatedNetwork::heal(const std::string& from, const std::string& to) {
  cuts_.erase({from, to});
  for (const Connection& connection : std::vector(connections_)) release_held(connection);
}

void SimulatedNetwork::heal_all() {
  cuts_.clear();
  for (const Connection& connection : std::vector(connections_)) release_held(connection);
}

// What has waited is sent again by TCP, unless that has given up.
void SimulatedNetwork::release_held(const Connection& connection) {
  for (const bool to_server : {true, false}) {
    SimulatedConnection::Direction& way = connection->direction(to_server);
    if (way.held.empty() || is_cut(*connection, to_server)) continue;
    if (draw(0.5)) return break_connection(connection, draw_delay());
    for (Message& message : std::exchange(way.held, {})) {
      if (connection->state == State::kUp) transmit(connection, to_server, std::move(message));
    }
  }
}

}  // namespace weir::runtime
