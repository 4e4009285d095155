// JobLife: the life of one job in the cluster, as a pure automaton: event in, effects out; no I/O,
// no clock (time comes with events). It embeds one CheckpointCoordinator per attempt.
//
//   waiting --slots--> opening --epoch--> recording --job.json--> starting --all hello--> deploying
//      ^                                                                                      |
//      |                                                       closing <--over-- running <----'
//      |                                                          |                 |
//      '---- resting <--all workers gone-- fencing <--any failure-+-----------------'
//
// Rules it keeps: a message counts only with the current epoch (4, 23); an attempt's workers are
// recorded before they are started, and the next attempt begins only after every one of them is
// known to be gone (12); a checkpoint begins only when all tasks run (2), sinks are told only after
// its manifest is durable (7), and again after each restore (13); epochs and ids only rise (11).
// Thread-compatible: belongs to the coordinator's actor. Page: docs/reference/control-protocol.md.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "cluster/job_record.h"
#include "cluster/placement.h"
#include "cluster/restart_strategy.h"
#include "weir/coordinator/checkpoint_coordinator.h"

namespace weir::coordinator {

namespace life {

// --- Effects: what the coordinator has to do, in this order --------------------------------------

// Opens the job's checkpoint folder; answered by on_opened() with the same ticket. With
// `resume_epoch` != 0 the epoch must be that one still, and workers go on; else a new epoch begins.
struct OpenAttempt {
  std::uint64_t ticket = 0;
  std::uint64_t resume_epoch = 0;
};
// Lets go of the folder.
struct CloseAttempt {};
// Writes record() durably; answered by on_recorded() with the same version.
struct Persist {
  std::uint64_t version = 0;
};
struct StartWorker {
  std::string worker;
  std::string supervisor;
  std::uint32_t slots = 0;
};
// Sends deployment() to it.
struct DeployWorker {
  std::string worker;
};
struct TellTask {
  std::string worker;
  runtime::TaskId task;
  runtime::TaskCommand command;
};
// To the worker: the attempt has been replaced.
struct FenceWorker {
  std::string worker;
};
// To the supervisor: kill it. Repeated until it is gone.
struct StopWorker {
  std::string worker;
  std::string supervisor;
};
// To the worker: exit in good order.
struct EndWorker {
  std::string worker;
};
// Answered by on_id().
struct FetchId {};
// Answered by on_manifest().
struct CompleteCheckpoint {
  runtime::CheckpointId id;
  bool is_final = false;
  std::vector<runtime::TaskSnapshot> snapshots;
};
// Keeps a complete checkpoint (0: the newest) as a savepoint; answered by on_savepoint_kept().
// Nothing of the job's folder may be collected meanwhile.
struct KeepSavepoint {
  std::uint64_t ticket = 0;
  runtime::CheckpointId checkpoint{0};
  std::string dir;
};
struct KeptSavepoint {
  runtime::CheckpointId checkpoint{0};
  std::uint64_t bytes = 0;
};
// To whoever asked with on_savepoint(): what has become of it.
struct SavepointEnded {
  std::uint64_t ticket = 0;
  std::string dir;
  absl::StatusOr<KeptSavepoint> kept;
};
// A line of the job's history.
struct Note {
  std::string kind;  // "state", "failure", "checkpoint", "savepoint", "worker", "request"
  std::string text;
};

using Effect = std::variant<OpenAttempt, CloseAttempt, Persist, StartWorker, DeployWorker, TellTask,
                            FenceWorker, StopWorker, EndWorker, FetchId, CompleteCheckpoint,
                            KeepSavepoint, SavepointEnded, Note>;
using Effects = std::vector<Effect>;

// What on_opened() is told.
struct Opened {
  std::uint64_t epoch = 0;
  runtime::CheckpointId restored{0};  // newest complete checkpoint; 0: there is none
  bool is_final = false;              // it has ended the job
};

}  // namespace life

class JobLife {
 public:
  struct Options {
    RestartOptions restart;
    std::uint64_t seed = 1;
    runtime::MonotonicTime start_timeout = std::chrono::minutes(2);  // until all workers said hello
    runtime::MonotonicTime end_timeout = std::chrono::seconds(10);  // for a worker to exit in order
    runtime::MonotonicTime repeat = std::chrono::seconds(2);        // of StopWorker, Deploy, Commit
    runtime::MonotonicTime checkpoint_timeout = std::chrono::minutes(10);
  };

  enum class Phase : std::uint8_t {
    kWaiting,    // for on_slots()
    kOpening,    // the checkpoint folder
    kRecording,  // who will work on it
    kAdopting,   // workers of an earlier coordinator are expected to report
    kStarting,   // workers are
    kDeploying,  // tasks are being built and restored
    kRunning,
    kClosing,  // over, until the workers have exited
    kFencing,  // after a failure, until no worker can do anything any more
    kResting,  // until it is tried again
    kOver      // ended or paused, and no worker is left
  };

