// weir list, info, events.
#include <iostream>
#include <nlohmann/json.hpp>

#include "job_text.h"
#include "live_view.h"
#include "termination_signals.h"
#include "verb.h"
#include "watch_job.h"

namespace weir::coordinator {
namespace {

std::chrono::microseconds wall_now() { return runtime::system_clock().wall_now(); }

int list(bool with_ended, const Invocation& call) {
  const absl::StatusOr<std::unique_ptr<Client>> client = connect(call);
  if (!client.ok()) return report(client.status());
  wire::ListJobsT ask;
  ask.with_ended = with_ended;
  const absl::StatusOr<wire::JobsT> jobs = (*client)->ask<wire::JobsT>(ask);
  if (!jobs.ok()) return report(jobs.status());
  const absl::StatusOr<wire::ClusterT> cluster =
      (*client)->ask<wire::ClusterT>(wire::ListClusterT{});
  if (!cluster.ok()) return report(cluster.status());
  if (call.json) {
    nlohmann::json all = nlohmann::json::array();
    for (const auto& job : jobs->jobs) all.push_back(job_json(*job));
    std::cout << shown_json({{"jobs", all}, {"cluster", cluster_json(*cluster)}}, 2);
  } else {
    std::cout << jobs_text(*jobs, wall_now()) << "\n" << cluster_text(*cluster);
  }
  return kOk;
}

int info(const std::string& job, bool with_plan, const Invocation& call) {
  const absl::StatusOr<std::unique_ptr<Client>> client = connect(call);
  if (!client.ok()) return report(client.status());
  const absl::StatusOr<wire::JobInfoT> found = get_job(**client, job);
  if (!found.ok()) return report(found.status());
  if (call.json) {
    nlohmann::json out = job_json(*found);
    if (with_plan) out["plan"] = found->plan;
    std::cout << shown_json(out, 2);
  } else {
    std::cout << job_text(*found, wall_now());
    if (with_plan) std::cout << "\n" << found->plan;
  }
  return kOk;
}

int events(const std::string& job, bool follow, const Invocation& call) {
  const absl::StatusOr<std::unique_ptr<Client>> client = connect(call);
  if (!client.ok()) return report(client.status());
  TerminationSignals signals(follow);
  std::uint64_t from = 0;
  for (;;) {
    // Asked before the events, so that none of its last ones is missed.
    const absl::StatusOr<wire::JobInfoT> now = get_job(**client, job);
    if (!now.ok()) return report(now.status());
    wire::GetEventsT ask;
    ask.job = job;
    ask.from = from;
    const absl::StatusOr<wire::EventsT> part = (*client)->ask<wire::EventsT>(std::move(ask));
    if (!part.ok()) return report(part.status());
    for (const auto& event : part->events) {
      std::cout << (call.json ? shown_json(event_json(*event), -1) : event_line(*event));
    }
    std::cout << std::flush;
    from = part->next;
    if (!part->events.empty()) continue;  // there may be more
    if (!follow || is_ended(now->state) || signals.received()) return kOk;
    pause_for(std::chrono::milliseconds(300));
  }
}

}  // namespace

void declare_list(CLI::App& app, Invocation& call) {
  auto with_ended = std::make_shared<bool>(false);
  app.add_flag("-a,--all", *with_ended, "jobs that are over, too");
  call.run = [with_ended, &call] { return list(*with_ended, call); };
}

void declare_info(CLI::App& app, Invocation& call) {
  auto job = std::make_shared<std::string>();
  auto with_plan = std::make_shared<bool>(false);
  app.add_option("job", *job, "name or id")->required()->type_name("JOB");
  app.add_flag("--plan", *with_plan, "its plan, too");
  call.run = [job, with_plan, &call] { return info(*job, *with_plan, call); };
}

void declare_events(CLI::App& app, Invocation& call) {
  auto job = std::make_shared<std::string>();
  auto follow = std::make_shared<bool>(false);
  app.add_option("job", *job, "name or id")->required()->type_name("JOB");
  app.add_flag("-f,--follow", *follow, "stay and show what happens, until the job is over");
  call.run = [job, follow, &call] { return events(*job, *follow, call); };
}

}  // namespace weir::coordinator
