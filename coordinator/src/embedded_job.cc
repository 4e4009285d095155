#include "weir/coordinator/embedded_job.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "event_queue.h"
#include "job_setup.h"
#include "job_store.h"
#include "termination_signals.h"
#include "weir/coordinator/checkpoint_coordinator.h"
#include "weir/coordinator/task_graph.h"

namespace weir::coordinator {

using runtime::CheckpointId;
using runtime::MonotonicTime;
using runtime::TaskCommand;
using runtime::TaskId;

namespace {

// How long a signal may wait until the loop looks.
constexpr MonotonicTime kSignalPoll = std::chrono::milliseconds(100);

}  // namespace

void JobControl::attach(runtime::Executor* executor) {
  runtime::MutexLock lock(mutex_);
  executor_ = executor;
}

void JobControl::stop() {
  stop_.store(true);
  runtime::MutexLock lock(mutex_);
  if (executor_ != nullptr) executor_->notify();
}

// One run of a plan: owns everything that runs, and the loop that decides.
class EmbeddedJob {
 public:
  EmbeddedJob(const runtime::Plan& plan, const JobOptions& options)
      : plan_(plan),
        options_(options),
        clock_(options.manual_clock != nullptr ? *options.manual_clock : *options.clock),
        executor_(make_executor(options, clock_)),
        queue_(*executor_) {}

  ~EmbeddedJob() {
    if (options_.control != nullptr) options_.control->attach(nullptr);
    executor_->stop();  // before the tasks die
  }

  JobResult run();

 private:
  absl::Status prepare();
  void commit_again();
  void loop();
  void close_tasks();
  MonotonicTime next_deadline() const;
  bool is_stuck(MonotonicTime deadline) const;

  void handle(JobEvent event);
  void apply(Effects effects);
  void perform(RequestId);
  void perform(SendCommand send) { graph_->task(send.task).post(send.command); }
  void perform(WriteManifest write);
  void perform(CheckpointEnded ended);
  void perform(JobOver over);
  void fail(absl::Status status);
  void end(JobResult::Outcome outcome, absl::Status status);
  void stop_if_asked();
  void report(MonotonicTime now);
  void update_progress(MonotonicTime now);

  const runtime::Plan& plan_;
  const JobOptions& options_;
  runtime::Clock& clock_;
  std::unique_ptr<runtime::Executor> executor_;
  EventQueue queue_;
  TerminationSignals signals_{options_.handle_signals};
  std::unique_ptr<JobStore> store_;
  std::unique_ptr<TaskGraph> graph_;
  std::unique_ptr<CheckpointCoordinator> coordinator_;

