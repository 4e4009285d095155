// Supervisors and workers: what they say, and what they are answered.
#include <algorithm>
#include <utility>

#include "cluster/cluster_coordinator.h"
#include "control/snapshot_message.h"
#include "safe_name.h"

namespace weir::coordinator {

using runtime::CheckpointId;
using runtime::TaskId;

namespace {

// A part of a program; small enough that heartbeats are not held up behind it.
constexpr std::uint64_t kProgramPart = 1u << 20;

absl::Status status_of(std::int32_t code, const std::string& text) {
  if (code == 0) return absl::OkStatus();
  return absl::Status(static_cast<absl::StatusCode>(code), text);
}

std::string end_of(const wire::WorkerExitedT& exited) {
  std::string text = exited.reason;
  if (!exited.log_tail.empty()) text += "; its last lines:\n" + exited.log_tail;
  return text;
}

// Of a message of the attempt under way.
template <class Body>
bool is_of(const JobLife& life, const Body& body) {
  return body.job == life.id() && body.epoch == life.epoch();
}

}  // namespace

ClusterCoordinator::Job* ClusterCoordinator::job_of(const std::string& id) {
  const auto it = jobs_.find(id);
  return it == jobs_.end() ? nullptr : it->second.get();
}

ClusterCoordinator::Job* ClusterCoordinator::job_of_worker(const std::string& worker) {
  for (Job* job : order_) {
    const JobLife::Worker* found = job->life.worker(worker);
    if (found != nullptr && !found->is_gone()) return job;
  }
  return nullptr;
}

void ClusterCoordinator::hear_peer(const std::string& peer, wire::MessageT& message) {
  if (peer.starts_with("s:")) {
    hear_supervisor(peer.substr(2), message);
  } else {
    hear_worker(peer.substr(2), message);
  }
}

// --- Supervisors ---------------------------------------------------------------------------------

void ClusterCoordinator::hear_supervisor(const std::string& name, wire::MessageT& message) {
  wire::BodyUnion& body = message.body;
  if (const auto* hello = body.AsSupervisorHello()) return hear(name, *hello);
  const auto known = supervisors_.find(name);
  if (known == supervisors_.end() || !known->second.is_alive) {
    // Restarted, or taken for dead: it introduces itself before anything it says counts. That
    // workers have ended is true in any case.
    if (const auto* exited = body.AsWorkerExited()) hear(*exited);
    send("s:" + name, wire::IntroduceT{});
    return;
  }
  if (const auto* beat = body.AsHeartbeat()) {
    known->second.lease.renew(clock().now());
    wire::HeartbeatT answer;
    answer.sequence = beat->sequence;
    send("s:" + name, answer);
  } else if (const auto* exited = body.AsWorkerExited()) {
    hear(*exited);
  } else if (const auto* started = body.AsWorkerStarted()) {
    Job* job = job_of(started->job);
    if (job != nullptr) {
      apply(*job, job->life.on_worker_started(started->epoch, started->worker, started->pid));
    }
  } else if (const auto* fetch = body.AsFetchProgram()) {
    send_program_part("s:" + name, *fetch, message.request);
  } else if (body.AsLogPart() != nullptr || body.AsFailure() != nullptr) {
    const auto question = forwarded_.find(message.request);
    if (question == forwarded_.end()) return;
    message.request = question->second.request;
    endpoint_->send(question->second.peer, encode_control(std::move(message)));
    forwarded_.erase(question);
  }
}

void ClusterCoordinator::hear(const std::string& name, const wire::SupervisorHelloT& hello) {
  if (!is_safe_name(name) || hello.slots == 0 || hello.slots > 100'000) {
    return refuse("s:" + name, 0, wire::FailureCode::Invalid,
                  "a supervisor needs a name of letters, digits, '-', '_' and '.', and slots");
  }
  const runtime::MonotonicTime now = clock().now();
  const auto [it, is_new] =
      supervisors_.try_emplace(name, Supervisor{"", 0, 0, Lease(options_.lease, now)});
  Supervisor& supervisor = it->second;
  if (supervisor.is_alive && supervisor.pid != hello.pid && supervisor.host != hello.host) {
    return refuse("s:" + name, 0, wire::FailureCode::AlreadyExists,
                  "there is a supervisor " + name + " on " + supervisor.host +
                      " already; give this one another name");
  }
  if (!supervisor.is_alive) {
    options_.say("supervisor " + name + " on " + hello.host + " with " +
                 std::to_string(hello.slots) + " slots");
  }
  supervisor.host = hello.host;
  supervisor.slots = hello.slots;
  supervisor.pid = hello.pid;
  supervisor.lease = Lease(options_.lease, now);
  supervisor.is_alive = true;
  wire::SupervisorWelcomeT welcome;
  welcome.heartbeat_us =
      std::chrono::duration_cast<std::chrono::microseconds>(options_.heartbeat).count();
  welcome.dead_after_us =
      std::chrono::duration_cast<std::chrono::microseconds>(options_.lease.dead_after).count();
  send("s:" + name, welcome);
  if (shutdown_until_ != Time::max()) send("s:" + name, wire::ShutdownSupervisorT{});
  check_workers(name, hello);
  place_waiting_jobs();
}

// What a supervisor lists is the truth about its workers.
void ClusterCoordinator::check_workers(const std::string& supervisor,
                                       const wire::SupervisorHelloT& hello) {
  std::set<std::string> listed;
  for (const auto& ref : hello.workers) {
    listed.insert(ref->worker);
    Job* job = job_of(ref->job);
    if (job != nullptr && job->life.is_current(ref->worker)) {
      apply(*job, job->life.on_worker_started(ref->epoch, ref->worker, ref->pid));
      continue;
    }
    wire::StopWorkerT stop;
    stop.job = ref->job;
    stop.epoch = ref->epoch;
    stop.worker = ref->worker;
    send("s:" + supervisor, std::move(stop));
  }
  for (Job* job : order_) {
    const std::vector<JobLife::Worker> workers = job->life.workers();
    for (const JobLife::Worker& worker : workers) {
      const bool is_missing = worker.supervisor == supervisor && !worker.is_gone() &&
                              worker.stage != JobLife::Worker::Stage::kPlanned &&
                              listed.count(worker.name) == 0;
      if (!is_missing) continue;
      if (job->life.phase() == JobLife::Phase::kStarting &&
          worker.stage == JobLife::Worker::Stage::kAsked) {
        // The order was lost, or is still on its way. Asking twice does no harm.
        perform(*job, life::StartWorker{worker.name, worker.supervisor, worker.slots});
        continue;
      }
      perform(*job, life::StopWorker{worker.name, worker.supervisor});  // nor may it start later
      apply(*job, job->life.on_worker_gone(worker.name, "is not at its supervisor any more",
                                           clock().now()));
    }
  }
}

void ClusterCoordinator::hear(const wire::WorkerExitedT& exited) {
  Job* job = job_of(exited.job);
  if (job == nullptr || exited.epoch != job->life.epoch()) return;
  apply(*job, job->life.on_worker_gone(exited.worker, end_of(exited), clock().now()));
  place_waiting_jobs();
}

void ClusterCoordinator::send_program_part(const std::string& peer, const wire::FetchProgramT& ask,
                                           std::uint64_t request) {
  options_.executor->submit_io([this, peer, sha256 = ask.sha256, offset = ask.offset, request] {
    const absl::StatusOr<Programs::Part> read =
        options_.programs->read(sha256, offset, kProgramPart);
    wire::ProgramPartT part;
    part.sha256 = sha256;
    part.offset = offset;
    if (read.ok()) {
      part.total = read->total;
      part.bytes.assign(read->bytes.begin(), read->bytes.end());
    }
    auto body = std::make_shared<wire::BodyUnion>();
    body->Set(std::move(part));
    post({ClusterEvent::Answer{peer, request, std::move(body)}});
  });
}

// --- Workers -------------------------------------------------------------------------------------

void ClusterCoordinator::hear_worker(const std::string& name, wire::MessageT& message) {
  wire::BodyUnion& body = message.body;
  if (const auto* hello = body.AsWorkerHello()) return hear(name, *hello);
  if (const auto* beat = body.AsHeartbeat()) return hear(name, *beat);
  Job* job = job_of_worker(name);
  if (job != nullptr && job->life.is_current(name)) hear_current(*job, name, body);
}

void ClusterCoordinator::hear(const std::string& name, const wire::WorkerHelloT& hello) {
  Job* job = job_of(hello.job);
  if (job == nullptr || hello.worker != name || hello.epoch != job->life.epoch() ||
      !job->life.is_current(name)) {
    wire::FencedT fenced;
    fenced.job = hello.job;
    fenced.epoch = hello.epoch;
    return send("w:" + name, std::move(fenced));
  }
  const runtime::MonotonicTime now = clock().now();
  WorkerLink& link = links_.try_emplace(name, WorkerLink{Lease(options_.lease, now)}).first->second;
  link.lease.renew(now);
  link.sent = link.received = 0;
  wire::WorkerWelcomeT welcome;
  welcome.job = hello.job;
  welcome.epoch = hello.epoch;
  welcome.heartbeat_us =
      std::chrono::duration_cast<std::chrono::microseconds>(options_.heartbeat).count();
  welcome.lease_us =
      std::chrono::duration_cast<std::chrono::microseconds>(options_.lease.dead_after).count();
  send("w:" + name, std::move(welcome));
  apply(*job, job->life.on_worker_hello(hello.epoch, name, hello.pid, hello.data_address,
                                        hello.plan_fingerprint, now));
}

void ClusterCoordinator::hear(const std::string& name, const wire::HeartbeatT& beat) {
  Job* job = job_of_worker(name);
  if (job == nullptr) return send("w:" + name, wire::IntroduceT{});  // its Hello decides
  if (!job->life.is_current(name)) {
    perform(*job, life::FenceWorker{name});
    return;
  }
  const auto link = links_.find(name);
  if (link != links_.end()) link->second.lease.renew(clock().now());
  if (link == links_.end() || job->life.worker(name)->stage != JobLife::Worker::Stage::kReady) {
    return send("w:" + name, wire::IntroduceT{});  // from before this coordinator was started
  }
  const bool was_lost = beat.counted >= 0 && beat.counted != link->second.received;
  if (was_lost) send("w:" + name, wire::IntroduceT{});
  wire::HeartbeatT answer;
  answer.sequence = beat.sequence;
  answer.counted = link->second.sent;
  send("w:" + name, answer);
}

void ClusterCoordinator::hear_current(Job& job, const std::string& name, wire::BodyUnion& body) {
  JobLife& life = job.life;
  const runtime::MonotonicTime now = clock().now();
  // Only of its own tasks a worker may speak.
  const auto is_own = [&](std::uint32_t task) {
    const std::vector<std::uint32_t>& worker_of = life.worker_of_task();
    return task < worker_of.size() && life.workers()[worker_of[task]].name == name;
  };
  if (body.AsWorkerMetrics() == nullptr) {
    if (const auto link = links_.find(name); link != links_.end()) ++link->second.received;
  }
  if (const auto* event = body.AsTaskEvent()) {
    if (!is_of(life, *event) || !is_own(event->task)) return;
    apply(job, life.on_task_event(event->epoch, TaskId(event->task), event->kind,
                                  CheckpointId(event->checkpoint),
                                  status_of(event->error_code, event->error), now));
  } else if (const auto* done = body.AsSnapshotDone()) {
    if (!is_of(life, *done) || !is_own(done->task)) return;
    absl::StatusOr<runtime::TaskSnapshot> snapshot(
        absl::InternalError("a snapshot without content"));
    if (done->error_code != 0) {
      snapshot = status_of(done->error_code, done->error);
    } else if (done->snapshot != nullptr) {
      snapshot = from_wire(*done->snapshot);
    }
    apply(job, life.on_snapshot(done->epoch, TaskId(done->task), CheckpointId(done->checkpoint),
                                std::move(snapshot), now));
  } else if (const auto* failed = body.AsWorkerFailed()) {
    if (!is_of(life, *failed)) return;
    const absl::Status why = status_of(failed->error_code == 0 ? 2 : failed->error_code,
                                       "worker " + name + ": " + failed->error);
    apply(job, life.on_worker_failed(failed->epoch, why, now));
  } else if (auto* metrics = body.AsWorkerMetrics()) {
    if (is_of(life, *metrics)) job.metrics[name] = std::move(*metrics);
  }
}

}  // namespace weir::coordinator
