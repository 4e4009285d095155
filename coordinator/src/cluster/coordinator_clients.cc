// Clients: what people ask, through the `weir` command.
#include <algorithm>
#include <utility>

#include "cluster/cluster_coordinator.h"
#include "cluster/savepoint_check.h"
#include "nearest_name.h"
#include "safe_name.h"
#include "sha256.h"
#include "weir/runtime/ids.h"
#include "weir/state/savepoint.h"

namespace weir::coordinator {

using wire::FailureCode;

namespace {

FailureCode code_of(const absl::Status& status) {
  switch (status.code()) {
    case absl::StatusCode::kNotFound: return FailureCode::NotFound;
    case absl::StatusCode::kAlreadyExists: return FailureCode::AlreadyExists;
    case absl::StatusCode::kInvalidArgument:
    case absl::StatusCode::kOutOfRange:
    case absl::StatusCode::kDataLoss: return FailureCode::Invalid;
    case absl::StatusCode::kFailedPrecondition: return FailureCode::WrongState;
    case absl::StatusCode::kResourceExhausted: return FailureCode::NoSlots;
    case absl::StatusCode::kUnavailable: return FailureCode::Unavailable;
    default: return FailureCode::Other;
  }
}

// Microseconds since 1970: what is made at another time has another name.
std::string wall_stamp(runtime::Clock& clock) { return std::to_string(clock.wall_now().count()); }

std::uint32_t all_slots(const std::vector<FreeSlots>& free) {
  std::uint32_t sum = 0;
  for (const FreeSlots& offer : free) sum += offer.slots;
  return sum;
}

}  // namespace

void ClusterCoordinator::refuse(const std::string& peer, std::uint64_t request, FailureCode code,
                                std::string text) {
  wire::FailureT failure;
  failure.code = code;
  failure.message = std::move(text);
  send(peer, std::move(failure), request);
}

void ClusterCoordinator::refuse(const std::string& peer, std::uint64_t request,
                                const absl::Status& status) {
  refuse(peer, request, code_of(status), std::string(status.message()));
}

void ClusterCoordinator::hear_client(const std::string& peer, wire::MessageT& message) {
  wire::BodyUnion& body = message.body;
  const std::uint64_t request = message.request;
  const runtime::MonotonicTime now = clock().now();
  if (auto* part = body.AsUploadProgram()) {
    upload(peer, request, std::move(*part));
  } else if (auto* ask = body.AsSubmit()) {
    look_for_program(peer, request, std::move(*ask));
  } else if (const auto* list = body.AsListJobs()) {
    answer_jobs(peer, request, list->with_ended);
  } else if (const auto* get = body.AsGetJob()) {
    const absl::StatusOr<Job*> job = find_job(get->job);
    if (!job.ok()) return refuse(peer, request, job.status());
    wire::JobsT answer;
    answer.jobs.push_back(std::make_unique<wire::JobInfoT>(describe(**job)));
    send(peer, std::move(answer), request);
  } else if (const auto* stop = body.AsStopJob()) {
    request_of(peer, request, stop->job, [&](Job& job) { return this->stop(job, *stop); });
  } else if (const auto* savepoint = body.AsTakeSavepoint()) {
    take_savepoint(peer, request, *savepoint);
  } else if (const auto* cancel = body.AsCancelJob()) {
    request_of(peer, request, cancel->job, [now](Job& job) { return job.life.on_cancel(now); });
  } else if (const auto* pause = body.AsPauseJob()) {
    request_of(peer, request, pause->job, [now](Job& job) { return job.life.on_pause(now); });
  } else if (const auto* resume = body.AsResumeJob()) {
    request_of(peer, request, resume->job, [now](Job& job) { return job.life.on_resume(now); });
  } else if (const auto* other = body.AsRescaleJob()) {
    request_of(peer, request, other->job, [&](Job& job) { return rescale(job, *other); });
  } else if (body.AsListCluster() != nullptr) {
    send(peer, describe_cluster(), request);
  } else if (const auto* events = body.AsGetEvents()) {
    answer_events(peer, request, *events);
  } else if (auto* log = body.AsGetLog()) {
    forward_log(peer, request, std::move(*log));
  } else if (const auto* fetch = body.AsFetchProgram()) {
    send_program_part(peer, *fetch, request);
  } else if (body.AsShutdown() != nullptr) {
    send(peer, wire::DoneT{}, request);
    shut_down();
  } else {
    refuse(peer, request, FailureCode::Other, "the coordinator does not answer this");
  }
}

void ClusterCoordinator::upload(const std::string& peer, std::uint64_t request,
                                wire::UploadProgramT part) {
  std::set<std::string> used = {part.sha256};
  for (const Job* job : order_) {
    if (!job->life.is_over()) used.insert(job->life.spec().program_sha256);
  }
  auto shared = std::make_shared<const wire::UploadProgramT>(std::move(part));
  options_.executor->submit_io([this, peer, request, shared, used = std::move(used)] {
    const absl::StatusOr<std::uint64_t> have = options_.programs->append(
        shared->sha256, shared->offset, shared->total,
        {reinterpret_cast<const char*>(shared->bytes.data()), shared->bytes.size()});
    auto body = std::make_shared<wire::BodyUnion>();
    if (have.ok()) {
      wire::UploadProgressT progress;
      progress.sha256 = shared->sha256;
      progress.have = *have;
      progress.is_complete = *have == shared->total;
      if (progress.is_complete) options_.programs->forget_old(used);
      body->Set(std::move(progress));
    } else {
      wire::FailureT failure;
      failure.code = code_of(have.status());
      failure.message = std::string(have.status().message());
      body->Set(std::move(failure));
    }
    post({ClusterEvent::Answer{peer, request, std::move(body)}});
  });
}

// --- Submitting ----------------------------------------------------------------------------------

absl::Status ClusterCoordinator::check_submit(const wire::SubmitT& submit) const {
  if (!is_safe_name(submit.name) || submit.name.size() > 80) {
    return absl::InvalidArgumentError(
        "a job's name is 1 to 80 letters, digits, '-', '_' and '.', and begins with a letter, a "
        "digit or '_'");
  }
  if (submit.submission_id.size() > 80) {
    return absl::InvalidArgumentError("a submission id has at most 80 characters");
  }
  if (submit.plan == nullptr || submit.plan->chains.empty()) {
    return absl::InvalidArgumentError("the program has told no plan");
  }
  const wire::PlanSpecT& plan = *submit.plan;
  if (plan.max_parallelism == 0 || plan.max_parallelism > runtime::kMostKeyGroups) {
    return absl::InvalidArgumentError("max_parallelism is " + std::to_string(plan.max_parallelism) +
                                      "; it must lie between 1 and " +
                                      std::to_string(runtime::kMostKeyGroups));
  }
  for (const auto& chain : plan.chains) {
    if (chain->parallelism == 0 || chain->parallelism > plan.max_parallelism) {
      return absl::InvalidArgumentError(
          "chain " + chain->uid + " has parallelism " + std::to_string(chain->parallelism) +
          "; it must lie between 1 and " + std::to_string(plan.max_parallelism));
    }
  }
  for (const Job* job : order_) {
    if (job->life.spec().name == submit.name && !is_ended(job->life.state())) {
      return absl::AlreadyExistsError("a job named " + submit.name + " is " +
                                      std::string(state_name(job->life.state())) + " already, as " +
                                      job->life.id() + ": stop it, or choose another name");
    }
  }
  return absl::OkStatus();
}

// A client whose answer was lost asks again, maybe after the job has ended.
ClusterCoordinator::Job* ClusterCoordinator::job_of_submission(const std::string& id) const {
  if (id.empty()) return nullptr;
  const auto found = std::find_if(order_.begin(), order_.end(), [&](const Job* job) {
    return job->life.spec().submission_id == id;
  });
  return found == order_.end() ? nullptr : *found;
}

// On the I/O thread: the program, and the savepoint with all of its files, as they will be used.
void ClusterCoordinator::look_for_program(const std::string& peer, std::uint64_t request,
                                          wire::SubmitT submit) {
  if (Job* job = job_of_submission(submit.submission_id)) {
    return answer_submitted(*job, peer, request);
  }
  if (!submit.submission_id.empty()) {
    const bool is_new = !being_judged_.contains(submit.submission_id);
    being_judged_[submit.submission_id] = {peer, request};
    if (!is_new) return;
  }
  auto shared = std::make_shared<wire::SubmitT>(std::move(submit));
  options_.executor->submit_io([this, peer, request, shared] {
    const auto found = options_.programs->read(shared->program_sha256, 0, 0);
    if (!found.ok() || shared->from_savepoint.empty()) {
      absl::StatusOr<std::uint64_t> bytes =
          found.ok() ? absl::StatusOr<std::uint64_t>(found->total) : found.status();
      return post({ClusterEvent::Submitted{peer, request, shared, std::move(bytes), {}}});
    }
    const auto tell = [this, peer, request, shared, bytes = found->total](auto dropped) {
      if (!dropped.ok()) {
        return post({ClusterEvent::Submitted{peer, request, shared, dropped.status(), {}}});
      }
      post({ClusterEvent::Submitted{peer, request, shared, bytes, *std::move(dropped)}});
    };
    SavepointCheck::start(*options_.executor, *options_.storage, shared, tell);
  });
}

void ClusterCoordinator::submit(const ClusterEvent::Submitted& submitted) {
  const wire::SubmitT& submit = *submitted.submit;
  const auto judged = being_judged_.extract(submit.submission_id);
  const auto [peer, request] =
      judged.empty() ? Question{submitted.peer, submitted.request} : judged.mapped();
  if (!submitted.program_bytes.ok()) {
    return refuse(peer, request, submitted.program_bytes.status());
  }
  const absl::Status valid = check_submit(submit);
  if (!valid.ok()) return refuse(peer, request, valid);
  auto spec = std::make_shared<JobSpec>();
  spec->submission_id = submit.submission_id;
  spec->name = submit.name;
  spec->program_sha256 = submit.program_sha256;
  spec->program_name = submit.program_name;
  spec->program_bytes = *submitted.program_bytes;
  spec->from_savepoint = submit.from_savepoint;
  spec->dropped = submitted.dropped;
  spec->arguments = submit.arguments;
  spec->working_dir = submit.working_dir;
  spec->submitted = clock().wall_now();
  spec->plan = *submit.plan;
  spec->parallelism = submit.parallelism != 0 ? submit.parallelism : spec->slots_needed();
  const std::vector<FreeSlots> free = free_slots();
  const Placement placement = place(spec->slots_needed(), free, options_.placement);
  if (placement.missing != 0 && !submit.wait_for_slots) {
    return refuse(peer, request, FailureCode::NoSlots,
                  "job " + spec->name + " needs " + std::to_string(spec->slots_needed()) +
                      " slots, and " + std::to_string(all_slots(free)) +
                      " are free: " + std::to_string(placement.missing) +
                      " are missing; start another supervisor, or submit it to wait for slots");
  }
  if (shutdown_until_ != Time::max()) {
    return refuse(peer, request, FailureCode::Unavailable, "the cluster is being shut down");
  }
  spec->id = spec->name + "-" + std::to_string(++last_number_);
  JobRecord record;
  record.spec = std::move(spec);
  Job& job = add_job(std::move(record), last_number_);
  apply(job, job.life.begin(clock().now()));
  answer_submitted(job, peer, request);
  place_waiting_jobs();
}

// Once the record is durable, and the job cannot be forgotten any more.
void ClusterCoordinator::answer_submitted(Job& job, const std::string& peer,
                                          std::uint64_t request) {
  wire::SubmittedT answer;
  answer.job = job.life.id();
  // A job that was found on disk has version 0 until something happens to it.
  const bool is_recorded = job.recorded != 0 || job.life.version() == 0;
  if (is_recorded) return send(peer, std::move(answer), request);
  job.waiting.push_back({job.life.version(), peer, request, control(std::move(answer))});
}

// --- Asking jobs ---------------------------------------------------------------------------------

absl::StatusOr<ClusterCoordinator::Job*> ClusterCoordinator::find_job(const std::string& wanted) {
  if (Job* job = job_of(wanted)) return job;
  Job* found = nullptr;
  std::vector<std::string> known;
  for (Job* job : order_) {
    known.push_back(job->life.id());
    if (std::find(known.begin(), known.end(), job->life.spec().name) == known.end()) {
      known.push_back(job->life.spec().name);
    }
    if (job->life.spec().name != wanted) continue;
    if (found == nullptr || is_ended(found->life.state()) || !is_ended(job->life.state())) {
      found = job;
    }
  }
  if (found != nullptr) return found;
  const std::string near = nearest_name(wanted, known);
  return absl::NotFoundError("there is no job " + wanted +
                             (near.empty() ? "" : "; did you mean " + near + "?"));
}

void ClusterCoordinator::request_of(const std::string& peer, std::uint64_t request,
                                    const std::string& job_name,
                                    const std::function<absl::StatusOr<life::Effects>(Job&)>& ask) {
  const absl::StatusOr<Job*> found = find_job(job_name);
  if (!found.ok()) return refuse(peer, request, found.status());
  Job& job = **found;
  absl::StatusOr<life::Effects> effects = ask(job);
  if (!effects.ok()) return refuse(peer, request, effects.status());
  apply(job, *std::move(effects));
  if (job.recorded >= job.life.version()) {
    send(peer, wire::DoneT{}, request);
  } else {
    job.waiting.push_back({job.life.version(), peer, request, control(wire::DoneT{})});
  }
  place_waiting_jobs();
}

absl::StatusOr<life::Effects> ClusterCoordinator::rescale(Job& job, const wire::RescaleJobT& ask) {
  const JobSpec& now = job.life.spec();
  if (ask.plan == nullptr || ask.parallelism == 0) {
    return absl::InvalidArgumentError("rescaling needs the program's plan at the new parallelism");
  }
  if (ask.plan->fingerprint != now.plan.fingerprint) {
    return absl::InvalidArgumentError("job " + now.id +
                                      " runs another topology than this program's");
  }
  if (ask.plan->max_parallelism != now.plan.max_parallelism) {
    return absl::InvalidArgumentError("the number of key groups of a job never changes");
  }
  for (const auto& chain : ask.plan->chains) {
    if (chain->parallelism == 0 || chain->parallelism > now.plan.max_parallelism) {
      return absl::InvalidArgumentError("parallelism " + std::to_string(chain->parallelism) +
                                        " is more than the " +
                                        std::to_string(now.plan.max_parallelism) + " key groups");
    }
  }
  auto next = std::make_shared<JobSpec>(now);
  next->plan = *ask.plan;
  next->parallelism = ask.parallelism;
  if (!ask.arguments.empty()) next->arguments = ask.arguments;
  return job.life.on_rescale(std::move(next), clock().now());
}

// --- Stopping, and what is kept ------------------------------------------------------------------

absl::StatusOr<life::Effects> ClusterCoordinator::stop(Job& job, const wire::StopJobT& ask) {
  if (!ask.savepoint_dir.empty()) {
    absl::Status can = state::check_savepoint_target(*options_.storage, ask.savepoint_dir);
    if (!can.ok()) return can;
  }
  return job.life.on_stop({.savepoint = ask.savepoint_dir, .drain = ask.drain}, clock().now());
}

// Without a folder: one beside the jobs' own.
void ClusterCoordinator::take_savepoint(const std::string& peer, std::uint64_t request,
                                        const wire::TakeSavepointT& ask) {
  const absl::StatusOr<Job*> found = find_job(ask.job);
  if (!found.ok()) return refuse(peer, request, found.status());
  Job& job = **found;
  const std::uint64_t ticket = ++last_ticket_;
  std::string dir = ask.dir;
  if (dir.empty())
    dir = folder_->dir() + "/savepoints/" + job.life.id() + "-" + wall_stamp(clock());
  absl::StatusOr<life::Effects> effects = job.life.on_savepoint(ticket, dir, clock().now());
  if (!effects.ok()) return refuse(peer, request, effects.status());
  savepoint_asks_[ticket] = {peer, request};
  apply(job, *std::move(effects));
}

// --- Looking -------------------------------------------------------------------------------------

void ClusterCoordinator::answer_jobs(const std::string& peer, std::uint64_t request,
                                     bool with_ended) {
  wire::JobsT answer;
  for (const Job* job : order_) {
    if (!with_ended && is_ended(job->life.state())) continue;
    answer.jobs.push_back(std::make_unique<wire::JobInfoT>(describe(*job)));
  }
  send(peer, std::move(answer), request);
}

void ClusterCoordinator::answer_events(const std::string& peer, std::uint64_t request,
                                       const wire::GetEventsT& ask) {
  const absl::StatusOr<Job*> job = find_job(ask.job);
  if (!job.ok()) return refuse(peer, request, job.status());
  wire::EventsT answer;
  answer.next = (*job)->last_line + 1;
  for (const HistoryLine& line : (*job)->history) {
    if (line.number < ask.from) continue;
    auto event = std::make_unique<wire::JobEventT>();
    event->time_us = line.time.count();
    event->kind = line.kind;
    event->text = line.text;
    answer.events.push_back(std::move(event));
  }
  send(peer, std::move(answer), request);
}

// Logs are at the supervisor; its answer goes back to whoever asked.
void ClusterCoordinator::forward_log(const std::string& peer, std::uint64_t request,
                                     wire::GetLogT ask) {
  const absl::StatusOr<Job*> found = find_job(ask.job);
  if (!found.ok()) return refuse(peer, request, found.status());
  const Job& job = **found;
  ask.job = job.life.id();
  if (ask.worker.empty() && !job.life.workers().empty()) ask.worker = job.life.workers()[0].name;
  if (ask.worker.empty() && !job.supervisor_of.empty()) {
    ask.worker = job.supervisor_of.rbegin()->first;
  }
  const auto at = job.supervisor_of.find(ask.worker);
  if (at == job.supervisor_of.end()) {
    return refuse(peer, request, FailureCode::NotFound,
                  ask.worker.empty() ? "job " + ask.job + " has had no worker yet"
                                     : "job " + ask.job + " has no worker " + ask.worker);
  }
  const auto supervisor = supervisors_.find(at->second);
  if (supervisor == supervisors_.end() || !supervisor->second.is_alive) {
    return refuse(peer, request, FailureCode::Unavailable,
                  "the log is at supervisor " + at->second + ", which does not answer");
  }
  if (forwarded_.size() > 1000) forwarded_.erase(forwarded_.begin());  // never answered
  forwarded_[++last_forwarded_] = {peer, request};
  send("s:" + at->second, std::move(ask), last_forwarded_);
}

}  // namespace weir::coordinator