  bool is_complete_ = false;  // an earlier run has finished the job
  bool is_over_ = false;
  std::size_t open_tasks_ = 0;  // that have not said that they never run again
  JobResult result_;
  MonotonicTime started_at_{0};
  MonotonicTime report_at_ = MonotonicTime::max();
  MonotonicTime last_checkpoint_at_{0};
  bool told_stopping_ = false;
};

JobResult EmbeddedJob::run() {
  started_at_ = clock_.now();
  const absl::Status prepared = prepare();
  if (!prepared.ok()) {
    result_.status = prepared;
    return std::move(result_);
  }
  if (options_.control != nullptr) options_.control->attach(executor_.get());
  if (options_.observer != nullptr && !is_complete_) {
    options_.observer->job_started(plan_, result_.restored_from);
    report_at_ = started_at_ + options_.progress_interval;
  }
  open_tasks_ = graph_->size();
  if (is_complete_) commit_again();
  for (const DeployedTask& task : graph_->deployment().tasks) executor_->add(graph_->task(task.id));
  loop();
  close_tasks();
  executor_->stop();
  for (JobEvent& event : queue_.take()) handle(std::move(event));
  update_progress(clock_.now());
  return std::move(result_);
}

// An earlier run has read all input. Whether every sink has heard of its last checkpoint nobody
// knows, so they are told again (rule 13); the tasks end before they read anything.
void EmbeddedJob::commit_again() {
  for (const DeployedTask& task : graph_->deployment().tasks) {
    graph_->task(task.id).post({TaskCommand::Kind::kCommit, result_.restored_from});
    graph_->task(task.id).post({TaskCommand::Kind::kCancel});
  }
  end(JobResult::Outcome::kAlreadyComplete, absl::OkStatus());
}

absl::Status EmbeddedJob::prepare() {
  absl::Status valid = validate(options_);
  if (!valid.ok()) return valid;
  absl::StatusOr<std::unique_ptr<JobStore>> store = open_job_store(options_, clock_, plan_);
  if (!store.ok()) return store.status();
  store_ = *std::move(store);
  absl::StatusOr<std::optional<RestoredJob>> restored = store_->restore();
  if (!restored.ok()) return restored.status();

  Deployment deployment = make_deployment(plan_);
  std::vector<CheckpointCoordinator::Task> tasks;
  for (const DeployedTask& task : deployment.tasks) tasks.push_back({task.id, task.is_spout});

  TaskGraph::Options options;
  options.job = options_.job;
  options.batch_size = options_.batch_size;
  options.channel_bytes = options_.channel_bytes;
  options.memory_budget = options_.memory_budget;
  options.linger = options_.linger;
  options.epoch = store_->epoch();
  if (restored->has_value()) {
    result_.restored_from = options.restored_checkpoint = (*restored)->id;
    result_.progress.last_checkpoint = (*restored)->id;
    options.restored = std::move((*restored)->tasks);
    is_complete_ = (*restored)->is_final;
  }
  options.make_row_store = [this](const std::string& uid, const DeployedTask& task) {
    return store_->make_row_store(uid, task);
  };
  options.storage = options_.storage;
  options.clock = &clock_;
  options.executor = executor_.get();
  options.events = &queue_;
  absl::StatusOr<std::unique_ptr<TaskGraph>> graph =
      TaskGraph::build(plan_, std::move(deployment), std::move(options));
  if (!graph.ok()) return graph.status();
  graph_ = *std::move(graph);

  CheckpointCoordinator::Options checkpoints;
  checkpoints.interval = options_.checkpoint_interval;
  checkpoints.timeout = options_.checkpoint_timeout;
  checkpoints.restored = result_.restored_from;
  coordinator_ = std::make_unique<CheckpointCoordinator>(tasks, checkpoints);
  return absl::OkStatus();
}

void EmbeddedJob::loop() {
  while (!is_over_) {
    for (JobEvent& event : queue_.take()) handle(std::move(event));
    stop_if_asked();
    if (is_over_) return;
    const MonotonicTime now = clock_.now();
    apply(coordinator_->on_tick(now));
    if (now >= report_at_) report(now);
    if (is_over_) return;
    const MonotonicTime deadline = next_deadline();
    executor_->drive(deadline);
    if (is_stuck(deadline)) {
      std::string tasks;
      update_progress(clock_.now());
      for (const TaskProgress& task : result_.progress.tasks) {
        tasks += "\n  " + task.name + ": " + runtime::blocking_reason_name(task.blocking);
      }
      fail(absl::InternalError("no task can go on, although the job is not over:" + tasks));
    }
  }
}

MonotonicTime EmbeddedJob::next_deadline() const {
  MonotonicTime deadline = std::min(coordinator_->next_tick(), report_at_);
  if (options_.handle_signals) deadline = std::min(deadline, clock_.now() + kSignalPoll);
  return deadline;
}

// The single-threaded executor comes back from an endless wait only with an event, or with nothing
// left that could ever happen.
bool EmbeddedJob::is_stuck(MonotonicTime deadline) const {
  return options_.executor == ExecutorKind::kSingle && deadline == MonotonicTime::max() &&
         queue_.empty() && !(options_.control != nullptr && options_.control->is_stop_requested());
}

void EmbeddedJob::handle(JobEvent event) {
  const MonotonicTime now = clock_.now();
  if (auto* failed = std::get_if<TaskFailed>(&event)) {
    fail(absl::Status(failed->status.code(), "task " + graph_->describe(failed->task) + ": " +
                                                 std::string(failed->status.message())));
    return;
  }
  if (auto* closed = std::get_if<TaskClosed>(&event)) {
    --open_tasks_;
    if (result_.status.ok() && !closed->status.ok()) fail(closed->status);
    return;
  }
  if (auto* warning = std::get_if<Warning>(&event)) {
    if (options_.observer != nullptr) options_.observer->job_warning(warning->status);
    return;
  }
  if (is_over_) return;
  if (auto* running = std::get_if<TaskRunning>(&event)) {
    apply(coordinator_->on_task_running(running->task, now));
  } else if (auto* ended = std::get_if<TaskEnded>(&event)) {
    apply(coordinator_->on_task_ended(ended->task, now));
  } else if (auto* snapshot = std::get_if<SnapshotDone>(&event)) {
    apply(coordinator_->on_snapshot(snapshot->task, snapshot->id, std::move(snapshot->snapshot),
                                    now));
  } else if (auto* committed = std::get_if<TaskCommitted>(&event)) {
    apply(coordinator_->on_committed(committed->task, committed->id));
  } else if (auto* ready = std::get_if<IdReady>(&event)) {
    apply(coordinator_->on_id(std::move(ready->id), now));
  } else if (auto* manifest = std::get_if<ManifestDone>(&event)) {
    if (manifest->is_fatal) {
      fail(manifest->status);
    } else {
      apply(coordinator_->on_manifest(manifest->id, manifest->status, now));
    }
  }
}

void EmbeddedJob::apply(Effects effects) {
  for (Effect& effect : effects) {
    std::visit([this](auto& e) { perform(std::move(e)); }, effect);
  }
}

void EmbeddedJob::perform(RequestId) {
  executor_->submit_io([this] { queue_.put(IdReady{store_->next_id()}); });
}

void EmbeddedJob::perform(WriteManifest write) {
  // std::function wants copyable captures.
  auto shared = std::make_shared<WriteManifest>(std::move(write));
  executor_->submit_io([this, shared] {
    const CheckpointId id = shared->id;
    absl::Status status = store_->complete(std::move(*shared));
    const bool is_fatal = !status.ok() && store_->is_in_doubt();
    const bool is_complete = status.ok();
    queue_.put(ManifestDone{id, std::move(status), is_fatal});
    if (!is_complete) return;
    absl::Status collected = store_->collect();
    if (!collected.ok()) queue_.put(Warning{std::move(collected)});
  });
}

void EmbeddedJob::perform(CheckpointEnded ended) {
  JobProgress& progress = result_.progress;
  if (ended.status.ok()) {
    ++progress.checkpoints;
    progress.last_checkpoint = ended.id;
    progress.last_checkpoint_took = ended.took;
    last_checkpoint_at_ = clock_.now();
    return;
  }
  ++progress.failed_checkpoints;
  if (options_.observer != nullptr) options_.observer->checkpoint_failed(ended.id, ended.status);
}

void EmbeddedJob::perform(JobOver over) {
  switch (over.how) {
    case JobOver::How::kFinished: return end(JobResult::Outcome::kFinished, over.status);
    case JobOver::How::kStopped: return end(JobResult::Outcome::kStopped, over.status);
    case JobOver::How::kFailed: return end(JobResult::Outcome::kFailed, over.status);
  }
}

void EmbeddedJob::fail(absl::Status status) {
  if (!result_.status.ok()) return;  // the first failure counts
  is_over_ = true;
  result_.outcome = JobResult::Outcome::kFailed;
  result_.status = std::move(status);
}

void EmbeddedJob::end(JobResult::Outcome outcome, absl::Status status) {
  is_over_ = true;
  result_.outcome = outcome;
  result_.status = std::move(status);
}

void EmbeddedJob::stop_if_asked() {
  const bool asked =
      signals_.received() || (options_.control != nullptr && options_.control->is_stop_requested());
  if (!asked || is_over_) return;
  if (!told_stopping_ && options_.observer != nullptr) options_.observer->job_stopping();
  told_stopping_ = true;
  apply(coordinator_->on_stop(clock_.now()));
}

void EmbeddedJob::close_tasks() {
  for (const DeployedTask& task : graph_->deployment().tasks) {
    graph_->task(task.id).post({TaskCommand::Kind::kCancel});
  }
  while (open_tasks_ != 0) {
    for (JobEvent& event : queue_.take()) handle(std::move(event));
    if (open_tasks_ != 0) executor_->drive(clock_.now() + kSignalPoll);
  }
}

void EmbeddedJob::update_progress(MonotonicTime now) {
  JobProgress& progress = result_.progress;
  read_metrics(*graph_, progress);
  progress.elapsed = now - started_at_;
  progress.last_checkpoint_age = now - last_checkpoint_at_;
}

void EmbeddedJob::report(MonotonicTime now) {
  update_progress(now);
  options_.observer->job_progress(result_.progress);
  report_at_ = now + options_.progress_interval;
}

JobResult run(const runtime::Plan& plan, const JobOptions& options) {
  return EmbeddedJob(plan, options).run();
}

}  // namespace weir::coordinator
