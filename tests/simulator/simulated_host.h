// A host of a simulated cluster: what a supervisor sees of it. Worker processes are objects that
// run on a SimulatedProcess of their own; they outlive their supervisor, as real ones do.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "simulator/sim_topology.h"
#include "supervisor/processes.h"
#include "supervisor/program_store.h"
#include "weir/runtime/simulated_network.h"
#include "weir/runtime/simulated_processes.h"
#include "weir/runtime/simulated_storage.h"
#include "worker/worker.h"

namespace weir::simulation {

// Programs in memory; what a host or coordinator has survives the daemon.
class SimulatedPrograms final : public coordinator::Programs {
 public:
  explicit SimulatedPrograms(std::map<std::string, std::string> programs = {})
      : programs_(std::move(programs)) {}
  bool has(const std::string& sha256) const override { return programs_.count(sha256) != 0; }
  std::string path(const std::string& sha256) const override { return "/programs/" + sha256; }
  absl::StatusOr<std::uint64_t> append(const std::string& sha256, std::uint64_t offset,
                                       std::uint64_t total, std::string_view bytes) override;
  absl::StatusOr<Part> read(const std::string& sha256, std::uint64_t offset,
                            std::uint64_t most) const override;
  void forget_old(const std::set<std::string>&) override {}

 private:
  std::map<std::string, std::string> programs_;
  std::map<std::string, std::string> parts_;
};

class SimulatedHost;

// What all hosts share.
struct SimulatedWorld {
  runtime::SimulatedProcesses& processes;
  runtime::SimulatedNetwork& network;
  runtime::SimulatedStorage& storage;
  SimLoad load;
  std::int32_t next_pid = 100;
  std::vector<SimulatedHost*> hosts;
  std::set<std::string> started;  // names of workers
  std::uint64_t last_epoch = 0;   // the largest of theirs
  std::string violation;          // of a rule about workers; empty: none
};

class SimulatedHost final : public coordinator::Processes {
 public:
  SimulatedHost(SimulatedWorld& world, std::string name) : world_(world), name_(std::move(name)) {
    world_.hosts.push_back(this);
  }
  ~SimulatedHost() override;

  std::vector<Running> adopt(std::function<void(coordinator::WorkerExit)> on_exit) override;
  absl::StatusOr<std::int32_t> start(const coordinator::WorkerStart& start) override;
  void kill(const std::string& worker) override;

  // The supervisor has crashed: nobody hears of exits until the next one adopts.
  void lose_supervisor() { on_exit_ = nullptr; }
  // Between two steps: whoever has ended or was killed leaves.
  void reap();
  std::vector<std::string> workers() const;
  runtime::SimulatedProcess* process_of(const std::string& worker);
  // All of them at once, unheard: the machine has lost power.
  void lose_power() { workers_.clear(); }

  SimulatedPrograms programs;

 private:
  struct WorkerProcess {
    coordinator::WorkerName name;
    std::int32_t pid = 0;
    std::shared_ptr<const runtime::Plan> plan;
    std::unique_ptr<runtime::SimulatedProcess> process;
    std::unique_ptr<coordinator::Worker> worker;
    bool is_killed = false;
    ~WorkerProcess();
    runtime::SimulatedNetwork* network = nullptr;
  };
  void report(const WorkerProcess& ended);
  void judge_start(const coordinator::WorkerName& name);
  // A worker of an attempt before that of `starting` that could still commit; empty: none.
  std::string can_commit_before(const coordinator::WorkerName& starting) const;
  // Whether it was recorded that the job is over: all it had to commit is committed.
  bool is_over(const std::string& job) const;

  SimulatedWorld& world_;
  const std::string name_;
  std::function<void(coordinator::WorkerExit)> on_exit_;
  std::map<std::string, std::unique_ptr<WorkerProcess>> workers_;
};

}  // namespace weir::simulation
