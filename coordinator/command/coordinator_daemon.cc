#include "coordinator_daemon.h"

#include <unistd.h>

#include <memory>

#include "absl/strings/str_cat.h"
#include "cluster/cluster_coordinator.h"
#include "local_cluster.h"
#include "security/listen_address.h"
#include "supervisor/program_store.h"
#include "termination_signals.h"

namespace weir::coordinator {
namespace {

RestartOptions restart_options(const Configuration& from) {
  RestartOptions out;
  const std::string& strategy = from.text("restart.strategy");
  if (strategy == "fixed") out.kind = RestartOptions::Kind::kFixedDelay;
  if (strategy == "failure-rate") out.kind = RestartOptions::Kind::kFailureRate;
  out.delay = from.duration("restart.delay");
  out.longest = from.duration("restart.longest-delay");
  out.quiet = from.duration("restart.quiet");
  out.attempts = static_cast<std::uint32_t>(from.number("restart.attempts"));
  out.failures = static_cast<std::uint32_t>(from.number("restart.failures"));
  out.window = from.duration("restart.window");
  return out;
}

ClusterCoordinatorOptions coordinator_options(const Configuration& from) {
  ClusterCoordinatorOptions out;
  out.heartbeat = from.duration("coordinator.heartbeat");
  out.lease.suspect_after = from.duration("coordinator.suspect-after");
  out.lease.dead_after = from.duration("coordinator.dead-after");
  out.placement = from.text("coordinator.placement") == "pack" ? PlacementPolicy::kPack
                                                               : PlacementPolicy::kSpread;
  out.job.restart = restart_options(from);
  out.job.start_timeout = from.duration("coordinator.start-timeout");
  out.job.checkpoint_timeout = from.duration("coordinator.checkpoint-timeout");
  return out;
}

absl::Status check(const Configuration& from, const ClusterTransport& transport) {
  absl::Status status = transport.check_member("a coordinator");
  if (status.ok()) {
    status = check_listen_address("coordinator.listen", from.text("coordinator.listen"),
                                  !transport.keys.empty());
  }
  if (!status.ok()) return status;
  if (from.duration("coordinator.dead-after") < 3 * from.duration("coordinator.heartbeat")) {
    return absl::InvalidArgumentError(
        "coordinator.dead-after must be at least three times coordinator.heartbeat");
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status run_coordinator(const CoordinatorDaemonOptions& options) {
  const absl::Status valid = check(*options.configuration, *options.transport);
  if (!valid.ok()) return valid;
  runtime::Storage& storage = runtime::local_storage();
  const absl::Status made = storage.make_dirs(options.dir + "/programs");
  if (!made.ok()) return made;
  TerminationSignals signals(true);
  ProgramStore programs(options.dir + "/programs",
                        {options.configuration->bytes("coordinator.largest-program"),
                         options.configuration->bytes("coordinator.program-cache")});
  const std::unique_ptr<runtime::Executor> executor =
      runtime::make_thread_executor(1, runtime::system_clock());
  ClusterCoordinatorOptions own = coordinator_options(*options.configuration);
  own.dir = options.dir;
  own.listen =
      absl::StrCat("tcp://", options.configuration->text("coordinator.listen"), ":", options.port);
  own.transport = &options.transport->get();
  own.storage = &storage;
  own.clock = &runtime::system_clock();
  own.executor = executor.get();
  own.programs = &programs;
  own.pid = static_cast<std::int32_t>(::getpid());
  own.version = WEIR_VERSION;
  own.say = options.say;
  absl::StatusOr<std::unique_ptr<ClusterCoordinator>> coordinator =
      ClusterCoordinator::start(std::move(own));
  if (!coordinator.ok()) return coordinator.status();
  const std::string address = (*coordinator)->address().substr(std::string("tcp://").size());
  options.say(absl::StrCat("coordinator at ", address, ", folder ", options.dir,
                           keys_in_words(*options.transport)));
  const absl::Status written = write_coordinator_address(options.dir, address);
  while (written.ok() && !(*coordinator)->is_done() && !signals.received()) {
    executor->drive(runtime::system_clock().now() + std::chrono::milliseconds(200));
  }
  remove_coordinator_address(options.dir);
  options.say((*coordinator)->is_done() ? "shut down"
                                        : "stopping; jobs go on without a coordinator");
  executor->stop();
  return written;
}

}  // namespace weir::coordinator
