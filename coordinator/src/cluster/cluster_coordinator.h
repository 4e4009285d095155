// ClusterCoordinator: the leader of a cluster. Owns jobs, hears supervisors, workers and clients,
// and performs what the jobs' automata (JobLife) decide.
//
//   transport --messages--> mailbox --> JobLife --effects--> messages, I/O jobs --results-->
//   mailbox
//
// An Actor: everything but start() and the const observers happens in its run(). It never blocks:
// files are written on the executor's I/O thread. Its memory is the folder: what a client was told
// is durable there, and a coordinator that is started on it again goes on, adopting the workers
// that are still at work. It never runs user code. Page: docs/reference/control-protocol.md.
#pragma once

#include <atomic>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <variant>
#include <vector>

#include "absl/status/statusor.h"
#include "cluster/cluster_folder.h"
#include "cluster/job_files.h"
#include "cluster/job_life.h"
#include "cluster/liveness.h"
#include "control/control_message.h"
#include "supervisor/program_store.h"
#include "weir/runtime/actor.h"
#include "weir/runtime/executor.h"
#include "weir/runtime/storage.h"
#include "weir/runtime/transport.h"

namespace weir::coordinator {

struct ClusterCoordinatorOptions {
  std::string dir;                           // absolute; everything that must not be lost
  std::string listen = "tcp://127.0.0.1:0";  // 0: any free port
  // All are borrowed, and outlive the coordinator.
  runtime::Transport* transport = nullptr;
  runtime::Storage* storage = nullptr;
  runtime::Clock* clock = nullptr;
  runtime::Executor* executor = nullptr;
  Programs* programs = nullptr;  // blocking calls; used on the I/O thread
  runtime::MonotonicTime heartbeat = std::chrono::milliseconds(500);
  Lease::Options lease;  // of supervisors and workers
  JobLife::Options job;
  PlacementPolicy placement = PlacementPolicy::kSpread;
  std::int32_t pid = 0;
  std::string version;
  // For people: one line. From the actor's thread.
  std::function<void(const std::string&)> say = [](const std::string&) {};
};

// What it hears. Results of I/O jobs name the job by its id.
struct ClusterEvent {
  struct Arrived {
    std::string peer;
    absl::StatusOr<wire::MessageT> message;
  };
  struct Opened {
    std::string job;
    std::uint64_t ticket;
    absl::StatusOr<life::Opened> opened;
  };
  struct Recorded {
    std::string job;
    std::uint64_t version;
    absl::Status status;
  };
  struct IdReady {
    std::string job;
    std::uint64_t epoch;
    absl::StatusOr<runtime::CheckpointId> id;
  };
  struct ManifestDone {
    std::string job;
    std::uint64_t epoch;
    runtime::CheckpointId id;
    JobFiles::Completed completed;
  };
  struct SavepointKept {
    std::string job;
    std::uint64_t ticket;
    absl::StatusOr<life::KeptSavepoint> kept;
  };
  struct Submitted {  // the program has been looked for, and the savepoint judged
    std::string peer;
    std::uint64_t request;  // which came first
    std::shared_ptr<wire::SubmitT> submit;
    absl::StatusOr<std::uint64_t> program_bytes;
    std::vector<std::string> dropped;  // states of the savepoint
  };
  struct Answer {  // to be sent as it is
    std::string peer;
    std::uint64_t request;
    std::shared_ptr<wire::BodyUnion> body;
  };
  struct Warning {
    std::string text;
  };
  std::variant<Arrived, Opened, Recorded, IdReady, ManifestDone, SavepointKept, Submitted, Answer,
               Warning>
      what;
};

class ClusterCoordinator final : public runtime::Actor<ClusterEvent>,
                                 private runtime::MessageHandler {
 public:
  // Opens the folder, reads its jobs, listens, and is run by the executor from now on. Blocks.
  // kUnavailable: another coordinator has the folder; kAlreadyExists: the address is taken.
  // To be destroyed after the executor has stopped.
  static absl::StatusOr<std::unique_ptr<ClusterCoordinator>> start(
      ClusterCoordinatorOptions options);
  ~ClusterCoordinator() override;

  // Where it listens: "tcp://127.0.0.1:40123".
  const std::string& address() const { return endpoint_->address(); }
  // It has been shut down; the executor is notified when that happens. Any thread.
  bool is_done() const { return is_done_.load(); }

 private:
  using Time = runtime::MonotonicTime;

  struct Waiting {  // an answer that waits until a record is durable
    std::uint64_t version;
    std::string peer;
    std::uint64_t request;
    wire::MessageT answer;
  };
  struct Job {
    explicit Job(JobLife automaton) : life(std::move(automaton)) {}
    JobLife life;
    std::shared_ptr<JobFiles> files;  // calls on the I/O thread only
    std::chrono::microseconds ended{0};
    std::uint32_t slots_missing = 0;
    std::deque<HistoryLine> history;
    std::uint64_t last_line = 0;
    std::vector<Waiting> waiting;
    std::uint64_t recorded = 0;  // newest durable version
    Time record_again_at = Time::max();
    std::map<std::string, wire::WorkerMetricsT> metrics;  // by worker of the newest attempt
    std::string figures;  // the last that were recorded, shown while there are no others
    std::map<std::string, std::string> supervisor_of;  // of all workers, for their logs
  };
  struct Supervisor {
    std::string host;
    std::uint32_t slots = 0;  // 0: it has not said hello yet
    std::int32_t pid = 0;
    Lease lease;
    bool is_alive = false;
    bool is_shut_down = false;
  };
  struct WorkerLink {
    Lease lease;
    std::int64_t sent = 0;      // messages that count, since the last Welcome
    std::int64_t received = 0;  // since the last Hello
  };
  struct Question {
    std::string peer;
    std::uint64_t request;
  };

  ClusterCoordinator(ClusterCoordinatorOptions options, std::unique_ptr<ClusterFolder> folder);
  void take_over(ClusterFolder::Found found);
  Job& add_job(JobRecord record, std::uint64_t seed);

  // ---- Actor, MessageHandler: cluster_coordinator.cc
  void handle(ClusterEvent event) override;
  void tick(Time now) override;
  Time next_tick() const override;
  void on_message(std::string_view peer, std::string_view head, std::string_view payload) override;
  void perform(ClusterEvent::Arrived arrived);
  void perform(ClusterEvent::Opened opened);
  void perform(ClusterEvent::Recorded recorded);
  void perform(ClusterEvent::IdReady ready);
  void perform(ClusterEvent::ManifestDone done);
  void perform(ClusterEvent::SavepointKept kept);
  void perform(ClusterEvent::Submitted submitted);
  void perform(ClusterEvent::Answer answer);
  void perform(ClusterEvent::Warning warning) { options_.say(warning.text); }
  void judge_leases(Time now);
  void forgive(Time gap);
  void place_waiting_jobs();
  std::vector<FreeSlots> free_slots() const;
  void end_if_shut_down(Time now);

  template <class Body>
  void send(const std::string& to, Body body, std::uint64_t request = 0) {
    endpoint_->send(to, encode_control(control(std::move(body), request)));
  }

  // A message whose loss would be noticed: control.fbs, Heartbeat.
  template <class Body>
  void tell_worker(const std::string& worker, Body body) {
    const auto link = links_.find(worker);
    if (link != links_.end()) ++link->second.sent;
    send("w:" + worker, std::move(body));
  }

  // ---- what automata decide: coordinator_effects.cc
  void apply(Job& job, life::Effects effects);
  void perform(Job& job, const life::OpenAttempt& open);
  void perform(Job& job, const life::CloseAttempt&);
  void perform(Job& job, const life::Persist& persist);
  void perform(Job& job, const life::StartWorker& start);
  void perform(Job& job, const life::DeployWorker& deploy);
  void perform(Job& job, const life::TellTask& tell);
  void perform(Job& job, const life::FenceWorker& fence);
  void perform(Job& job, const life::StopWorker& stop);
  void perform(Job& job, const life::EndWorker& end);
  void perform(Job& job, const life::FetchId&);
  void perform(Job& job, life::CompleteCheckpoint& complete);
  void perform(Job& job, const life::KeepSavepoint& keep);
  void perform(Job& job, const life::SavepointEnded& ended);
  void perform(Job& job, const life::Note& note);
  void record(Job& job, std::uint64_t version);
  void answer_recorded(Job& job, const absl::Status& status);

  // ---- supervisors and workers: coordinator_peers.cc
  void hear_peer(const std::string& peer, wire::MessageT& message);
  void hear_supervisor(const std::string& name, wire::MessageT& message);
  void hear_worker(const std::string& name, wire::MessageT& message);
  void hear(const std::string& name, const wire::SupervisorHelloT& hello);
  void check_workers(const std::string& supervisor, const wire::SupervisorHelloT& hello);
  void hear(const wire::WorkerExitedT& exited);
  void hear(const std::string& name, const wire::WorkerHelloT& hello);
  void hear(const std::string& name, const wire::HeartbeatT& beat);
  void hear_current(Job& job, const std::string& name, wire::BodyUnion& body);
  // The job that counts `worker` among those that are not gone; null: none does.
  Job* job_of_worker(const std::string& worker);
  Job* job_of(const std::string& id);
  void send_program_part(const std::string& peer, const wire::FetchProgramT& ask,
                         std::uint64_t request);

  // ---- clients: coordinator_clients.cc
  void hear_client(const std::string& peer, wire::MessageT& message);
  Job* job_of_submission(const std::string& id) const;
  void look_for_program(const std::string& peer, std::uint64_t request, wire::SubmitT submit);
  void submit(const ClusterEvent::Submitted& submitted);
  void answer_submitted(Job& job, const std::string& peer, std::uint64_t request);
  void upload(const std::string& peer, std::uint64_t request, wire::UploadProgramT part);
  void request_of(const std::string& peer, std::uint64_t request, const std::string& job_name,
                  const std::function<absl::StatusOr<life::Effects>(Job&)>& ask);
  absl::StatusOr<life::Effects> rescale(Job& job, const wire::RescaleJobT& ask);
  absl::StatusOr<life::Effects> stop(Job& job, const wire::StopJobT& ask);
  void take_savepoint(const std::string& peer, std::uint64_t request,
                      const wire::TakeSavepointT& ask);
  void answer_jobs(const std::string& peer, std::uint64_t request, bool with_ended);
  void answer_events(const std::string& peer, std::uint64_t request, const wire::GetEventsT& ask);
  void forward_log(const std::string& peer, std::uint64_t request, wire::GetLogT ask);
  wire::ClusterT describe_cluster() const;
  void shut_down();
  void refuse(const std::string& peer, std::uint64_t request, wire::FailureCode code,
              std::string text);
  void refuse(const std::string& peer, std::uint64_t request, const absl::Status& status);
  // By id, or by name: the newest one of that name, one that runs before one that has ended.
  absl::StatusOr<Job*> find_job(const std::string& id_or_name);
  absl::Status check_submit(const wire::SubmitT& submit) const;

  // ---- what people are told: coordinator_report.cc
  wire::JobInfoT describe(const Job& job) const;
  static std::string pack_figures(const Job& job);

  const ClusterCoordinatorOptions options_;
  const std::unique_ptr<ClusterFolder> folder_;
  std::unique_ptr<runtime::Endpoint> endpoint_;
  std::map<std::string, std::unique_ptr<Job>> jobs_;  // by id
  std::vector<Job*> order_;                           // as they were submitted
  std::uint64_t last_number_ = 0;
  std::map<std::string, Supervisor> supervisors_;
  std::map<std::string, WorkerLink> links_;  // of those that have said hello, or are expected to
  std::map<std::uint64_t, Question> forwarded_;
  std::uint64_t last_forwarded_ = 0;
  std::map<std::uint64_t, Question> savepoint_asks_;  // by ticket
  std::uint64_t last_ticket_ = 0;
  std::map<std::string, Question> being_judged_;  // by submission id: who has asked for it last
  Time ran_at_{0};
  Time shutdown_until_ = Time::max();
  std::atomic<bool> is_done_{false};
};

}  // namespace weir::coordinator
