// SimulatedNetwork: the Transport of simulated processes: connections with delay and faults, all
// drawn from the seed of the SimulatedProcesses.
//
// It promises what ZeroMQ promises, and is as unkind as ZeroMQ may be: messages of one connection
// arrive in order, but a run of them may be missing without a word, or the connection breaks, which
// its ends may hear sooner or later; messages of different connections overtake each other. A
// message may also come twice, which TCP does not do, but receivers must bear.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "weir/runtime/clock.h"
#include "weir/runtime/simulated_processes.h"
#include "weir/runtime/transport.h"

namespace weir::runtime {

// Probabilities are per message.
struct NetworkFaults {
  MonotonicTime least_delay{20'000};
  MonotonicTime most_delay{500'000};
  double slow = 0;  // takes up to `slow_delay`
  MonotonicTime slow_delay{200'000'000};
  double lose = 0;        // it and up to 20 that follow on the connection vanish
  double duplicate = 0;   // comes twice
  double disconnect = 0;  // the connection breaks; what is on its way is lost
};

struct NetworkCounts {
  std::uint64_t delivered = 0;
  std::uint64_t lost = 0;
  std::uint64_t duplicated = 0;
  std::uint64_t broken = 0;  // connections
};

class SimulatedEndpoint;
struct SimulatedConnection;

// Outlives its endpoints.
class SimulatedNetwork {
 public:
  explicit SimulatedNetwork(SimulatedProcesses& processes, NetworkFaults faults = {});
  ~SimulatedNetwork();

  // For the endpoints of one process, which must outlive them. Lives as long as the network.
  Transport& transport(SimulatedProcess& process);

  void set_faults(const NetworkFaults& faults) { faults_ = faults; }
  // Nothing gets from one process to the other until heal(); a message that is sent waits, and when
  // it has waited for too long its connection breaks. Names of processes.
  void cut(const std::string& from, const std::string& to) { cuts_.emplace(from, to); }
  void heal(const std::string& from, const std::string& to);
  void heal_all();
  // To be called when the process has crashed: its endpoints are gone, and with them some of what
  // they have just sent.
  void crash(const SimulatedProcess& process);

  const NetworkCounts& counts() const { return counts_; }

 private:
  friend class SimulatedEndpoint;
  class ProcessTransport;
  using Connection = std::shared_ptr<SimulatedConnection>;

  SimulatedEndpoint* listener(const std::string& address) const;
  absl::StatusOr<std::string> claim(const std::string& wanted);
  void dial(const Connection& connection, MonotonicTime after);
  void establish(const Connection& connection);
  void transmit(const Connection& connection, bool to_server, Message message);
  void deliver(const Connection& connection, bool to_server, std::uint64_t generation,
               const Message& message);
  void hold(const Connection& connection, bool to_server, Message message);
  void tell(SimulatedEndpoint& endpoint, const std::string& peer, MonotonicTime after);
  // By value, since they take the connection out of the maps that a reference may point into.
  void hang_up(Connection connection, MonotonicTime after);
  void forget_route(SimulatedConnection& connection);
  void break_connection(Connection connection, MonotonicTime told_after);
  void close(SimulatedEndpoint& endpoint, bool is_crash);
  void release_held(const Connection& connection);
  bool is_cut(const SimulatedConnection& connection, bool to_server) const;
  MonotonicTime draw_delay();
  bool draw(double probability);

  SimulatedProcesses& processes_;
  NetworkFaults faults_;
  NetworkCounts counts_;
  std::uint16_t next_port_ = 20'000;
  std::uint64_t opened_ = 0;
  std::set<std::pair<std::string, std::string>> cuts_;
  std::vector<std::unique_ptr<ProcessTransport>> transports_;
  std::vector<SimulatedEndpoint*> endpoints_;  // alive
  std::vector<Connection> connections_;        // open
};

}  // namespace weir::runtime
