// A coordinator as a process: folder, threads and signals around a ClusterCoordinator.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "absl/status/status.h"
#include "configuration.h"
#include "security/key_folder.h"

namespace weir::coordinator {

struct CoordinatorDaemonOptions {
  std::string dir;
  std::uint16_t port = 0;
  const Configuration* configuration = nullptr;
  const ClusterTransport* transport = nullptr;
  std::function<void(const std::string&)> say = [](const std::string&) {};
};

// Until it is shut down by a client, or SIGINT or SIGTERM comes: jobs go on without it then, and
// the next coordinator of the folder takes them over. kUnavailable: another one has the folder;
// kAlreadyExists: the port is taken; kInvalidArgument: an address that it may not listen at, or a
// client's keys.
absl::Status run_coordinator(const CoordinatorDaemonOptions& options);

}  // namespace weir::coordinator
