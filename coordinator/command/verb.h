// What the verbs of the weir command are made of, and what they share.
#pragma once

#include <CLI/CLI.hpp>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "client.h"
#include "configuration.h"
#include "security/key_folder.h"

namespace weir::coordinator {

// Documented in docs/reference/command.md.
enum ExitCode : std::uint8_t {
  kOk = 0,
  kFailed = 1,         // refused, or the job failed
  kUsage = 2,          // the command line or the configuration
  kNoCoordinator = 3,  // nobody answers
  kNotFound = 4,       // no such job, supervisor, log, file
};

// One call of weir.
struct Invocation {
  std::vector<std::string> program_arguments;  // behind "--"
  std::string coordinator;                     // -m
  std::string config_file;                     // --config
  std::vector<std::string> definitions;        // -D
  bool json = false;
  Configuration configuration;  // loaded before the verb runs
  std::function<int()> run;     // set by the verb that was called
};

struct Verb {
  const char* name;
  std::vector<const char*> aliases;
  const char* group;  // heading in weir --help
  const char* summary;
  const char* example;  // lines of "  weir ..."
  bool asks;            // the coordinator: has -m
  bool has_json;
  // Declares options and what happens.
  void (*declare)(CLI::App& app, Invocation& call);
};

const std::vector<Verb>& verbs();

// Says what went wrong; the exit code.
int report(const absl::Status& status);
// A client of the coordinator that is meant: -m, WEIR_COORDINATOR, weir.toml, or the local cluster.
absl::StatusOr<std::unique_ptr<Client>> connect(const Invocation& call);
// Where that is: "HOST:PORT". kUnavailable if nothing says.
absl::StatusOr<std::string> coordinator_of(const Invocation& call);
// The folder with the keys that are in force where `dir` is the cluster's; empty: there are none.
std::string keys_dir(const Invocation& call, const std::string& dir);
// The transport with these.
absl::StatusOr<ClusterTransport> transport_of(const Invocation& call, const std::string& dir);
std::uint32_t number_of_cores();
std::string host_name();  // of this machine
// A folder as the command line names it, from the root and without a slash at its end.
std::string absolute_folder(const std::string& path);
// The folder of the local cluster: the option, or the configuration.
std::string cluster_dir(const Invocation& call, const std::string& option);

// ---- the verbs, by file
void declare_up(CLI::App& app, Invocation& call);  // local_verbs.cc
void declare_down(CLI::App& app, Invocation& call);
void declare_coordinator(CLI::App& app, Invocation& call);  // daemon_verbs.cc
void declare_supervisor(CLI::App& app, Invocation& call);
void declare_submit(CLI::App& app, Invocation& call);  // submit_verbs.cc
void declare_run(CLI::App& app, Invocation& call);
void declare_check(CLI::App& app, Invocation& call);  // check_verb.cc
void declare_list(CLI::App& app, Invocation& call);   // show_verbs.cc
void declare_info(CLI::App& app, Invocation& call);
void declare_events(CLI::App& app, Invocation& call);
void declare_logs(CLI::App& app, Invocation& call);    // logs_verb.cc
void declare_top(CLI::App& app, Invocation& call);     // top_verb.cc
void declare_cancel(CLI::App& app, Invocation& call);  // job_verbs.cc
void declare_stop(CLI::App& app, Invocation& call);
void declare_savepoint(CLI::App& app, Invocation& call);
void declare_pause(CLI::App& app, Invocation& call);
void declare_resume(CLI::App& app, Invocation& call);
void declare_rescale(CLI::App& app, Invocation& call);  // rescale_verb.cc
void declare_config(CLI::App& app, Invocation& call);   // config_verb.cc
void declare_keys(CLI::App& app, Invocation& call);     // keys_verb.cc
void declare_version(CLI::App& app, Invocation& call);

}  // namespace weir::coordinator
