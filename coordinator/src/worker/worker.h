// Worker: the role of a topology program that a supervisor has started. An Actor that runs this
// process's share of one attempt of one job.
//
//   start --WorkerHello--> wait for Deploy --> build tasks, connect links --> run
//     tasks  --TaskEvent, SnapshotDone-->  coordinator  --TaskCommand-->  tasks
//   EndWorker: close the tasks, exit 0.    Fenced, or a failure: exit at once, nothing is closed.
//
// Fencing (rule 23): everything it sends carries (job, epoch), and what comes with another is
// dropped. While its lease is over (no heartbeat of the coordinator within lease_timeout) it goes
// on processing, but commits wait until the coordinator has spoken to it again.
#pragma once

#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "absl/status/status.h"
#include "control/control_message.h"
#include "event_queue.h"
#include "row_stores.h"
#include "weir/coordinator/embedded_job.h"
#include "weir/coordinator/task_graph.h"
#include "weir/runtime/actor.h"
#include "weir/runtime/links.h"
#include "weir/runtime/plan.h"
#include "weir/runtime/transport.h"
#include "weir/state/checkpoint_files.h"

namespace weir::coordinator {

// What the supervisor tells a worker through its environment.
struct WorkerIdentity {
  std::string worker;       // WEIR_WORKER: its name, never used twice
  std::string coordinator;  // WEIR_COORDINATOR: where the coordinator listens
  std::string job;          // WEIR_JOB: id
  std::string job_name;     // WEIR_JOB_NAME
  std::string listen{};     // WEIR_LISTEN: address at which it listens for other workers
  std::string keys{};       // WEIR_KEYS: folder of the keys; empty: none
  std::string work_dir;     // WEIR_WORK_DIR: its own, gone after its end
  std::uint64_t epoch = 0;  // WEIR_EPOCH
  std::uint32_t slots = 1;  // WEIR_SLOTS
};

struct WorkerOptions {
  WorkerIdentity identity;
  JobOptions job;  // how tasks run, as the program's arguments say
  runtime::Clock* clock = nullptr;
  runtime::Executor* executor = nullptr;
  runtime::Transport* transport = nullptr;
  runtime::Storage* storage = nullptr;
  std::string listen = "tcp://127.0.0.1:0";  // of the data links
  runtime::MonotonicTime heartbeat{500'000'000};
  runtime::MonotonicTime lease{10'000'000'000};
};

struct ControlArrived {
  wire::MessageT message;
};
struct LinkBroken {
  absl::Status status;
};
using WorkerEvent = std::variant<ControlArrived, LinkBroken, TaskRunning, TaskEnded, SnapshotDone,
                                 TaskCommitted, TaskFailed, TaskClosed>;

class Worker final : public runtime::Actor<WorkerEvent>,
                     private runtime::MessageHandler,
                     private runtime::TaskEvents {
 public:
  // `plan` is copied. Nothing happens before start().
  Worker(runtime::Plan plan, WorkerOptions options);
  ~Worker() override;

  // Opens both endpoints and adds itself to the executor.
  absl::Status start();

  // After the actor is over (the executor is notified): how it ended. OK after EndWorker.
  bool is_done() const { return is_done_.load(); }
  const absl::Status& result() const { return result_; }
  // Whether it would carry out a commit now. The actor's thread.
  bool may_commit() const { return graph_ != nullptr && clock().now() <= lease_until_; }

 protected:
  void handle(WorkerEvent event) override;
  void tick(runtime::MonotonicTime now) override;
  runtime::MonotonicTime next_tick() const override { return heartbeat_at_; }

 private:
  // Transport and tasks, any thread.
  void on_message(std::string_view peer, std::string_view head, std::string_view payload) override;
  void task_running(runtime::TaskId task) override;
  void task_ended(runtime::TaskId task) override;
  void snapshot_done(runtime::TaskId task, runtime::CheckpointId id,
                     absl::StatusOr<runtime::TaskSnapshot> snapshot) override;
  void task_committed(runtime::TaskId task, runtime::CheckpointId id) override;
  void task_failed(runtime::TaskId task, absl::Status status) override;
  void task_closed(runtime::TaskId task, absl::Status status) override;

  // The actor.
  template <class BodyTable>
  void tell(BodyTable body);
  void tell_task(runtime::TaskId task, wire::TaskEventKind kind, runtime::CheckpointId id,
                 const absl::Status& status);
  void perform(ControlArrived arrived);
  void perform(LinkBroken broken);
  void perform(const TaskRunning& running);
  void perform(const TaskEnded& ended);
  void perform(const SnapshotDone& done);
  void perform(const TaskCommitted& committed);
  void perform(const TaskFailed& failed);
  void perform(const TaskClosed& closed);
  void tell_notes();
  void tell_failure();
  void say_hello();
  void renew_lease(std::uint64_t sequence);
  void deploy(const wire::DeployT& deploy);
  void drain_spouts();
  absl::Status build(const wire::DeployT& deploy);
  absl::Status check_deployment(const Deployment& deployment, const wire::DeployT& deploy) const;
  absl::Status restore_into(TaskGraph::Options& options, const wire::DeployT& deploy);
  absl::Status link_into(TaskGraph::Options& options, const wire::DeployT& deploy,
                         const Deployment& deployment);
  void command(const wire::TaskCommandT& command);
  void send_metrics();
  void close_tasks();
  void finish(absl::Status status);
  bool is_mine(const std::string& job, std::uint64_t epoch) const;

  const runtime::Plan plan_;
  const WorkerOptions options_;
  std::unique_ptr<runtime::Endpoint> control_;
  std::unique_ptr<runtime::Links> links_;
  std::unique_ptr<state::CheckpointFiles> files_;
  std::optional<RowStores> rows_;
  std::unique_ptr<TaskGraph> graph_;

  // What a task has reported so far.
  struct Note {
    bool is_running = false;
    bool has_ended = false;
    runtime::CheckpointId committed{0};
  };

  absl::Status failure_;  // the first one of this attempt
  bool is_deployed_ = false;
  bool is_complete_ = false;  // the restored checkpoint is the job's last
  bool is_closing_ = false;
  std::size_t open_tasks_ = 0;
  std::map<runtime::TaskId, Note> notes_;
  runtime::MonotonicTime heartbeat_;
  runtime::MonotonicTime lease_;
  runtime::MonotonicTime heartbeat_at_{0};
  std::uint64_t last_beat_ = 0;
  std::int64_t told_ = 0;   // messages that count, since the last Hello
  std::int64_t heard_ = 0;  // since the last Welcome
  std::map<std::uint64_t, runtime::MonotonicTime> beats_;  // unanswered: when they were sent
  runtime::MonotonicTime lease_until_{0};
  std::vector<wire::TaskCommandT> held_commits_;  // until the lease is renewed
  std::atomic<bool> is_done_{false};
  absl::Status result_;
};

}  // namespace weir::coordinator
