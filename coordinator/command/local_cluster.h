// A whole cluster on this machine: what weir up starts and weir down ends.
//
//   <dir>/local.json     who was started: the daemons' pids and start times
//   <dir>/cluster.json   where the coordinator listens; written by it
//   <dir>/supervisors/<name>/...
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "daemons.h"
#include "weir/runtime/transport.h"

namespace weir::coordinator {

struct LocalClusterOptions {
  std::string dir;
  std::uint32_t supervisors = 2;
  std::uint32_t slots = 1;            // per supervisor
  std::uint16_t port = 0;             // 0: any free one
  std::vector<std::string> settings;  // "-D", "key=value", ... for every daemon
  runtime::MonotonicTime patience = std::chrono::seconds(15);
};

struct LocalCluster {
  std::string address;  // "127.0.0.1:4600"; empty if the coordinator has not said
  std::vector<Daemon> daemons;
};

// Returns when coordinator and all supervisors answer. On failure nothing of it runs.
// kAlreadyExists: one runs in the folder, or the port is taken.
absl::StatusOr<LocalCluster> start_local_cluster(const LocalClusterOptions& options,
                                                 runtime::Transport& transport);

struct EndedCluster {
  int daemons = 0;  // that ran
  int killed = 0;   // that did not end by themselves, workers among them
};
// Ends everything that belongs to the folder, in good order if possible. Again is no harm.
absl::StatusOr<EndedCluster> end_local_cluster(const std::string& dir,
                                               runtime::Transport& transport);

// What local.json says; none if no cluster was started in the folder.
std::optional<LocalCluster> read_local_cluster(const std::string& dir);

// Where the coordinator of the folder listens, as its cluster.json says; empty if there is none, or
// it does not run.
std::string coordinator_address(const std::string& dir);
// By the coordinator: kept for coordinator_address().
absl::Status write_coordinator_address(const std::string& dir, const std::string& address);
void remove_coordinator_address(const std::string& dir);

}  // namespace weir::coordinator
