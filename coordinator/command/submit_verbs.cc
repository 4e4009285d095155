// weir submit, weir run: the program says its plan, travels if the coordinator does not have it,
// and becomes a job.
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <nlohmann/json.hpp>

#include "absl/strings/str_cat.h"
#include "job_text.h"
#include "program_plan.h"
#include "sha256.h"
#include "verb.h"
#include "watch_job.h"
#include "weir/runtime/clock.h"

namespace weir::coordinator {
namespace {

constexpr std::size_t kChunk = std::size_t{1} << 20;

struct Submission {
  std::string program;
  std::string name;
  std::optional<std::uint32_t> parallelism;
  std::string savepoint;
  bool allow_dropped_state = false;
  bool wait = false;
  bool no_slot_wait = false;
  bool quiet = false;
};

void declare_options(CLI::App& app, Submission& asked) {
  app.add_option("program", asked.program, "a Weir program; its arguments follow --")
      ->required()
      ->type_name("PROGRAM");
  app.add_option("--name", asked.name, "name of the job [the program's]")->type_name("NAME");
  app.add_option("-p,--parallelism", asked.parallelism, "tasks per operator [as the program says]")
      ->check(CLI::Range(1, 32768))
      ->type_name("N");
  app.add_option("--from", asked.savepoint, "savepoint to go on from")->type_name("DIR");
  app.add_flag("--allow-dropped-state", asked.allow_dropped_state,
               "leave behind what the savepoint has and the program does not declare");
  app.add_flag("--no-slot-wait", asked.no_slot_wait,
               "fail if there are not enough free slots, instead of waiting for them");
  app.add_flag("-q,--quiet", asked.quiet, "say nothing but errors");
}

// Sends what the coordinator does not have.
absl::Status upload(Client& client, const std::string& path, const std::string& sha256) {
  std::ifstream in(path, std::ios::binary);
  std::error_code error;
  const std::uint64_t total = std::filesystem::file_size(path, error);
  if (!in || error) return absl::NotFoundError(absl::StrCat("cannot read ", path));
  std::vector<char> buffer;
  std::uint64_t have = 0;
  for (;;) {
    wire::UploadProgramT part;
    part.sha256 = sha256;
    part.total = total;
    part.offset = have;
    part.bytes.assign(buffer.begin(), buffer.end());  // the first asks only
    const absl::StatusOr<wire::UploadProgressT> progress =
        client.ask<wire::UploadProgressT>(std::move(part), std::chrono::seconds(20));
    if (!progress.ok()) return progress.status();
    if (progress->is_complete) return absl::OkStatus();
    if (!buffer.empty() && progress->have <= have) {
      return absl::InternalError("the coordinator does not take the program");
    }
    have = progress->have;
    buffer.resize(std::min<std::uint64_t>(kChunk, total - std::min(total, have)));
    in.seekg(static_cast<std::streamoff>(have));
    if (buffer.empty() || !in.read(buffer.data(), static_cast<std::streamsize>(buffer.size()))) {
      return absl::AbortedError(absl::StrCat(path, " changed while it was being sent"));
    }
  }
}

// By which the coordinator knows a submission that it is asked for again.
std::string new_submission_id() {
  return absl::StrCat(runtime::system_clock().wall_now().count(), "-", getpid(), "-",
                      host_name().substr(0, 32));
}

// The id of the new job.
absl::StatusOr<std::string> submit_program(Client& client, const Submission& asked,
                                           std::vector<std::string> arguments) {
  const absl::StatusOr<std::string> path = find_program(asked.program);
  if (!path.ok()) return path.status();
  const std::string name = std::filesystem::path(asked.program).filename().string();
  if (asked.parallelism.has_value()) {
    arguments.push_back(absl::StrCat("--parallelism=", *asked.parallelism));
  }
  const Asked what = asked.savepoint.empty() ? Asked::kPlan : Asked::kPlanWithStates;
  absl::StatusOr<wire::PlanSpecT> plan = ask_for_plan(*path, name, arguments, what);
  if (!plan.ok()) return plan.status();
  const absl::StatusOr<std::string> sha256 = sha256_of_file(*path);
  if (!sha256.ok()) return sha256.status();
  const absl::Status sent = upload(client, *path, *sha256);
  if (!sent.ok()) return sent;
  wire::SubmitT submit;
  submit.submission_id = new_submission_id();
  submit.name = asked.name.empty() ? plan->job_name : asked.name;
  submit.program_sha256 = *sha256;
  submit.program_name = name;
  submit.arguments = std::move(arguments);
  submit.working_dir = std::filesystem::current_path().string();
  submit.parallelism = asked.parallelism.value_or(plan->max_slots);
  if (!asked.savepoint.empty()) submit.from_savepoint = absolute_folder(asked.savepoint);
  submit.allow_dropped_state = asked.allow_dropped_state;
  submit.wait_for_slots = !asked.no_slot_wait;
  submit.plan = std::make_unique<wire::PlanSpecT>(std::move(*plan));
  // A savepoint is read through before the answer.
  const Client::Time patience =
      asked.savepoint.empty() ? Client::Time(std::chrono::seconds(20)) : std::chrono::minutes(10);
  absl::StatusOr<wire::SubmittedT> submitted =
      client.ask<wire::SubmittedT>(std::move(submit), patience);
  if (!submitted.ok()) return submitted.status();
  return submitted->job;
}

int wait(Client& client, const std::string& job, const Submission& asked, const Invocation& call,
         bool interrupt_stops) {
  const absl::StatusOr<wire::JobInfoT> end =
      watch_job(client, job, {asked.quiet || call.json, interrupt_stops});
  if (!end.ok()) return report(end.status());
  if (call.json) {
    std::cout << shown_json(job_json(*end), 2);
  } else if (!asked.quiet) {
    std::cout << job_summary(*end);
  }
  const bool went_well =
      end->state == wire::JobState::Finished || end->state == wire::JobState::Stopped;
  if (went_well) return kOk;
  if (asked.quiet) std::cerr << job_summary(*end);
  if (!call.json) std::cerr << "see: weir logs " << job << "; weir events " << job << "\n";
  return kFailed;
}

int submit(const Submission& asked, const Invocation& call, bool is_run) {
  const absl::StatusOr<std::unique_ptr<Client>> client = connect(call);
  if (!client.ok()) return report(client.status());
  const absl::StatusOr<std::string> job = submit_program(**client, asked, call.program_arguments);
  if (!job.ok()) return report(job.status());
  const bool waits = is_run || asked.wait;
  if (call.json && !waits) {
    std::cout << nlohmann::json{{"job", *job}}.dump() << "\n";
  } else if (!call.json && !asked.quiet) {
    std::cout << "submitted " << *job << std::endl;
    if (!waits) std::cout << "see: weir info " << *job << "\n";
  }
  return waits ? wait(**client, *job, asked, call, is_run) : kOk;
}

}  // namespace

void declare_submit(CLI::App& app, Invocation& call) {
  auto asked = std::make_shared<Submission>();
  declare_options(app, *asked);
  app.add_flag("--wait", asked->wait, "stay until the job is over; Ctrl-C leaves it running");
  call.run = [asked, &call] { return submit(*asked, call, false); };
}

void declare_run(CLI::App& app, Invocation& call) {
  auto asked = std::make_shared<Submission>();
  declare_options(app, *asked);
  call.run = [asked, &call] { return submit(*asked, call, true); };
}

}  // namespace weir::coordinator
