// weir supervisor, weir coordinator: the daemons, in the foreground. What they say goes to stderr,
// with the time.
#include <cstdio>
#include <filesystem>

#include "absl/strings/str_cat.h"
#include "coordinator_daemon.h"
#include "progress_text.h"
#include "supervisor/supervisor_daemon.h"
#include "verb.h"

namespace weir::coordinator {
namespace {

void say(const std::string& line) {
  const runtime::EventTime now(runtime::system_clock().wall_now().count());
  std::fprintf(stderr, "%s %s\n", format_time(now).c_str(), line.c_str());
}

struct SupervisorCall {
  std::string name;
  std::optional<std::uint32_t> slots;
  std::string dir;
};

int supervise(const SupervisorCall& asked, const Invocation& call) {
  const Configuration& configuration = call.configuration;
  const absl::StatusOr<std::string> address = coordinator_of(call);
  if (!address.ok()) return report(address.status());
  SupervisorDaemonOptions options;
  options.name = asked.name.empty() ? configuration.text("supervisor.name") : asked.name;
  options.host = host_name();
  if (options.name.empty()) options.name = options.host;
  options.slots =
      asked.slots.value_or(static_cast<std::uint32_t>(configuration.number("supervisor.slots")));
  if (options.slots == 0) options.slots = number_of_cores();
  options.coordinator = "tcp://" + *address;
  const std::string dir = cluster_dir(call, asked.dir);
  const absl::StatusOr<ClusterTransport> transport = transport_of(call, dir);
  if (!transport.ok()) return report(transport.status());
  options.dir = dir + "/supervisors/" + options.name;
  options.listen = configuration.text("supervisor.listen");
  options.transport = &*transport;
  options.logs.piece_bytes = configuration.bytes("supervisor.log-piece");
  options.logs.pieces = static_cast<std::uint32_t>(configuration.number("supervisor.log-pieces"));
  options.logs.old_logs = static_cast<std::uint32_t>(configuration.number("supervisor.old-logs"));
  options.programs.program_bytes = configuration.bytes("supervisor.largest-program");
  options.programs.all_bytes = configuration.bytes("supervisor.program-cache");
  options.say = say;
  say(absl::StrCat("supervisor ", options.name, " with ", options.slots, " slots, folder ",
                   options.dir, ", coordinator ", *address, keys_in_words(*transport)));
  const absl::Status over = run_supervisor(options);
  if (over.ok()) return kOk;
  report(over);
  return absl::IsInvalidArgument(over) ? kUsage : kFailed;
}

struct CoordinatorCall {
  std::string dir;
  std::optional<std::uint16_t> port;
};

int coordinate(const CoordinatorCall& asked, const Invocation& call) {
  CoordinatorDaemonOptions options;
  options.dir = cluster_dir(call, asked.dir);
  options.port = asked.port.value_or(
      static_cast<std::uint16_t>(call.configuration.number("coordinator.port")));
  options.configuration = &call.configuration;
  const absl::StatusOr<ClusterTransport> transport = transport_of(call, options.dir);
  if (!transport.ok()) return report(transport.status());
  options.transport = &*transport;
  options.say = say;
  const absl::Status over = run_coordinator(options);
  if (over.ok()) return kOk;
  report(over);
  return absl::IsInvalidArgument(over) ? kUsage : kFailed;
}

}  // namespace

void declare_coordinator(CLI::App& app, Invocation& call) {
  auto asked = std::make_shared<CoordinatorCall>();
  app.add_option("--dir", asked->dir, "what it must not lose [WEIR_DIR, or ~/.weir]")
      ->type_name("DIR");
  app.add_option("--port", asked->port, "where it listens; 0: any free port [4600]")
      ->type_name("PORT");
  call.run = [asked, &call] { return coordinate(*asked, call); };
}

void declare_supervisor(CLI::App& app, Invocation& call) {
  auto asked = std::make_shared<SupervisorCall>();
  app.add_option("--name", asked->name, "unique in the cluster [the host's name]")
      ->type_name("NAME");
  app.add_option("--slots", asked->slots, "tasks of a job side by side [number of cores]")
      ->check(CLI::Range(1, 4096))
      ->type_name("N");
  app.add_option("--dir", asked->dir, "its folder is DIR/supervisors/NAME [WEIR_DIR, or ~/.weir]")
      ->type_name("DIR");
  call.run = [asked, &call] { return supervise(*asked, call); };
}

}  // namespace weir::coordinator
