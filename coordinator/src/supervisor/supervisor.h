// Supervisor: the daemon of a host. Starts, watches and kills worker processes as the coordinator
// says, and tells it what has become of them.
//
//   coordinator --StartWorker--> [fetch program] --> [start] --WorkerStarted--> ...
//   --WorkerExited-->
//
// An Actor without I/O of its own: processes, programs and logs are behind interfaces whose
// blocking calls run on the executor's I/O thread and post their results back. Without the
// coordinator it goes on watching its workers and says hello until somebody answers; the hello
// lists what runs, and that is the truth to the coordinator. Its workers survive it
// (Processes::adopt).
//
// What is stale does nothing: a worker's name is used once, a StartWorker of an epoch that is over
// is answered by WorkerExited. Why: docs/internals/cluster.md.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <variant>

#include "absl/status/status.h"
#include "control/control_message.h"
#include "supervisor/ended_workers.h"
#include "supervisor/processes.h"
#include "supervisor/program_store.h"
#include "supervisor/worker_logs.h"
#include "weir/runtime/actor.h"
#include "weir/runtime/executor.h"
#include "weir/runtime/transport.h"

namespace weir::coordinator {

struct SupervisorOptions {
  std::string name;  // unique in the cluster
  std::string host;
  std::uint32_t slots = 1;
  std::int32_t pid = 0;
  std::string coordinator;           // its address
  std::string listen = "127.0.0.1";  // address at which workers listen for others
  std::string keys;                  // the folder that workers read theirs from; empty: none
  runtime::MonotonicTime first_retry = std::chrono::milliseconds(100);
  runtime::MonotonicTime longest_retry = std::chrono::seconds(2);
  runtime::MonotonicTime fetch_retry = std::chrono::seconds(3);
  std::uint32_t fetch_tries = 20;  // without an answer
  runtime::MonotonicTime tend_interval = std::chrono::seconds(1);
  // For people: one line. From the actor's thread.
  std::function<void(const std::string&)> say = [](const std::string&) {};
  // It has ended: all workers are gone. From the actor's thread.
  std::function<void()> on_over = [] {};
};

// What a supervisor hears.
struct SupervisorEvent {
  struct Unreachable {};
  struct Refused {
    std::string why;
  };
  struct Started {
    std::string worker;
    absl::StatusOr<std::int32_t> pid;
  };
  struct Stored {
    std::string sha256;
    absl::StatusOr<std::uint64_t> have;
  };
  struct Adopted {
    std::vector<Processes::Running> workers;
  };
  std::variant<wire::MessageT, Unreachable, Refused, Started, Stored, Adopted, WorkerExit> what;
};

class Supervisor final : public runtime::Actor<SupervisorEvent>, private runtime::MessageHandler {
 public:
  // All are borrowed; `executor` is the one it is added to, by open().
  struct Parts {
    runtime::Clock& clock;
    runtime::Executor& executor;
    Processes& processes;
    Programs& programs;
    WorkerLogs& logs;
  };

  Supervisor(SupervisorOptions options, Parts parts);

  // Opens its endpoint, adopts the workers of an earlier supervisor, and is run from now on.
  absl::Status open(runtime::Transport& transport);
  // After the executor has stopped.
  void close() { endpoint_.reset(); }

 private:
  using Time = runtime::MonotonicTime;
  struct Worker {
    enum class Phase : std::uint8_t { kFetching, kStarting, kRunning };
    std::shared_ptr<const wire::StartWorkerT> start;  // none if it was adopted
    WorkerName name;
    Phase phase = Phase::kFetching;
    std::int32_t pid = 0;
    bool is_stopping = false;
  };
  struct Fetch {
    std::uint64_t have = 0;
    std::uint64_t total = 0;  // 0: not known yet
    bool is_storing = false;  // a part is on its way to the disk
    std::uint32_t tries = 0;
    Time retry_at{};
  };

  // ---- Actor, MessageHandler
  void handle(SupervisorEvent event) override;
  void tick(Time now) override;
  Time next_tick() const override;
  void on_message(std::string_view peer, std::string_view head, std::string_view payload) override;
  void on_unreachable(std::string_view peer) override;
  void on_refused(std::string_view peer, std::string_view why) override;

  // ---- the coordinator: supervisor.cc
  void heard(wire::MessageT message);
  void say_hello();
  void lost_coordinator();
  template <class Body>
  void tell(Body body, std::uint64_t request = 0);
  void answer_log(const wire::GetLogT& ask, std::uint64_t request);
  void tend();

  // ---- workers: supervisor_workers.cc
  void start_worker(wire::StartWorkerT start);
  void launch(Worker& worker);
  void started(const SupervisorEvent::Started& event);
  void adopted(SupervisorEvent::Adopted event);
  void exited(WorkerExit exit);
  void stop_worker(const wire::StopWorkerT& stop);
  void stop_job(const std::string& job, std::uint64_t up_to_epoch);
  void stop(Worker& worker);
  void shut_down();
  // Forgets the worker and reports its end.
  void end_worker(const std::string& name, wire::WorkerExitedT exit);
  // The reason why this worker may not start; empty if it may.
  std::string refusal(const wire::StartWorkerT& start) const;

  // ---- programs: supervisor_programs.cc
  void fetch(const std::string& sha256);
  void ask_for_part(const std::string& sha256, Fetch& fetch);
  void got_part(wire::ProgramPartT part);
  void stored(const SupervisorEvent::Stored& event);
  void fetch_failed(const std::string& sha256, const std::string& reason);
  void fetch_done(const std::string& sha256);

  const SupervisorOptions options_;
  runtime::Executor& executor_;
  Processes& processes_;
  Programs& programs_;
  WorkerLogs& logs_;
  std::unique_ptr<runtime::Endpoint> endpoint_;

  // Fixed once adopt() has answered: until then what comes waits.
  bool has_adopted_ = false;
  std::vector<wire::MessageT> waiting_;
  std::map<std::string, Worker> workers_;
  std::map<std::string, Fetch> fetches_;  // by SHA-256
  EndedWorkers ended_;
  bool is_shutting_down_ = false;

  bool is_welcome_ = false;
  std::string refusal_;  // that people have been told of
  Time heartbeat_{std::chrono::seconds(1)};
  std::uint64_t sequence_ = 0;
  Time heard_at_{};
  Time retry_{};  // the back-off
  Time next_hello_{};
  Time next_heartbeat_{};
  Time next_tend_{};
};

template <class Body>
void Supervisor::tell(Body body, std::uint64_t request) {
  endpoint_->send("coordinator", encode_control(control(std::move(body), request)));
}

}  // namespace weir::coordinator
