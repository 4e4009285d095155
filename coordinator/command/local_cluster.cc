#include "local_cluster.h"

#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "absl/strings/str_cat.h"
#include "client.h"
#include "supervisor/process_id.h"
#include "supervisor/worker_records.h"
#include "weir/runtime/port_owner.h"
#include "weir/runtime/storage.h"

namespace weir::coordinator {
namespace {

using nlohmann::json;
using runtime::MonotonicTime;
using namespace std::chrono_literals;

json json_of(const ProcessId& process) {
  return {{"pid", process.pid}, {"start_ticks", process.start_ticks}, {"boot", process.boot}};
}

ProcessId process_of(const json& value) {
  return {value.value("pid", 0), value.value("start_ticks", std::uint64_t{0}),
          value.value("boot", "")};
}

json read_json(const std::string& path) {
  std::ifstream in(path);
  return json::parse(in, nullptr, false);
}

absl::Status write_json(const std::string& path, const json& value) {
  std::ofstream out(path + ".new", std::ios::trunc);
  out << value.dump(2) << "\n";
  out.close();
  std::error_code error;
  if (out) std::filesystem::rename(path + ".new", path, error);
  if (out && !error) return absl::OkStatus();
  return absl::UnavailableError(absl::StrCat("cannot write ", path, "; is the disk full?"));
}

absl::Status write_local_cluster(const std::string& dir, const LocalCluster& cluster) {
  json daemons = json::array();
  for (const Daemon& daemon : cluster.daemons) {
    json value = json_of(daemon.process);
    value["name"] = daemon.name;
    value["log"] = daemon.log;
    daemons.push_back(value);
  }
  return write_json(dir + "/local.json", {{"address", cluster.address}, {"daemons", daemons}});
}

std::vector<ProcessId> processes_of(const LocalCluster& cluster) {
  std::vector<ProcessId> out;
  for (const Daemon& daemon : cluster.daemons) out.push_back(daemon.process);
  return out;
}

// The workers on record with all supervisors of the folder that still run.
std::vector<ProcessId> running_workers(const std::string& dir) {
  std::vector<ProcessId> out;
  std::error_code missing;
  for (const auto& entry : std::filesystem::directory_iterator(dir + "/supervisors", missing)) {
    for (const RunningWorker& record :
         WorkerRecords((entry.path() / "workers").string()).read_all()) {
      if (is_running(record.process)) out.push_back(record.process);
    }
  }
  return out;
}

absl::Status refuse_running(const std::string& dir) {
  const std::optional<LocalCluster> before = read_local_cluster(dir);
  if (!before.has_value()) return absl::OkStatus();
  const auto running =
      std::find_if(before->daemons.begin(), before->daemons.end(),
                   [](const Daemon& daemon) { return is_running(daemon.process); });
  if (running == before->daemons.end()) return absl::OkStatus();
  return absl::AlreadyExistsError(absl::StrCat(
      "a cluster runs in ", dir, " already: ", running->name, " is process ", running->process.pid,
      before->address.empty() ? "" : ", the coordinator listens at " + before->address,
      "\n  end it with: weir down --dir ", dir));
}

absl::Status refuse_taken(std::uint16_t port) {
  if (port == 0) return absl::OkStatus();
  const std::optional<std::int32_t> owner = runtime::port_owner(port);
  if (!owner.has_value()) return absl::OkStatus();
  const std::string line = *owner == 0 ? "" : command_line_of(*owner).substr(0, 80);
  const std::string who =
      *owner == 0 ? "another user's process"
                  : absl::StrCat("process ", *owner, line.empty() ? "" : " (" + line + ")");
  return absl::AlreadyExistsError(absl::StrCat("port ", port, " is taken by ", who,
                                               "\n  give another one: weir up --port ", port + 1,
                                               ", or --port 0 for any that is free"));
}

absl::Status died(const Daemon& daemon) {
  return absl::AbortedError(absl::StrCat("the ", daemon.name, " has ended; the end of ", daemon.log,
                                         ":\n", last_lines(daemon.log, 8)));
}

// Starting, step by step; what was started is in cluster_.
class Starter {
 public:
  Starter(const LocalClusterOptions& options, runtime::Transport& transport)
      : options_(options),
        transport_(transport),
        deadline_(runtime::system_clock().now() + options.patience) {}

  absl::Status start() {
    absl::Status status = start_coordinator();
    for (std::uint32_t i = 1; status.ok() && i <= options_.supervisors; ++i) {
      status = start_supervisor("s" + std::to_string(i));
    }
    if (status.ok()) status = wait_for_supervisors();
    return status;
  }
  const LocalCluster& cluster() const { return cluster_; }

 private:
  absl::Status launch(const std::string& name, std::vector<std::string> arguments,
                      const std::string& log) {
    arguments.insert(arguments.end(), options_.settings.begin(), options_.settings.end());
    absl::StatusOr<Daemon> daemon = start_daemon(name, arguments, log);
    if (!daemon.ok()) return daemon.status();
    cluster_.daemons.push_back(*std::move(daemon));
    return write_local_cluster(options_.dir, cluster_);
  }

  absl::Status start_coordinator() {
    const absl::Status launched =
        launch("coordinator",
               {"coordinator", "--dir", options_.dir, "--port", std::to_string(options_.port)},
               options_.dir + "/coordinator.log");
    if (!launched.ok()) return launched;
    while (cluster_.address.empty()) {
      const absl::Status going_on = pause();
      if (!going_on.ok()) return going_on;
      cluster_.address = coordinator_address(options_.dir);
    }
    return write_local_cluster(options_.dir, cluster_);
  }

