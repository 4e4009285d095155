// A whole cluster in one thread, from one seed: a client, a coordinator, supervisors on their hosts
// and workers, over a network and a disk that misbehave. A job is submitted; faults strike it; when
// they are over it must finish, and what it has committed must be what a run without faults
// commits.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "cluster/cluster_coordinator.h"
#include "control/control_message.h"
#include "simulator/simulated_host.h"
#include "supervisor/supervisor.h"
#include "supervisor/worker_logs.h"

namespace weir::simulation {

struct SimResult {
  std::string failure;  // empty: all oracles are content
  std::string history;  // the job's events and record, as the coordinator has left them
  std::uint64_t digest = 0;
  std::uint64_t steps = 0;
  std::map<std::string, std::uint64_t> faults;  // by kind
  std::uint32_t restarts = 0;
  double simulated_seconds = 0;
};

// Everything follows from `seed`.
SimResult run_seed(std::uint64_t seed);

class SimulatedCluster : private runtime::MessageHandler {
 public:
  explicit SimulatedCluster(std::uint64_t seed);
  ~SimulatedCluster() override;

  SimResult run();

 private:
  using Time = runtime::MonotonicTime;
  struct CoordinatorNode {
    std::unique_ptr<runtime::SimulatedProcess> process;
    std::unique_ptr<coordinator::ClusterCoordinator> actor;
  };
  struct SupervisorNode {
    std::string name;
    std::unique_ptr<SimulatedHost> host;
    std::unique_ptr<runtime::SimulatedProcess> process;
    std::unique_ptr<coordinator::WorkerLogs> logs;
    std::unique_ptr<coordinator::Supervisor> actor;
  };

  // Nodes.
  void start_coordinator();
  void start_supervisor(SupervisorNode& node);
  void crash_coordinator();
  void crash_supervisor(SupervisorNode& node);
  void lose_power();

  // Faults.
  void plan_faults();
  void strike(Time now);
  void crash_somebody(Time now);
  void pause_somebody(Time now);
  void cut_somebody(Time now);
  void cut_host(Time now);
  void trouble_network(Time now);
  void trouble_disk(Time now);
  void slow_disk(Time now);
  void set_clock();
  std::vector<std::string> everybody() const;
  runtime::SimulatedProcess* process_of(const std::string& name);
  void heal();
  void calm_down();
  Time chance_time(Time least, Time most);
  bool chance(double probability);

  // The client.
  void on_message(std::string_view peer, std::string_view head, std::string_view payload) override;
  void ask(Time now);

  static constexpr const char* kClockJump = "clock jump";

  // Oracles.
  void check_commits();
  void check_calm();
  void fail(const std::string& what);

  const std::uint64_t seed_;
  runtime::ManualClock clock_;
  runtime::SimulatedProcesses processes_;
  runtime::SimulatedNetwork network_;
  runtime::SimulatedStorage storage_;
  std::mt19937_64 random_;  // of faults only
  SimulatedWorld world_;
  SimulatedPrograms programs_;
  CoordinatorNode coordinator_;
  std::vector<SupervisorNode> supervisors_;
  std::unique_ptr<runtime::SimulatedProcess> client_process_;
  std::unique_ptr<runtime::Endpoint> client_;

  std::vector<Time> strikes_;            // when, descending
  std::map<std::string, Time> wake_;     // paused: until when
  std::map<std::string, Time> restart_;  // crashed daemons: when they come back
  Time heal_at_{0};
  Time next_look_{0};
  bool is_disk_slow_ = false;
  Time calm_at_{0};
  bool is_calm_ = false;
  bool only_clock_jumps_ = false;

  std::string job_;
  bool is_promised_ = false;
  std::uint64_t request_ = 0;
  Time next_ask_{0};
  coordinator::wire::JobState state_ = coordinator::wire::JobState::Waiting;
  std::uint64_t asked_epoch_ = 0;  // the newest that had begun when the client asked
  SimResult result_;
};

}  // namespace weir::simulation
