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
  std::uint64_t records_read = 0;  // of a job that was drained
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

  // What people do to the job: simulated_moves.cc
  void plan_moves();
  coordinator::wire::PlanSpecT plan_at(std::uint32_t parallelism) const;
  void move(const coordinator::wire::JobInfoT& job);
  void stop(const std::string& job);
  void follow_stop(const coordinator::wire::JobInfoT& job);
  void check_savepoints();

  // The client.
  template <class Body>
  void tell(Body body) {
    client_->send("coordinator",
                  coordinator::encode_control(coordinator::control(std::move(body), ++request_)));
  }
  void on_message(std::string_view peer, std::string_view head, std::string_view payload) override;
  void ask(Time now);
  void submit();
  void look_at(const coordinator::wire::JobInfoT& job, bool is_newest);

  static constexpr const char* kClockJump = "clock jump";
  static constexpr const char* kRescale = "rescale";
  static constexpr const char* kSavepoint = "savepoint";
  static constexpr const char* kGoOn = "stop and go on";
  static constexpr const char* kDrain = "drain";

  // Oracles.
  void check_commits();
  void check_calm();
  void check_output();
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

  std::mt19937_64 moves_random_{seed_ * 0x9e3779b97f4a7c15u + 2};
  std::vector<Time> moves_;        // when, descending
  std::uint32_t parallelism_ = 1;  // of the next submission or rescale
  std::uint32_t savepoints_ = 0;   // asked for so far
  std::vector<std::string> kept_;  // folders of those that were reported
  bool ends_with_drain_ = false;   // the last move is one
  bool is_draining_ = false;       // it has been asked for
  std::string stopping_into_;      // savepoint that the job is to end with
  Time stop_again_at_{0};
  std::string from_;    // savepoint that the next job begins with
  std::string before_;  // the job that it was taken of

  std::string job_;
  bool is_promised_ = false;
  std::uint64_t request_ = 0;
  Time next_ask_{0};
  coordinator::wire::JobState state_ = coordinator::wire::JobState::Waiting;
  std::uint64_t asked_epoch_ = 0;  // the newest that had begun when the client asked
  SimResult result_;
};

}  // namespace weir::simulation