  struct Worker {
    enum class Stage : std::uint8_t { kPlanned, kAsked, kStarted, kReady, kGone };
    std::string name;
    std::string supervisor;
    std::uint32_t slots = 0;
    Stage stage = Stage::kPlanned;
    std::int32_t pid = 0;
    std::string address;
    bool is_gone() const { return stage == Stage::kGone; }
  };
  struct CheckpointFigures {
    runtime::CheckpointId last{0};
    std::uint64_t complete = 0;  // by this coordinator
    std::uint64_t failed = 0;
    runtime::MonotonicTime took{0};
    runtime::MonotonicTime at{0};
    std::uint64_t bytes = 0;  // all files of the last one
  };

  // A job as it was submitted, or as it was found in the folder. begin() comes first.
  JobLife(JobRecord record, Options options);
  life::Effects begin(runtime::MonotonicTime now);

  // --- Slots and storage -------------------------------------------------------------------------
  life::Effects on_slots(const std::vector<PlacedWorker>& workers, runtime::MonotonicTime now);
  life::Effects on_opened(std::uint64_t ticket, absl::StatusOr<life::Opened> opened,
                          runtime::MonotonicTime now);
  life::Effects on_recorded(std::uint64_t version, const absl::Status& status,
                            runtime::MonotonicTime now);
  life::Effects on_id(std::uint64_t epoch, absl::StatusOr<runtime::CheckpointId> id,
                      runtime::MonotonicTime now);
  // `in_doubt`: nobody knows whether it is complete; only opening the folder again can tell.
  life::Effects on_manifest(std::uint64_t epoch, runtime::CheckpointId id,
                            const absl::Status& status, bool in_doubt, runtime::MonotonicTime now);

  // --- Workers -----------------------------------------------------------------------------------
  life::Effects on_worker_started(std::uint64_t epoch, const std::string& worker, std::int32_t pid);
  life::Effects on_worker_hello(std::uint64_t epoch, const std::string& worker, std::int32_t pid,
                                const std::string& address, const std::string& fingerprint,
                                runtime::MonotonicTime now);
  // It is known to be dead, or can have no effect any more.
  life::Effects on_worker_gone(const std::string& worker, const std::string& why,
                               runtime::MonotonicTime now);
  // The attempt cannot go on, although perhaps nobody is dead: a link, a deployment, a lease.
  life::Effects on_worker_failed(std::uint64_t epoch, const absl::Status& why,
                                 runtime::MonotonicTime now);
  life::Effects on_task_event(std::uint64_t epoch, runtime::TaskId task, wire::TaskEventKind kind,
                              runtime::CheckpointId id, const absl::Status& error,
                              runtime::MonotonicTime now);
  life::Effects on_snapshot(std::uint64_t epoch, runtime::TaskId task, runtime::CheckpointId id,
                            absl::StatusOr<runtime::TaskSnapshot> snapshot,
                            runtime::MonotonicTime now);

  // --- People ------------------------------------------------------------------------------------
  // A request that does not fit the state is refused (FailedPrecondition) and changes nothing.
  struct Stop {
    std::string savepoint;  // folder for the last checkpoint; empty: none is kept
    bool drain = false;     // as if the input had ended
  };
  absl::StatusOr<life::Effects> on_stop(const Stop& how, runtime::MonotonicTime now);
  absl::StatusOr<life::Effects> on_pause(runtime::MonotonicTime now);
  absl::StatusOr<life::Effects> on_resume(runtime::MonotonicTime now);
  absl::StatusOr<life::Effects> on_cancel(runtime::MonotonicTime now);
  // `next` is the same job at another parallelism.
  absl::StatusOr<life::Effects> on_rescale(std::shared_ptr<const JobSpec> next,
                                           runtime::MonotonicTime now);

  // A job that runs takes a checkpoint for it; of any other the newest complete one is kept. The
  // answer is SavepointEnded with the same ticket, which is not 0.
  absl::StatusOr<life::Effects> on_savepoint(std::uint64_t ticket, const std::string& dir,
                                             runtime::MonotonicTime now);
  life::Effects on_savepoint_kept(std::uint64_t ticket, absl::StatusOr<life::KeptSavepoint> kept,
                                  runtime::MonotonicTime now);

  // The whole cluster ends: workers are stopped, and the job goes on when the cluster does.
  life::Effects on_shutdown(runtime::MonotonicTime now);

  life::Effects on_tick(runtime::MonotonicTime now);
  // When on_tick() may have something to do; max(): not before another event.
  runtime::MonotonicTime next_tick() const;

