// A supervisor as a process: folders, lock, threads and signals around a Supervisor.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "absl/status/status.h"
#include "security/key_folder.h"
#include "supervisor/program_store.h"
#include "supervisor/worker_logs.h"

namespace weir::coordinator {

struct SupervisorDaemonOptions {
  std::string name;
  std::string host;
  std::uint32_t slots = 1;
  std::string coordinator;  // "tcp://HOST:PORT"
  std::string dir;          // made if need be; one supervisor at a time
  std::string listen;       // address at which its workers listen for others
  const ClusterTransport* transport = nullptr;
  WorkerLogLimits logs;
  ProgramStoreLimits programs;
  std::function<void(const std::string&)> say = [](const std::string&) {};
};

// Until the coordinator shuts it down (its workers are gone then), or SIGINT or SIGTERM (its
// workers go on, for the next supervisor of this folder). kUnavailable: another one uses the
// folder; kInvalidArgument: its name, a client's keys, or an address that workers may not listen
// at.
absl::Status run_supervisor(const SupervisorDaemonOptions& options);

}  // namespace weir::coordinator
