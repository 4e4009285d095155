#include "worker/worker.h"

#include <unistd.h>

#include <utility>

#include "control/snapshot_message.h"
#include "weir/coordinator/deployment.h"
#include "weir/coordinator/job_progress.h"
#include "weir/runtime/check.h"

namespace weir::coordinator {

using runtime::CheckpointId;
using runtime::MonotonicTime;
using runtime::PlanEdge;
using runtime::TaskId;

namespace {

constexpr const char* kCoordinator = "coordinator";

runtime::TaskCommand::Kind kind_of(wire::CommandKind kind) {
  using Kind = runtime::TaskCommand::Kind;
  switch (kind) {
    case wire::CommandKind::Checkpoint: return Kind::kCheckpoint;
    case wire::CommandKind::Commit: return Kind::kCommit;
    case wire::CommandKind::Abort: return Kind::kAbort;
    case wire::CommandKind::Cancel: return Kind::kCancel;
    case wire::CommandKind::Drain: return Kind::kDrain;
  }
  return Kind::kCancel;
}

}  // namespace

Worker::Worker(runtime::Plan plan, WorkerOptions options)
    : Actor(*options.clock),
      plan_(std::move(plan)),
      options_(std::move(options)),
      heartbeat_(options_.heartbeat),
      lease_(options_.lease) {}

Worker::~Worker() {
  control_.reset();  // before what its messages touch
  // Nor may a frame wake a task that is gone: its endpoint's thread tells a task of the end after
  // the task may have seen it.
  if (links_ != nullptr) links_->stop();
}

absl::Status Worker::start() {
  const WorkerIdentity& me = options_.identity;
  runtime::LinksOptions links;
  links.job = me.job;
  links.epoch = runtime::Epoch(me.epoch);
  links.name = me.worker;
  links.listen = options_.listen;
  absl::StatusOr<std::unique_ptr<runtime::Links>> opened = runtime::Links::open(
      links, *options_.transport, *options_.clock, *options_.executor, [this](absl::Status status) {
        // Whatever a link has lost, the next attempt reads again.
        post(LinkBroken{absl::UnavailableError(std::string(status.message()))});
      });
  if (!opened.ok()) return opened.status();
  links_ = *std::move(opened);
  absl::StatusOr<std::unique_ptr<runtime::Endpoint>> control =
      options_.transport->open({.name = "w:" + me.worker, .listen = ""}, *this);
  if (!control.ok()) return control.status();
  control_ = *std::move(control);
  absl::Status connected = control_->connect(kCoordinator, me.coordinator);
  if (!connected.ok()) return connected;
  heartbeat_at_ = clock().now();
  lease_until_ = clock().now() + lease_;
  options_.executor->add(*this);
  return absl::OkStatus();
}

// --- any thread ----------------------------------------------------------------------------------

void Worker::on_message(std::string_view peer, std::string_view head, std::string_view) {
  if (peer != kCoordinator) return;
  absl::StatusOr<wire::MessageT> message = decode_control(head);
  if (message.ok()) {
    post(ControlArrived{*std::move(message)});
  } else {
    post(LinkBroken{message.status()});
  }
}

// Tasks speak on their own threads; the actor passes it on.
void Worker::task_running(TaskId task) { post(TaskRunning{task}); }
void Worker::task_ended(TaskId task) { post(TaskEnded{task}); }
void Worker::task_committed(TaskId task, CheckpointId id) { post(TaskCommitted{task, id}); }
void Worker::task_failed(TaskId task, absl::Status status) {
  post(TaskFailed{task, std::move(status)});
}
void Worker::task_closed(TaskId task, absl::Status status) {
  post(TaskClosed{task, std::move(status)});
}
void Worker::snapshot_done(TaskId task, CheckpointId id,
                           absl::StatusOr<runtime::TaskSnapshot> snapshot) {
  post(SnapshotDone{task, id, std::move(snapshot)});
}

// --- the actor -----------------------------------------------------------------------------------

template <class BodyTable>
void Worker::tell(BodyTable body) {
  body.job = options_.identity.job;
  body.epoch = options_.identity.epoch;
  control_->send(kCoordinator, encode_control(control(std::move(body))));
}

void Worker::tell_task(TaskId task, wire::TaskEventKind kind, CheckpointId id,
                       const absl::Status& status) {
  wire::TaskEventT event;
  event.task = task.value;
  event.kind = kind;
  event.checkpoint = id.value;
  event.error_code = static_cast<std::int32_t>(status.code());
  event.error = std::string(status.message());
  ++told_;
  tell(std::move(event));
}

void Worker::handle(WorkerEvent event) {
  std::visit([this](auto& e) { perform(std::move(e)); }, event);
}

void Worker::tick(MonotonicTime now) {
  heartbeat_at_ = now + heartbeat_;
  if (!is_deployed_) {
    say_hello();  // again, since the coordinator may have been away
  } else {
    send_metrics();
  }
  if (!failure_.ok() && !is_closing_) tell_failure();
  wire::HeartbeatT beat;
  beat.sequence = ++last_beat_;
  beat.counted = told_;
  beats_.emplace(beat.sequence, now);
  control_->send(kCoordinator, encode_control(control(std::move(beat))));
}

// The lease counts from when the heartbeat was sent that is answered: an answer that lay in the
// socket while this process was paused is worth nothing.
void Worker::renew_lease(std::uint64_t sequence) {
  const auto sent = beats_.find(sequence);
  if (sent == beats_.end()) return;
  lease_until_ = std::max(lease_until_, sent->second + lease_);
  beats_.erase(beats_.begin(), std::next(sent));
  if (clock().now() > lease_until_) return;
  for (const wire::TaskCommandT& held : std::exchange(held_commits_, {})) command(held);
}

bool Worker::is_mine(const std::string& job, std::uint64_t epoch) const {
  return job == options_.identity.job && epoch == options_.identity.epoch;
}

void Worker::perform(ControlArrived arrived) {
  wire::BodyUnion& body = arrived.message.body;
  if (const wire::HeartbeatT* beat = body.AsHeartbeat()) {
    renew_lease(beat->sequence);
    if (beat->counted >= 0 && beat->counted != heard_) say_hello();  // a message was lost
    return;
  }
  if (body.AsDeploy() != nullptr || body.AsTaskCommand() != nullptr ||
      body.AsEndWorker() != nullptr || body.AsFenced() != nullptr) {
    ++heard_;
  }
  if (const wire::DeployT* deploy_to = body.AsDeploy()) {
    if (!is_mine(deploy_to->job, deploy_to->epoch)) return;
    if (!is_deployed_) return this->deploy(*deploy_to);
    if (deploy_to->drain) drain_spouts();
    tell_notes();
  } else if (const wire::TaskCommandT* ordered = body.AsTaskCommand()) {
    if (is_mine(ordered->job, ordered->epoch)) command(*ordered);
  } else if (const wire::WorkerWelcomeT* welcome = body.AsWorkerWelcome()) {
    heard_ = 0;
    if (welcome->heartbeat_us > 0) heartbeat_ = std::chrono::microseconds(welcome->heartbeat_us);
    if (welcome->lease_us > 0) lease_ = std::chrono::microseconds(welcome->lease_us);
  } else if (body.AsIntroduce() != nullptr) {
    say_hello();
  } else if (const wire::EndWorkerT* over = body.AsEndWorker()) {
    if (is_mine(over->job, over->epoch)) close_tasks();
  } else if (const wire::FencedT* fenced = body.AsFenced()) {
    if (is_mine(fenced->job, fenced->epoch)) {
      finish(absl::AbortedError("this attempt of the job has been replaced"));
    }
  }
}

void Worker::perform(LinkBroken broken) {
  if (is_closing_) return;
  if (failure_.ok()) failure_ = std::move(broken.status);
  tell_failure();
}

// Said again with every heartbeat: whoever coordinates by then may not have heard it.
void Worker::tell_failure() {
  ++told_;
  wire::WorkerFailedT failed;
  failed.worker = options_.identity.worker;
  failed.error_code = static_cast<std::int32_t>(failure_.code());
  failed.error = std::string(failure_.message());
  tell(std::move(failed));
}

void Worker::perform(const TaskRunning& running) {
  notes_[running.task].is_running = true;
  tell_task(running.task, wire::TaskEventKind::Running, CheckpointId(0), absl::OkStatus());
}

void Worker::perform(const TaskEnded& ended) {
  notes_[ended.task].has_ended = true;
  tell_task(ended.task, wire::TaskEventKind::Ended, CheckpointId(0), absl::OkStatus());
}

void Worker::perform(const TaskCommitted& committed) {
  notes_[committed.task].committed = committed.id;
  tell_task(committed.task, wire::TaskEventKind::Committed, committed.id, absl::OkStatus());
}

void Worker::perform(const TaskFailed& failed) {
  const absl::Status status(failed.status.code(), "task " + graph_->describe(failed.task) + ": " +
                                                      std::string(failed.status.message()));
  tell_task(failed.task, wire::TaskEventKind::Failed, CheckpointId(0), status);
  if (failure_.ok()) failure_ = status;
}

void Worker::perform(const TaskClosed& closed) {
  tell_task(closed.task, wire::TaskEventKind::Closed, CheckpointId(0), closed.status);
  if (open_tasks_ > 0) --open_tasks_;
  if (is_closing_ && open_tasks_ == 0) finish(absl::OkStatus());
}

void Worker::perform(const SnapshotDone& done) {
  wire::SnapshotDoneT message;
  message.task = done.task.value;
  message.checkpoint = done.id.value;
  message.error_code = static_cast<std::int32_t>(done.snapshot.status().code());
  message.error = std::string(done.snapshot.status().message());
  if (done.snapshot.ok()) {
    message.snapshot = std::make_unique<wire::TaskSnapshotT>(to_wire(*done.snapshot));
  }
  ++told_;
  tell(std::move(message));
}

// To a coordinator that was restarted: everything that it would know otherwise.
void Worker::tell_notes() {
  for (const auto& [task, note] : notes_) {
    if (note.is_running) {
      tell_task(task, wire::TaskEventKind::Running, CheckpointId(0), absl::OkStatus());
    }
    if (note.has_ended) {
      tell_task(task, wire::TaskEventKind::Ended, CheckpointId(0), absl::OkStatus());
    }
    if (note.committed != CheckpointId(0)) {
      tell_task(task, wire::TaskEventKind::Committed, note.committed, absl::OkStatus());
    }
  }
}

void Worker::say_hello() {
  wire::WorkerHelloT hello;
  hello.worker = options_.identity.worker;
  hello.pid = getpid();
  hello.data_address = links_->address();
  hello.plan_fingerprint = plan_.fingerprint();
  told_ = 0;
  tell(std::move(hello));
}

void Worker::deploy(const wire::DeployT& deploy) {
  is_deployed_ = true;
  absl::Status built = build(deploy);
  if (built.ok()) built = links_->start();
  if (!built.ok()) {
    perform(LinkBroken{built});
    return;
  }
  open_tasks_ = graph_->size();
  for (const DeployedTask& task : graph_->deployment().tasks) {
    if (!graph_->is_here(task.id)) continue;
    if (is_complete_) {
      // An earlier attempt has read all input; sinks are told once more what is committed, and
      // tasks end before they read anything.
      graph_->task(task.id).post(
          {runtime::TaskCommand::Kind::kCommit, CheckpointId(deploy.restored_checkpoint)});
      graph_->task(task.id).post({runtime::TaskCommand::Kind::kCancel});
    }
    if (deploy.drain && task.is_spout) {
      graph_->task(task.id).post({runtime::TaskCommand::Kind::kDrain});
    }
    options_.executor->add(graph_->task(task.id));
  }
}

// A command to drain may have been lost; the Deploy that follows says it again.
void Worker::drain_spouts() {
  if (graph_ == nullptr) return;
  for (const DeployedTask& task : graph_->deployment().tasks) {
    if (!graph_->is_here(task.id) || !task.is_spout) continue;
    graph_->task(task.id).post({runtime::TaskCommand::Kind::kDrain});
  }
}

// Whether what the coordinator wants fits this program.
absl::Status Worker::check_deployment(const Deployment& deployment,
                                      const wire::DeployT& deploy) const {
  if (deploy.worker_of_task.size() != deployment.tasks.size()) {
    return absl::FailedPreconditionError(
        "the coordinator deploys " + std::to_string(deploy.worker_of_task.size()) +
        " tasks, this program has " + std::to_string(deployment.tasks.size()) +
        ": its plan is not the one that was submitted");
  }
  for (const std::uint32_t worker : deploy.worker_of_task) {
    if (worker >= deploy.workers.size()) {
      return absl::InvalidArgumentError(
          "the coordinator deploys to a worker that it does not name");
    }
  }
  return absl::OkStatus();
}

absl::Status Worker::restore_into(TaskGraph::Options& options, const wire::DeployT& deploy) {
  options.epoch = runtime::Epoch(options_.identity.epoch);
  options.restored_checkpoint = CheckpointId(deploy.restored_checkpoint);
  files_ = std::make_unique<state::CheckpointFiles>(*options_.storage, deploy.state_dir,
                                                    options.epoch, options_.identity.work_dir);
  rows_.emplace(*files_, options_.job.state_backend);
  options.make_row_store = [this](const std::string& uid, const DeployedTask& task) {
    return rows_->make(uid, task);
  };
  if (deploy.restored_checkpoint == 0) return absl::OkStatus();
  absl::StatusOr<state::Manifest> manifest = files_->read_manifest(options.restored_checkpoint);
  if (!manifest.ok()) return manifest.status();
  options.restored = std::move(manifest->tasks);
  is_complete_ = manifest->final;
  return absl::OkStatus();
}

// Channels whose other end is at another worker become ends of links.
absl::Status Worker::link_into(TaskGraph::Options& options, const wire::DeployT& deploy,
                               const Deployment& deployment) {
  for (const auto& peer : deploy.workers) {
    if (peer->worker != options_.identity.worker) links_->add_peer(peer->worker, peer->address);
  }
  const auto worker_of = [&deploy](TaskId task) {
    return deploy.workers[deploy.worker_of_task[task.value]]->worker;
  };
  for (const DeployedTask& task : deployment.tasks) {
    options.is_here.push_back(worker_of(task.id) == options_.identity.worker);
  }
  std::size_t channels_between = 0;
  for (const DeployedChannel& channel : deployment.channels) {
    const PlanEdge& edge = plan_.edges[channel.edge];
    if (worker_of(channel.from) == worker_of(channel.to)) continue;
    ++channels_between;
    if (edge.type->is_encodable()) continue;
    return absl::FailedPreconditionError("the records between '" + plan_.chains[edge.from].uid +
                                         "' and '" + plan_.chains[edge.to].uid +
                                         "' have no binary form, so they cannot travel between "
                                         "workers: describe their type with WEIR_RECORD");
  }
  const std::size_t window =
      window_between_workers(options.channel_bytes, channels_between, deploy.workers.size());
  const auto batch_size = [this, size = options.batch_size](const PlanEdge& edge) {
    return batch_size_of(plan_, edge, size, Reach::kBetweenWorkers);
  };
  options.make_sender = [this, worker_of, batch_size, window, channels = deployment.channels](
                            std::uint32_t c, runtime::Wakeable& producer) -> runtime::OutChannel& {
    const PlanEdge& edge = plan_.edges[channels[c].edge];
    return links_->add_sender(worker_of(channels[c].to), runtime::ChannelId(c), *edge.type,
                              batch_size(edge), window, producer);
  };
  options.make_receiver = [this, worker_of, batch_size, window, channels = deployment.channels](
                              std::uint32_t c, runtime::Wakeable& consumer) -> runtime::InChannel& {
    const PlanEdge& edge = plan_.edges[channels[c].edge];
    return links_->add_receiver(worker_of(channels[c].from), runtime::ChannelId(c), *edge.type,
                                batch_size(edge), window, consumer);
  };
  return absl::OkStatus();
}

absl::Status Worker::build(const wire::DeployT& deploy) {
  Deployment deployment = make_deployment(plan_);
  absl::Status status = check_deployment(deployment, deploy);
  TaskGraph::Options options;
  options.job = options_.identity.job_name;
  options.batch_size = options_.job.batch_size;
  options.channel_bytes = options_.job.channel_bytes;
  options.memory_budget = options_.job.memory_budget;
  options.linger = options_.job.linger;
  options.storage = options_.storage;
  options.clock = options_.clock;
  options.executor = options_.executor;
  options.events = this;
  if (status.ok()) status = restore_into(options, deploy);
  if (status.ok()) status = link_into(options, deploy, deployment);
  if (!status.ok()) return status;
  absl::StatusOr<std::unique_ptr<TaskGraph>> graph =
      TaskGraph::build(plan_, std::move(deployment), std::move(options));
  if (!graph.ok()) return graph.status();
  graph_ = *std::move(graph);
  return absl::OkStatus();
}

void Worker::command(const wire::TaskCommandT& ordered) {
  if (graph_ == nullptr) return;
  const TaskId task(ordered.task);
  if (ordered.task >= graph_->deployment().tasks.size() || !graph_->is_here(task)) return;
  if (ordered.kind == wire::CommandKind::Commit && clock().now() > lease_until_) {
    held_commits_.push_back(ordered);
    return;
  }
  graph_->task(task).post({kind_of(ordered.kind), CheckpointId(ordered.checkpoint)});
}

void Worker::send_metrics() {
  if (graph_ == nullptr) return;
  JobProgress progress;
  read_metrics(*graph_, progress);
  wire::WorkerMetricsT metrics;
  metrics.worker = options_.identity.worker;
  for (const OperatorProgress& op : progress.operators) {
    auto info = std::make_unique<wire::OperatorInfoT>();
    info->uid = op.uid;
    info->kind = op.kind;
    info->detail = op.detail;
    info->is_spout = op.is_spout;
    info->is_sink = op.is_sink;
    info->records_in = op.records_in;
    info->records_out = op.records_out;
    info->late = op.late;
    info->bad = op.bad;
    info->largest_time_us = op.largest_time.micros();
    metrics.operators.push_back(std::move(info));
  }
  for (const TaskProgress& task : progress.tasks) {
    auto info = std::make_unique<wire::TaskInfoT>();
    info->task = task.id.value;
    info->name = task.name;
    info->worker = options_.identity.worker;
    info->watermark_us = task.watermark.micros();
    info->blocking = runtime::blocking_reason_name(task.blocking);
    info->state_bytes = task.state_bytes;
    info->held_by = task.held_by;
    metrics.tasks.push_back(std::move(info));
  }
  tell(std::move(metrics));
}

void Worker::close_tasks() {
  if (is_closing_) return;
  is_closing_ = true;
  send_metrics();
  if (graph_ == nullptr || open_tasks_ == 0) return finish(absl::OkStatus());
  for (const DeployedTask& task : graph_->deployment().tasks) {
    if (graph_->is_here(task.id)) {
      graph_->task(task.id).post({runtime::TaskCommand::Kind::kCancel});
    }
  }
}

void Worker::finish(absl::Status status) {
  if (is_over()) return;
  result_ = std::move(status);
  is_done_.store(true);
  end();
  options_.executor->notify();
}

}  // namespace weir::coordinator
