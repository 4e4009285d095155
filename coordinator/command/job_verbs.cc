// weir stop, cancel, savepoint, pause, resume: one question each.
#include <functional>
#include <iostream>
#include <nlohmann/json.hpp>

#include "absl/strings/str_cat.h"
#include "job_text.h"
#include "live_view.h"
#include "verb.h"
#include "watch_job.h"

namespace weir::coordinator {
namespace {

using namespace std::chrono_literals;

constexpr Client::Time kCheckpointPatience = 10min;  // slow is not dead
constexpr Client::Time kAway = 2min;                 // so long a coordinator may be

int say(const Invocation& call, const std::string& job, const std::string& what,
        const std::string& savepoint = "") {
  if (call.json) {
    nlohmann::json out = {{"job", job}, {"state", what}};
    if (!savepoint.empty()) out["savepoint"] = savepoint;
    std::cout << out.dump() << "\n";
  } else {
    std::cout << job << " " << what << "\n";
    if (!savepoint.empty()) std::cout << "savepoint: " << savepoint << "\n";
  }
  return kOk;
}

// Stays until the job is over, or `is_it`; also while the coordinator is away for a while.
absl::StatusOr<wire::JobInfoT> wait_until(Client& client, const std::string& job,
                                          const std::function<bool(const wire::JobInfoT&)>& is_it) {
  auto heard = runtime::system_clock().now();
  for (;;) {
    absl::StatusOr<wire::JobInfoT> now = get_job(client, job);
    if (now.ok() && (is_ended(now->state) || is_it(*now))) return now;
    const bool is_away = absl::IsUnavailable(now.status());
    if (!now.ok() && (!is_away || runtime::system_clock().now() - heard > kAway)) return now;
    if (now.ok()) heard = runtime::system_clock().now();
    pause_for(50ms);
  }
}

absl::StatusOr<wire::JobInfoT> wait_for(Client& client, const std::string& job,
                                        wire::JobState wanted) {
  return wait_until(client, job,
                    [wanted](const wire::JobInfoT& now) { return now.state == wanted; });
}

struct Stop {
  std::string job;
  bool drain = false;
  std::string savepoint;
  bool no_wait = false;
};

int stop(const Stop& asked, const Invocation& call) {
  const absl::StatusOr<std::unique_ptr<Client>> client = connect(call);
  if (!client.ok()) return report(client.status());
  wire::StopJobT question;
  question.job = asked.job;
  question.drain = asked.drain;
  if (!asked.savepoint.empty()) question.savepoint_dir = absolute_folder(asked.savepoint);
  const std::string savepoint = question.savepoint_dir;
  const absl::StatusOr<wire::MessageT> answer =
      (*client)->ask_any(std::move(question), kCheckpointPatience);
  if (!answer.ok()) return report(answer.status());
  if (asked.no_wait) return say(call, asked.job, "stopping");
  // If the savepoint cannot be written the job goes on.
  const absl::StatusOr<wire::JobInfoT> end =
      wait_until(**client, asked.job, [&](const wire::JobInfoT& now) { return !now.is_stopping; });
  if (!end.ok()) return report(end.status());
  if (!savepoint.empty() && end->savepoint != savepoint) {
    std::cerr << "weir: no savepoint was taken: "
              << (end->savepoint_failure.empty() ? end->last_failure : end->savepoint_failure)
              << "\n  job " << end->id << " is " << state_name(end->state) << "\n";
    return kFailed;
  }
  say(call, end->id, std::string(state_name(end->state)), savepoint);
  return end->state == wire::JobState::Failed ? kFailed : kOk;
}

int cancel(const std::string& job, const Invocation& call) {
  const absl::StatusOr<std::unique_ptr<Client>> client = connect(call);
  if (!client.ok()) return report(client.status());
  wire::CancelJobT question;
  question.job = job;
  const auto answer = (*client)->ask_any(std::move(question));
  if (!answer.ok()) return report(answer.status());
  const auto end = wait_for(**client, job, wire::JobState::Cancelled);
  if (!end.ok()) return report(end.status());
  return say(call, end->id, std::string(state_name(end->state)));
}

int savepoint(const std::string& job, const std::string& dir, const Invocation& call) {
  const absl::StatusOr<std::unique_ptr<Client>> client = connect(call);
  if (!client.ok()) return report(client.status());
  wire::TakeSavepointT question;
  question.job = job;
  if (!dir.empty()) question.dir = absolute_folder(dir);
  const absl::StatusOr<wire::SavepointTakenT> taken =
      (*client)->ask<wire::SavepointTakenT>(std::move(question), kCheckpointPatience);
  if (!taken.ok()) return report(taken.status());
  if (call.json) {
    std::cout << nlohmann::json{{"job", job},
                                {"savepoint", taken->path},
                                {"checkpoint", taken->checkpoint},
                                {"bytes", taken->bytes}}
                     .dump()
              << "\n";
  } else {
    std::cout << "checkpoint " << taken->checkpoint << " of " << job << " is kept in "
              << taken->path << "\n";
  }
  return kOk;
}

template <class Question>
int switch_to(const std::string& job, wire::JobState wanted, const Invocation& call) {
  const absl::StatusOr<std::unique_ptr<Client>> client = connect(call);
  if (!client.ok()) return report(client.status());
  Question question;
  question.job = job;
  const auto answer = (*client)->ask_any(std::move(question), kCheckpointPatience);
  if (!answer.ok()) return report(answer.status());
  const auto now = wait_for(**client, job, wanted);
  if (!now.ok()) return report(now.status());
  say(call, now->id, std::string(state_name(now->state)));
  return now->state == wanted ? kOk : kFailed;
}

std::shared_ptr<std::string> add_job(CLI::App& app) {
  auto job = std::make_shared<std::string>();
  app.add_option("job", *job, "name or id")->required()->type_name("JOB");
  return job;
}

}  // namespace

void declare_stop(CLI::App& app, Invocation& call) {
  auto asked = std::make_shared<Stop>();
  app.add_option("job", asked->job, "name or id")->required()->type_name("JOB");
  app.add_flag("--drain", asked->drain,
               "end as if the input had ended: windows fire, the job is finished");
  app.add_option("--savepoint", asked->savepoint, "keep the last checkpoint in a folder of yours")
      ->type_name("DIR");
  app.add_flag("--no-wait", asked->no_wait, "do not wait for its end");
  call.run = [asked, &call] { return stop(*asked, call); };
}

void declare_cancel(CLI::App& app, Invocation& call) {
  auto job = add_job(app);
  call.run = [job, &call] { return cancel(*job, call); };
}

void declare_savepoint(CLI::App& app, Invocation& call) {
  auto job = add_job(app);
  auto dir = std::make_shared<std::string>();
  app.add_option("dir", *dir, "folder for it, new or empty [one in the cluster's own]")
      ->type_name("DIR");
  call.run = [job, dir, &call] { return savepoint(*job, *dir, call); };
}

void declare_pause(CLI::App& app, Invocation& call) {
  auto job = add_job(app);
  call.run = [job, &call] {
    return switch_to<wire::PauseJobT>(*job, wire::JobState::Paused, call);
  };
}

void declare_resume(CLI::App& app, Invocation& call) {
  auto job = add_job(app);
  call.run = [job, &call] {
    return switch_to<wire::ResumeJobT>(*job, wire::JobState::Running, call);
  };
}

}  // namespace weir::coordinator