  absl::Status start_supervisor(const std::string& name) {
    const std::string dir = options_.dir + "/supervisors/" + name;
    const absl::Status made = runtime::local_storage().make_dirs(dir);
    if (!made.ok()) return made;
    return launch("supervisor " + name,
                  {"supervisor", "--name", name, "--slots", std::to_string(options_.slots), "--dir",
                   options_.dir, "-m", cluster_.address},
                  dir + "/supervisor.log");
  }

  absl::Status wait_for_supervisors() {
    absl::StatusOr<std::unique_ptr<Client>> client = Client::open(transport_, cluster_.address);
    if (!client.ok()) return client.status();
    for (;;) {
      const absl::StatusOr<wire::ClusterT> seen =
          (*client)->ask<wire::ClusterT>(wire::ListClusterT{}, 2s);
      if (seen.ok()) {
        const auto alive = std::count_if(seen->supervisors.begin(), seen->supervisors.end(),
                                         [](const auto& s) { return s->is_alive; });
        if (alive >= static_cast<std::ptrdiff_t>(options_.supervisors)) return absl::OkStatus();
      }
      const absl::Status going_on = pause();
      if (!going_on.ok()) return going_on;
    }
  }

  // A moment, cut short by the death of a daemon, which is an error as being late is.
  absl::Status pause() {
    wait_for_end(processes_of(cluster_), 10ms);
    for (const Daemon& daemon : cluster_.daemons) {
      if (!is_running(daemon.process)) return died(daemon);
    }
    if (runtime::system_clock().now() < deadline_) return absl::OkStatus();
    const Daemon& last = cluster_.daemons.back();
    return absl::DeadlineExceededError(absl::StrCat("the cluster is not ready in time; the end of ",
                                                    last.log, ":\n", last_lines(last.log, 8)));
  }

  const LocalClusterOptions& options_;
  runtime::Transport& transport_;
  const MonotonicTime deadline_;
  LocalCluster cluster_;
};

// Whether the coordinator ends everything.
bool asked_to_shut_down(const std::string& dir, runtime::Transport& transport) {
  const std::string address = coordinator_address(dir);
  if (address.empty()) return false;
  const absl::StatusOr<std::unique_ptr<Client>> client = Client::open(transport, address);
  return client.ok() && (*client)->ask<wire::DoneT>(wire::ShutdownT{}, 3s).ok();
}

}  // namespace

absl::StatusOr<LocalCluster> start_local_cluster(const LocalClusterOptions& options,
                                                 runtime::Transport& transport) {
  runtime::Storage& storage = runtime::local_storage();
  const absl::Status made = storage.make_dirs(options.dir);
  if (!made.ok()) return made;
  const absl::StatusOr<std::shared_ptr<void>> lock = storage.lock(options.dir + "/local.lock");
  if (!lock.ok()) return lock.status();
  absl::Status status = refuse_running(options.dir);
  if (status.ok()) status = refuse_taken(options.port);
  if (!status.ok()) return status;
  Starter starter(options, transport);
  status = starter.start();
  if (status.ok()) return starter.cluster();
  end_all(processes_of(starter.cluster()), 0s);
  ::unlink((options.dir + "/local.json").c_str());
  return status;
}

absl::StatusOr<EndedCluster> end_local_cluster(const std::string& dir,
                                               runtime::Transport& transport) {
  EndedCluster ended;
  const std::optional<LocalCluster> cluster = read_local_cluster(dir);
  if (cluster.has_value()) {
    const std::vector<ProcessId> daemons = processes_of(*cluster);
    ended.daemons = static_cast<int>(std::count_if(daemons.begin(), daemons.end(), is_running));
    if (ended.daemons != 0 && !asked_to_shut_down(dir, transport)) {
      for (const ProcessId& daemon : daemons) signal_process(daemon, SIGTERM).IgnoreError();
    }
    ended.killed = end_all(daemons, ended.daemons == 0 ? 0s : 10s);
  }
  // Workers of supervisors that were killed, now or before.
  ended.killed += end_all(running_workers(dir), 0s);
  ::unlink((dir + "/local.json").c_str());
  remove_coordinator_address(dir);
  return ended;
}

std::optional<LocalCluster> read_local_cluster(const std::string& dir) {
  const json value = read_json(dir + "/local.json");
  if (!value.is_object() || !value.contains("daemons")) return std::nullopt;
  LocalCluster cluster;
  cluster.address = value.value("address", "");
  for (const json& daemon : value["daemons"]) {
    cluster.daemons.push_back(
        {daemon.value("name", ""), process_of(daemon), daemon.value("log", "")});
  }
  return cluster;
}

std::string coordinator_address(const std::string& dir) {
  const json value = read_json(dir + "/cluster.json");
  if (!value.is_object() || !is_running(process_of(value))) return "";
  return value.value("address", "");
}

absl::Status write_coordinator_address(const std::string& dir, const std::string& address) {
  const absl::StatusOr<ProcessId> self = process_id(::getpid());
  if (!self.ok()) return self.status();
  json value = json_of(*self);
  value["address"] = address;
  return write_json(dir + "/cluster.json", value);
}

void remove_coordinator_address(const std::string& dir) {
  ::unlink((dir + "/cluster.json").c_str());
}

}  // namespace weir::coordinator
