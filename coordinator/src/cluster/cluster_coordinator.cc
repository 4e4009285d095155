#include "cluster/cluster_coordinator.h"

#include <algorithm>
#include <utility>

#include "weir/runtime/check.h"

namespace weir::coordinator {

namespace {

// How long supervisors have to say that their workers have ended.
constexpr runtime::MonotonicTime kShutdownPatience = std::chrono::seconds(5);

}  // namespace

absl::StatusOr<std::unique_ptr<ClusterCoordinator>> ClusterCoordinator::start(
    ClusterCoordinatorOptions options) {
  if (options.dir.empty() || options.dir.front() != '/') {
    return absl::InvalidArgumentError("the coordinator's folder must be an absolute path, not '" +
                                      options.dir + "'");
  }
  absl::StatusOr<std::unique_ptr<ClusterFolder>> folder =
      ClusterFolder::open(*options.storage, options.dir);
  if (!folder.ok()) return folder.status();
  absl::StatusOr<ClusterFolder::Found> found = (*folder)->load();
  if (!found.ok()) return found.status();
  std::unique_ptr<ClusterCoordinator> coordinator(
      new ClusterCoordinator(std::move(options), *std::move(folder)));
  const ClusterCoordinatorOptions& own = coordinator->options_;
  absl::StatusOr<std::unique_ptr<runtime::Endpoint>> endpoint =
      own.transport->open({.name = "coordinator", .listen = own.listen}, *coordinator);
  if (!endpoint.ok()) return endpoint.status();
  coordinator->endpoint_ = *std::move(endpoint);
  coordinator->take_over(*std::move(found));
  own.executor->add(*coordinator);
  return coordinator;
}

ClusterCoordinator::ClusterCoordinator(ClusterCoordinatorOptions options,
                                       std::unique_ptr<ClusterFolder> folder)
    : Actor(*options.clock),
      options_(std::move(options)),
      folder_(std::move(folder)),
      ran_at_(options_.clock->now()) {}

ClusterCoordinator::~ClusterCoordinator() {
  endpoint_.reset();  // before what its messages touch
}

ClusterCoordinator::Job& ClusterCoordinator::add_job(JobRecord record, std::uint64_t seed) {
  const std::string id = record.spec->id;
  JobLife::Options options = options_.job;
  options.seed += seed;
  auto job = std::make_unique<Job>(JobLife(std::move(record), options));
  job->files = std::make_shared<JobFiles>(*options_.storage, *options_.clock, folder_->job_dir(id));
  order_.push_back(job.get());
  return *jobs_.emplace(id, std::move(job)).first->second;
}

// Goes on where the coordinator before this one has stopped.
void ClusterCoordinator::take_over(ClusterFolder::Found found) {
  last_number_ = found.last_number;
  for (const std::string& damage : found.damaged) options_.say(damage);
  const Time now = clock().now();
  for (JobRecord& record : found.jobs) {
    const std::vector<WorkerRecord> workers = record.workers;
    const std::chrono::microseconds ended = record.ended;
    std::string figures = std::move(record.figures);
    Job& job = add_job(std::move(record), static_cast<std::uint64_t>(now.count()));
    job.ended = ended;
    job.figures = std::move(figures);
    for (HistoryLine& line : job.files->read_history()) job.history.push_back(std::move(line));
    job.files->close_history();  // with the next line it is read again
    if (!job.history.empty()) job.last_line = job.history.back().number;
    // Nobody knows when they were last answered: their leases may have just begun.
    for (const WorkerRecord& worker : workers) {
      links_.emplace(worker.worker, WorkerLink{Lease(options_.lease, now)});
      supervisors_.emplace(worker.supervisor, Supervisor{"", 0, 0, Lease(options_.lease, now)});
      job.supervisor_of[worker.worker] = worker.supervisor;
    }
    apply(job, job.life.begin(now));
  }
}

void ClusterCoordinator::on_message(std::string_view peer, std::string_view head,
                                    std::string_view) {
  post({ClusterEvent::Arrived{std::string(peer), decode_control(head)}});
}

void ClusterCoordinator::handle(ClusterEvent event) {
  std::visit([this](auto& what) { perform(std::move(what)); }, event.what);
}

void ClusterCoordinator::perform(ClusterEvent::Arrived arrived) {
  if (!arrived.message.ok()) {
    options_.say(arrived.peer + ": " + std::string(arrived.message.status().message()));
    const bool is_other_version = absl::IsFailedPrecondition(arrived.message.status());
    if (is_other_version) {
      refuse(arrived.peer, 0, wire::FailureCode::Other,
             std::string(arrived.message.status().message()));
    }
    return;
  }
  const bool is_member = arrived.peer.starts_with("s:") || arrived.peer.starts_with("w:");
  if (is_member) {
    hear_peer(arrived.peer, *arrived.message);
  } else {
    hear_client(arrived.peer, *arrived.message);
  }
}

void ClusterCoordinator::perform(ClusterEvent::Opened opened) {
  if (Job* job = job_of(opened.job)) {
    apply(*job, job->life.on_opened(opened.ticket, std::move(opened.opened), clock().now()));
  }
}

void ClusterCoordinator::perform(ClusterEvent::IdReady ready) {
  if (Job* job = job_of(ready.job)) {
    apply(*job, job->life.on_id(ready.epoch, std::move(ready.id), clock().now()));
  }
}

void ClusterCoordinator::perform(ClusterEvent::ManifestDone done) {
  if (Job* job = job_of(done.job)) {
    apply(*job, job->life.on_manifest(done.epoch, done.id, done.completed.status,
                                      done.completed.in_doubt, clock().now()));
  }
}

void ClusterCoordinator::perform(ClusterEvent::Recorded recorded) {
  Job* job = job_of(recorded.job);
  if (job == nullptr) return;
  if (recorded.status.ok()) {
    job->recorded = std::max(job->recorded, recorded.version);
  } else {
    options_.say("job " + recorded.job + ": " + std::string(recorded.status.message()));
    job->record_again_at = clock().now() + options_.job.repeat;
  }
  answer_recorded(*job, recorded.status);
  apply(*job, job->life.on_recorded(recorded.version, recorded.status, clock().now()));
}

void ClusterCoordinator::perform(ClusterEvent::SavepointKept kept) {
  if (Job* job = job_of(kept.job)) {
    apply(*job, job->life.on_savepoint_kept(kept.ticket, std::move(kept.kept), clock().now()));
    place_waiting_jobs();
  }
}

void ClusterCoordinator::perform(ClusterEvent::Submitted submitted) { submit(submitted); }

void ClusterCoordinator::perform(ClusterEvent::Answer answer) {
  wire::MessageT message;
  message.request = answer.request;
  message.body = std::move(*answer.body);
  endpoint_->send(answer.peer, encode_control(std::move(message)));
}

// --- Time ----------------------------------------------------------------------------------------

void ClusterCoordinator::tick(Time now) {
  // A pause of this process says nothing about others: what they have sent is still on its way.
  const Time gap = now - ran_at_;
  if (gap > 2 * options_.heartbeat) forgive(gap - options_.heartbeat);
  ran_at_ = now;
  judge_leases(now);
  for (Job* job : order_) {
    if (now >= job->life.next_tick()) apply(*job, job->life.on_tick(now));
    if (now >= job->record_again_at) {
      job->record_again_at = Time::max();
      record(*job, job->life.version());
    }
  }
  place_waiting_jobs();
  end_if_shut_down(now);
}

runtime::MonotonicTime ClusterCoordinator::next_tick() const {
  Time next = ran_at_ + options_.heartbeat;
  for (const Job* job : order_) {
    next = std::min({next, job->life.next_tick(), job->record_again_at});
  }
  return next;
}

void ClusterCoordinator::forgive(Time gap) {
  for (auto& [name, supervisor] : supervisors_) supervisor.lease.forgive(gap);
  for (auto& [name, link] : links_) link.lease.forgive(gap);
}

// A worker that is silent for its whole lease has stopped to commit, and so fails its attempt; if
// its supervisor is silent as well, nobody can say more: then it counts as gone.
void ClusterCoordinator::judge_leases(Time now) {
  for (auto& [name, supervisor] : supervisors_) {
    if (supervisor.is_alive && supervisor.lease.judge(now) == Liveness::kDead) {
      supervisor.is_alive = false;
      options_.say("supervisor " + name + " is silent: its slots are not used any more");
    }
  }
  std::erase_if(links_,
                [this](const auto& entry) { return job_of_worker(entry.first) == nullptr; });
  for (Job* job : order_) {
    const std::vector<JobLife::Worker> workers = job->life.workers();
    for (const JobLife::Worker& worker : workers) {
      if (worker.is_gone() || worker.stage == JobLife::Worker::Stage::kPlanned) continue;
      const auto link = links_.find(worker.name);
      const bool is_silent =
          link == links_.end() || link->second.lease.judge(now) == Liveness::kDead;
      if (is_silent && link != links_.end()) {
        apply(*job,
              job->life.on_worker_failed(job->life.epoch(),
                                         absl::UnavailableError("worker " + worker.name + " on " +
                                                                worker.supervisor + " is silent"),
                                         now));
      }
      const auto supervisor = supervisors_.find(worker.supervisor);
      const bool is_alone = supervisor == supervisors_.end() ||
                            supervisor->second.lease.judge(now) == Liveness::kDead;
      if (is_silent && is_alone) {
        apply(*job, job->life.on_worker_gone(worker.name, "the supervisor is silent too", now));
      }
    }
  }
}

std::vector<FreeSlots> ClusterCoordinator::free_slots() const {
  std::map<std::string, std::uint32_t> held;
  for (const Job* job : order_) {
    for (const PlacedWorker& worker : job->life.held_slots()) {
      held[worker.supervisor] += worker.slots;
    }
  }
  std::vector<FreeSlots> free;
  for (const auto& [name, supervisor] : supervisors_) {
    if (!supervisor.is_alive) continue;
    const std::uint32_t used = held[name];
    free.push_back({name, supervisor.slots > used ? supervisor.slots - used : 0});
  }
  return free;
}

void ClusterCoordinator::place_waiting_jobs() {
  if (shutdown_until_ != Time::max()) return;
  for (Job* job : order_) {
    if (!job->life.wants_slots()) continue;
    const Placement placement =
        place(job->life.spec().slots_needed(), free_slots(), options_.placement);
    job->slots_missing = placement.missing;
    if (placement.missing == 0) apply(*job, job->life.on_slots(placement.workers, clock().now()));
  }
}

void ClusterCoordinator::end_if_shut_down(Time now) {
  if (shutdown_until_ == Time::max()) return;
  const bool all_gone = std::all_of(order_.begin(), order_.end(), [](const Job* job) {
    return job->life.workers().empty() && job->recorded >= job->life.version();
  });
  const bool has_patience = now < shutdown_until_;
  if (!all_gone && has_patience) return;
  options_.say(all_gone ? "all workers have ended, and so does the coordinator"
                        : "the coordinator ends, although not all workers have said that they do");
  end();
  is_done_.store(true);
  options_.executor->notify();
}

void ClusterCoordinator::shut_down() {
  if (shutdown_until_ != Time::max()) return;
  shutdown_until_ = clock().now() + kShutdownPatience;
  for (Job* job : order_) apply(*job, job->life.on_shutdown(clock().now()));
  for (auto& [name, supervisor] : supervisors_) {
    send("s:" + name, wire::ShutdownSupervisorT{});
  }
}

}  // namespace weir::coordinator
