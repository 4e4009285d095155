// What the jobs' automata decide, done.
#include <utility>

#include "cluster/cluster_coordinator.h"
#include "cluster/savepoint_export.h"

namespace weir::coordinator {

namespace {

constexpr std::size_t kKeptHistory = 1000;  // lines per job
constexpr std::size_t kKeptWorkers = 200;   // per job, whose logs can be asked for by name

}  // namespace

void ClusterCoordinator::apply(Job& job, life::Effects effects) {
  for (life::Effect& effect : effects) {
    std::visit([&](auto& e) { perform(job, e); }, effect);
  }
  if (job.life.is_over() && !effects.empty()) {
    options_.executor->submit_io([files = job.files] { files->close_history(); });
  }
  if (is_ended(job.life.state())) {
    if (job.ended.count() == 0) job.ended = clock().wall_now();
  } else {
    job.ended = {};
  }
}

void ClusterCoordinator::perform(Job& job, const life::OpenAttempt& open) {
  options_.executor->submit_io(
      [this, id = job.life.id(), files = job.files, spec = job.life.record().spec, open] {
        post({ClusterEvent::Opened{id, open.ticket, files->open(*spec, open.resume_epoch)}});
      });
}

void ClusterCoordinator::perform(Job& job, const life::CloseAttempt&) {
  options_.executor->submit_io([files = job.files] { files->close(); });
}

void ClusterCoordinator::perform(Job& job, const life::Persist& persist) {
  if (is_ended(job.life.state()) && job.ended.count() == 0) job.ended = clock().wall_now();
  record(job, persist.version);
}

void ClusterCoordinator::record(Job& job, std::uint64_t version) {
  JobRecord record = job.life.record();
  record.ended = job.ended;
  if (!job.metrics.empty()) job.figures = pack_figures(job);
  record.figures = job.figures;
  options_.executor->submit_io(
      [this, id = job.life.id(), files = job.files, version, record = std::move(record)] {
        post({ClusterEvent::Recorded{id, version, files->write_record(to_text(record))}});
      });
}

void ClusterCoordinator::answer_recorded(Job& job, const absl::Status& status) {
  std::vector<Waiting> still;
  for (Waiting& waiting : job.waiting) {
    if (waiting.version <= job.recorded) {
      waiting.answer.request = waiting.request;
      endpoint_->send(waiting.peer, encode_control(std::move(waiting.answer)));
    } else if (!status.ok()) {
      refuse(waiting.peer, waiting.request, wire::FailureCode::Unavailable,
             "the coordinator cannot write its folder: " + std::string(status.message()));
    } else {
      still.push_back(std::move(waiting));
    }
  }
  job.waiting = std::move(still);
}

void ClusterCoordinator::perform(Job& job, const life::StartWorker& start) {
  const JobSpec& spec = job.life.spec();
  wire::StartWorkerT message;
  message.job = spec.id;
  message.job_name = spec.name;
  message.epoch = job.life.epoch();
  message.worker = start.worker;
  message.slots = start.slots;
  message.program_sha256 = spec.program_sha256;
  message.program_name = spec.program_name;
  message.program_bytes = spec.program_bytes;
  message.arguments = spec.arguments;
  message.working_dir = spec.working_dir;
  message.parallelism = spec.parallelism;
  job.metrics.clear();
  if (job.supervisor_of.size() >= kKeptWorkers) job.supervisor_of.clear();
  job.supervisor_of[start.worker] = start.supervisor;
  send("s:" + start.supervisor, std::move(message));
}

void ClusterCoordinator::perform(Job& job, const life::DeployWorker& deploy) {
  wire::DeployT message;
  message.job = job.life.id();
  message.epoch = job.life.epoch();
  for (const JobLife::Worker& worker : job.life.workers()) {
    auto address = std::make_unique<wire::WorkerAddressT>();
    address->worker = worker.name;
    address->address = worker.address;
    message.workers.push_back(std::move(address));
  }
  message.worker_of_task = job.life.worker_of_task();
  message.state_dir = job.files->state_dir();
  message.restored_checkpoint = job.life.restored().value;
  message.drain = job.life.must_drain();
  tell_worker(deploy.worker, std::move(message));
}

void ClusterCoordinator::perform(Job& job, const life::TellTask& tell) {
  wire::TaskCommandT message;
  message.job = job.life.id();
  message.epoch = job.life.epoch();
  message.task = tell.task.value;
  message.checkpoint = tell.command.id.value;
  using Kind = runtime::TaskCommand::Kind;
  switch (tell.command.kind) {
    case Kind::kCheckpoint: message.kind = wire::CommandKind::Checkpoint; break;
    case Kind::kCommit: message.kind = wire::CommandKind::Commit; break;
    case Kind::kAbort: message.kind = wire::CommandKind::Abort; break;
    case Kind::kCancel: message.kind = wire::CommandKind::Cancel; break;
    case Kind::kDrain: message.kind = wire::CommandKind::Drain; break;
  }
  tell_worker(tell.worker, std::move(message));
}

void ClusterCoordinator::perform(Job& job, const life::FenceWorker& fence) {
  wire::FencedT message;
  message.job = job.life.id();
  message.epoch = job.life.epoch();
  tell_worker(fence.worker, std::move(message));
}

void ClusterCoordinator::perform(Job& job, const life::StopWorker& stop) {
  wire::StopWorkerT message;
  message.job = job.life.id();
  message.epoch = job.life.epoch();
  message.worker = stop.worker;
  send("s:" + stop.supervisor, std::move(message));
}

void ClusterCoordinator::perform(Job& job, const life::EndWorker& end_it) {
  wire::EndWorkerT message;
  message.job = job.life.id();
  message.epoch = job.life.epoch();
  tell_worker(end_it.worker, std::move(message));
}

void ClusterCoordinator::perform(Job& job, const life::FetchId&) {
  options_.executor->submit_io(
      [this, id = job.life.id(), files = job.files, epoch = job.life.epoch()] {
        post({ClusterEvent::IdReady{id, epoch, files->next_id(epoch)}});
      });
}

void ClusterCoordinator::perform(Job& job, life::CompleteCheckpoint& complete) {
  // std::function wants copyable captures.
  auto shared = std::make_shared<life::CompleteCheckpoint>(std::move(complete));
  options_.executor->submit_io([this, id = job.life.id(), files = job.files,
                                epoch = job.life.epoch(), spec = job.life.record().spec, shared] {
    const runtime::CheckpointId checkpoint = shared->id;
    JobFiles::Completed completed = files->complete(epoch, *spec, std::move(*shared));
    const bool is_complete = completed.status.ok();
    post({ClusterEvent::ManifestDone{id, epoch, checkpoint, std::move(completed)}});
    if (!is_complete) return;
    const absl::Status collected = files->collect(epoch);
    if (!collected.ok()) {
      post({ClusterEvent::Warning{"job " + id + ": " + std::string(collected.message())}});
    }
  });
}

void ClusterCoordinator::perform(Job& job, const life::KeepSavepoint& keep) {
  SavepointExport::start(
      *options_.executor, *options_.storage, job.files, keep,
      [this, id = job.life.id(), ticket = keep.ticket](absl::StatusOr<life::KeptSavepoint> kept) {
        post({ClusterEvent::SavepointKept{id, ticket, std::move(kept)}});
      });
}

void ClusterCoordinator::perform(Job&, const life::SavepointEnded& ended) {
  const auto found = savepoint_asks_.find(ended.ticket);
  if (found == savepoint_asks_.end()) return;
  const Question question = found->second;
  savepoint_asks_.erase(found);
  if (!ended.kept.ok()) {
    return refuse(question.peer, question.request, ended.kept.status());
  }
  wire::SavepointTakenT taken;
  taken.path = ended.dir;
  taken.checkpoint = ended.kept->checkpoint.value;
  taken.bytes = ended.kept->bytes;
  send(question.peer, std::move(taken), question.request);
}

void ClusterCoordinator::perform(Job& job, const life::Note& note) {
  HistoryLine line{++job.last_line, clock().wall_now(), note.kind, note.text};
  options_.executor->submit_io([this, id = job.life.id(), files = job.files, line] {
    const absl::Status status = files->append_history(line);
    if (status.ok()) return;
    post({ClusterEvent::Warning{"job " + id + ": history: " + std::string(status.message())}});
  });
  if (note.kind != "checkpoint") options_.say("job " + job.life.id() + ": " + note.text);
  job.history.push_back(std::move(line));
  if (job.history.size() > kKeptHistory) job.history.pop_front();
}

}  // namespace weir::coordinator
