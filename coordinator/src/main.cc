#include "weir/coordinator/main.h"

#include <unistd.h>

#include <cstdio>
#include <exception>
#include <optional>

#include "command_line.h"
#include "control/declared_states.h"
#include "control/plan_spec.h"
#include "descriptor_limit.h"
#include "metrics_json.h"
#include "progress.h"
#include "weir/coordinator/deployment.h"
#include "weir/coordinator/embedded_job.h"
#include "worker/run_worker.h"

namespace weir {
namespace {

using coordinator::Arguments;
using coordinator::CommandLine;
using coordinator::ProgramOptions;

constexpr int kOk = 0;
constexpr int kFailed = 1;
constexpr int kUsage = 2;

std::string base_name(const char* path) {
  const std::string text = path == nullptr ? "" : path;
  const std::size_t slash = text.rfind('/');
  const std::string base = slash == std::string::npos ? text : text.substr(slash + 1);
  return base.empty() ? "job" : base;
}

// Says what is wrong with the command line or the topology, and how to learn more.
int refuse(const std::string& program, const std::string& what) {
  std::fprintf(stderr, "%s: %s\nTry: %s --help\n", program.c_str(), what.c_str(), program.c_str());
  return kUsage;
}

int print(const std::string& program, const CommandLine& line, const Topology& topology,
          const runtime::Plan& plan) {
  const std::string& what = line.print;
  std::string text;
  if (what == "topology") text = print_topology(topology);
  if (what == "topology-dot") text = print_topology_dot(topology);
  if (what == "plan") text = print_plan(plan);
  if (what == "plan-dot") text = print_plan_dot(plan);
  if (what == "deployment") {
    text = coordinator::print_deployment(plan, coordinator::make_deployment(plan));
  }
  if (what == "wire-plan" || what == "wire-states") {
    coordinator::wire::PlanSpecT spec = coordinator::plan_spec_of(plan, line.job);
    const absl::Status status =
        what == "wire-states" ? coordinator::declare_states(plan, spec) : absl::OkStatus();
    if (!status.ok()) return refuse(program, std::string(status.message()));
    text = coordinator::encode_plan_spec(spec);
  }
  std::fwrite(text.data(), 1, text.size(), stdout);
  return kOk;
}

int run_plan(const runtime::Plan& plan, CommandLine& line) {
  coordinator::ProgressOptions shown;
  shown.job = line.job.job;
  shown.state_dir = line.job.state_dir;
  shown.json_metrics = line.json_metrics;
  shown.quiet = line.quiet;
  shown.is_terminal = isatty(STDERR_FILENO) == 1;
  shown.is_screen = isatty(STDOUT_FILENO) == 1;
  shown.clock = line.job.clock;
  coordinator::ProgressPrinter printer(shown);
  line.job.observer = &printer;
  line.job.handle_signals = true;
  if (line.job.fresh && !line.quiet && !line.job.state_dir.empty()) {
    std::fprintf(stderr, "--fresh: forgetting the state in %s\n", line.job.state_dir.c_str());
  }
  const JobResult result = coordinator::run(plan, line.job);
  printer.job_over(result);
  return result.ok() ? kOk : kFailed;
}

int run_program(const std::string& program, const Arguments& arguments,
                const std::function<void(Topology&)>& build) {
  runtime::Params params(coordinator::scan_params(arguments));
  Topology topology(params);
  build(topology);
  const ProgramOptions options{program, params.declared(), topology.default_options()};
  CommandLine line = coordinator::parse_command_line(options, arguments);
  if (line.wants_help) {
    std::fputs(coordinator::help_text(options).c_str(), stdout);
    return kOk;
  }
  if (line.wants_version) {
    std::printf("%s, built with weir %s\n", program.c_str(), WEIR_VERSION);
    return kOk;
  }
  if (!line.faults.empty()) {
    std::string text;
    for (const std::string& fault : line.faults) text += (text.empty() ? "" : "\n  ") + fault;
    return refuse(program, text);
  }
  const absl::StatusOr<runtime::Plan> plan =
      runtime::make_plan(topology, {line.job.parallelism, line.job.combine});
  if (!plan.ok()) return refuse(program, std::string(plan.status().message()));
  if (!line.print.empty()) return print(program, line, topology, *plan);
  if (const absl::Status enough = coordinator::raise_descriptor_limit(); !enough.ok()) {
    return refuse(program, std::string(enough.message()));
  }
  if (const auto identity = coordinator::worker_identity_from_environment()) {
    return coordinator::run_worker(*plan, line.job, *identity);
  }
  if (!line.json_metrics.empty()) {
    const absl::Status writable = coordinator::write_metrics(
        line.json_metrics, coordinator::metrics_json(line.job.job, "starting", "", {}));
    if (!writable.ok()) {
      return refuse(program, "--json-metrics: " + std::string(writable.message()));
    }
  }
  return run_plan(*plan, line);
}

}  // namespace

int main(int argc, char** argv, const std::function<void(Topology&)>& build) {
  const std::string program = base_name(argc > 0 ? argv[0] : nullptr);
  try {
    return run_program(program, Arguments(argv + (argc > 0 ? 1 : 0), argv + argc), build);
  } catch (const std::exception& e) {
    std::fprintf(stderr, "%s: %s\n", program.c_str(), e.what());
  } catch (...) {
    std::fprintf(stderr, "%s: an exception that is no std::exception\n", program.c_str());
  }
  return kFailed;
}

}  // namespace weir
