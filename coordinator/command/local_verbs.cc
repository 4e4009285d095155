// weir up, weir down.
#include <filesystem>
#include <iostream>
#include <nlohmann/json.hpp>

#include "absl/strings/str_cat.h"
#include "job_text.h"
#include "local_cluster.h"
#include "progress_text.h"
#include "verb.h"

namespace weir::coordinator {
namespace {

struct Up {
  std::optional<std::uint32_t> workers;
  std::optional<std::uint32_t> slots;
  std::string dir;
  std::optional<std::uint16_t> port;
};

void print_ready(const LocalClusterOptions& options, const LocalCluster& cluster,
                 runtime::MonotonicTime took, bool is_default_dir) {
  const std::string at = is_default_dir ? "" : " -m " + cluster.address;
  std::cout << "The cluster is ready after " << format_elapsed(took) << ".\n"
            << "  coordinator  " << cluster.address << ", process "
            << cluster.daemons.front().process.pid << "\n"
            << "  supervisors  " << plural(options.supervisors, "supervisor") << " with "
            << plural(options.slots, "slot") << " each\n"
            << "  folder       " << options.dir << "\n\n"
            << "Next:\n"
            << "  weir run" << at << " ./program -- ARGUMENTS\n"
            << "  weir list" << at << "\n"
            << "  weir down" << (is_default_dir ? "" : " --dir " + options.dir) << "\n";
}

void print_ready_json(const LocalClusterOptions& options, const LocalCluster& cluster) {
  nlohmann::json daemons = nlohmann::json::array();
  for (const Daemon& daemon : cluster.daemons) {
    daemons.push_back({{"name", daemon.name}, {"pid", daemon.process.pid}, {"log", daemon.log}});
  }
  std::cout << nlohmann::json{{"coordinator", cluster.address},
                              {"dir", options.dir},
                              {"slots", options.slots * options.supervisors},
                              {"daemons", daemons}}
                   .dump(2)
            << "\n";
}

int up(const Up& asked, const Invocation& call) {
  const Configuration& configuration = call.configuration;
  LocalClusterOptions options;
  options.dir = cluster_dir(call, asked.dir);
  options.supervisors =
      asked.workers.value_or(static_cast<std::uint32_t>(configuration.number("cluster.workers")));
  options.slots =
      asked.slots.value_or(static_cast<std::uint32_t>(configuration.number("cluster.slots")));
  if (options.slots == 0) options.slots = number_of_cores();
  options.port =
      asked.port.value_or(static_cast<std::uint16_t>(configuration.number("coordinator.port")));
  const absl::StatusOr<ClusterTransport> transport = transport_of(call, options.dir);
  if (!transport.ok()) return report(transport.status());
  for (const std::string& definition : call.definitions) {
    if (definition.starts_with("security.keys=")) continue;
    options.settings.insert(options.settings.end(), {"-D", definition});
  }
  // Daemons do not run in this folder.
  if (!transport->keys.empty()) {
    options.settings.insert(options.settings.end(), {"-D", "security.keys=" + transport->keys});
  }
  if (!call.config_file.empty()) {
    options.settings.insert(options.settings.end(), {"--config", call.config_file});
  }
  runtime::Clock& clock = runtime::system_clock();
  const auto start = clock.now();
  const absl::StatusOr<LocalCluster> cluster = start_local_cluster(options, transport->get());
  if (!cluster.ok()) {
    report(cluster.status());
    return kFailed;
  }
  if (call.json) {
    print_ready_json(options, *cluster);
  } else {
    print_ready(options, *cluster, clock.now() - start, options.dir == cluster_dir(call, ""));
  }
  return kOk;
}

int down(const std::string& dir_option, const Invocation& call) {
  const std::string dir = cluster_dir(call, dir_option);
  const absl::StatusOr<ClusterTransport> transport = transport_of(call, dir);
  // Without the keys nobody can be asked to end, but all can be told to.
  const absl::StatusOr<EndedCluster> ended =
      end_local_cluster(dir, transport.ok() ? transport->get() : runtime::zmq_transport());
  if (!ended.ok()) {
    report(ended.status());
    return kFailed;
  }
  if (call.json) {
    std::cout << nlohmann::json{{"dir", dir},
                                {"daemons", ended->daemons},
                                {"killed", ended->killed}}
                     .dump()
              << "\n";
  } else if (ended->daemons == 0 && ended->killed == 0) {
    std::cout << "No cluster runs in " << dir << ".\n";
  } else {
    std::cout << "The cluster in " << dir << " has ended";
    if (ended->killed != 0) {
      std::cout << "; " << plural(static_cast<std::uint64_t>(ended->killed), "process")
                << " had to be killed";
    }
    std::cout << ".\n";
  }
  return kOk;
}

}  // namespace

void declare_up(CLI::App& app, Invocation& call) {
  auto asked = std::make_shared<Up>();
  app.add_option("--workers", asked->workers, "supervisors to start, each a worker host [2]")
      ->check(CLI::Range(1, 64))
      ->type_name("N");
  app.add_option("--slots", asked->slots, "slots of each [number of cores]")
      ->check(CLI::Range(1, 4096))
      ->type_name("N");
  app.add_option("--dir", asked->dir, "folder of the cluster [WEIR_DIR, or ~/.weir]")
      ->type_name("DIR");
  app.add_option("--port", asked->port, "port of the coordinator; 0: any free one [4600]")
      ->type_name("PORT");
  call.run = [asked, &call] { return up(*asked, call); };
}

void declare_down(CLI::App& app, Invocation& call) {
  auto dir = std::make_shared<std::string>();
  app.add_option("--dir", *dir, "folder of the cluster [WEIR_DIR, or ~/.weir]")->type_name("DIR");
  call.run = [dir, &call] { return down(*dir, call); };
}

}  // namespace weir::coordinator