  // --- Observers ---------------------------------------------------------------------------------
  const JobSpec& spec() const { return *record_.spec; }
  const std::string& id() const { return record_.spec->id; }
  // Slots that nobody else may have.
  std::vector<PlacedWorker> held_slots() const;
  // What has to be durable; `ended` is filled in by whoever writes it.
  const JobRecord& record() const { return record_; }
  std::uint64_t version() const { return version_; }
  wire::JobState state() const { return record_.state; }
  Phase phase() const { return phase_; }
  bool wants_slots() const { return phase_ == Phase::kWaiting; }
  bool is_over() const { return phase_ == Phase::kOver; }
  std::uint64_t epoch() const { return record_.epoch; }
  const std::vector<Worker>& workers() const { return workers_; }
  const Worker* worker(const std::string& name) const;
  const PlannedTasks& tasks() const { return tasks_; }
  const std::vector<std::uint32_t>& worker_of_task() const { return worker_of_task_; }
  runtime::CheckpointId restored() const { return restored_; }
  const CheckpointFigures& checkpoints() const { return figures_; }
  // Spouts of an attempt that is deployed now end before they read anything.
  bool must_drain() const { return record_.goal == JobGoal::kDrain && drain_is_durable_; }
  // Whether the worker belongs to the attempt that runs, so that its lease is to be renewed.
  bool is_current(const std::string& worker) const;

 private:
  Worker* find(const std::string& name);
  bool is_under_way() const;                // from opening to running
  bool is_live(std::uint64_t epoch) const;  // events of this epoch count
  bool all_in(Worker::Stage stage) const;
  bool all_gone() const;
  void set_workers(const std::vector<WorkerRecord>& workers);

  void wait_for_slots(life::Effects& out);
  void start_workers(runtime::MonotonicTime now, life::Effects& out);
  void deploy_when_ready(runtime::MonotonicTime now, life::Effects& out);
  void begin_checkpoints();
  void when_all_run(runtime::MonotonicTime now, life::Effects& out);
  void apply(Effects effects, runtime::MonotonicTime now, life::Effects& out);
  void apply_over(const JobOver& over, runtime::MonotonicTime now, life::Effects& out);
  void finish_if_final_is_committed(runtime::MonotonicTime now, life::Effects& out);
  void end_with_savepoint(wire::JobState then, runtime::MonotonicTime now, life::Effects& out);
  void last_savepoint_kept(const absl::StatusOr<life::KeptSavepoint>& kept,
                           runtime::MonotonicTime now, life::Effects& out);
  void trigger_savepoints();
  void keep_triggered(runtime::CheckpointId id, life::Effects& out);
  void keep_newest(life::Effects& out);
  void give_up_savepoints(const absl::Status& why, bool triggered_only, life::Effects& out);
  void drain_spouts(life::Effects& out) const;
  absl::StatusOr<life::Effects> stop_paused(const Stop& how, runtime::MonotonicTime now);
  void close(wire::JobState state, runtime::MonotonicTime now, life::Effects& out);
  void apply_rescale(life::Effects& out);
  void fail(const std::string& why, runtime::MonotonicTime now, life::Effects& out,
            bool for_ever = false);
  void fence(runtime::MonotonicTime now, life::Effects& out);
  void settle(runtime::MonotonicTime now, life::Effects& out);  // if no worker is left
  void end(wire::JobState state, life::Effects& out);
  void set_state(wire::JobState state, life::Effects& out, const std::string& why = "");
  void persist(life::Effects& out);
  absl::StatusOr<life::Effects> request_end(JobGoal goal, runtime::MonotonicTime now);
  absl::Status refuse(const char* what) const;

  const Options options_;
  JobRecord record_;
  PlannedTasks tasks_;
  RestartStrategy strategy_;
  Phase phase_ = Phase::kWaiting;
  std::uint64_t version_ = 0;          // of record_, as last given to Persist
  std::uint64_t attempt_version_ = 0;  // the one that names the attempt's workers
  std::uint64_t ticket_ = 0;           // of the newest OpenAttempt
  std::string fatal_;                  // why there will be no next attempt; empty: there will

  // Of the attempt.
  std::vector<PlacedWorker> placed_;
  std::vector<Worker> workers_;
  std::vector<std::uint32_t> worker_of_task_;
  std::optional<CheckpointCoordinator> coordinator_;
  runtime::CheckpointId restored_{0};
  bool restored_is_final_ = false;
  bool is_opened_ = false;             // kAdopting: the folder is
  std::vector<bool> final_committed_;  // by task, with restored_is_final_
  runtime::MonotonicTime deadline_ = runtime::MonotonicTime::max();  // of the phase
  runtime::MonotonicTime repeat_at_ = runtime::MonotonicTime::max();
  runtime::MonotonicTime retry_at_{0};  // after a failure
  CheckpointFigures figures_;

  // Savepoints that were asked for, until they are answered.
  struct SavepointAsk {
    enum class Stage : std::uint8_t { kWaiting, kTriggered, kKeeping };
    std::uint64_t ticket;
    std::string dir;
    Stage stage;
  };
  std::vector<SavepointAsk> asks_;
  bool drain_is_durable_ = false;
  std::uint64_t drain_version_ = 0;  // of the record that says so
};

}  // namespace weir::coordinator
