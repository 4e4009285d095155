// A cluster around the real coordinator: supervisors and workers that follow a script, over a
// network, a disk and a clock that the test drives. Everything happens in run_for().
#pragma once

#include <gtest/gtest.h>

#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "control/snapshot_message.h"
#include "coordinator/src/cluster/cluster_coordinator.h"
#include "job_life_fixture.h"
#include "tiny_network.h"
#include "weir/runtime/simulated_storage.h"

namespace weir::coordinator {

inline const std::string kProgram(64, 'a');
inline constexpr const char* kAddress = "tcp://127.0.0.1:4700";

class ProgramsInMemory final : public Programs {
 public:
  bool has(const std::string& sha256) const override { return programs.count(sha256) != 0; }
  std::string path(const std::string& sha256) const override { return "/" + sha256; }
  absl::StatusOr<std::uint64_t> append(const std::string& sha256, std::uint64_t offset,
                                       std::uint64_t total, std::string_view bytes) override {
    std::string& part = parts[sha256];
    if (offset != part.size()) return absl::OutOfRangeError("a gap");
    part += bytes;
    if (part.size() == total) programs[sha256] = part;
    return part.size();
  }
  absl::StatusOr<Part> read(const std::string& sha256, std::uint64_t offset,
                            std::uint64_t most) const override {
    const auto it = programs.find(sha256);
    if (it == programs.end()) return absl::NotFoundError("there is no program " + sha256);
    return Part{it->second.size(), it->second.substr(offset, most)};
  }
  void forget_old(const std::set<std::string>&) override {}

  std::map<std::string, std::string> programs = {{kProgram, "a program"}};
  std::map<std::string, std::string> parts;
};

// What everybody who speaks to the coordinator has.
class Member : public runtime::MessageHandler {
 public:
  Member(tests::TinyNetwork& net, const std::string& name) {
    endpoint_ = *net.open({.name = name, .listen = ""}, *this);
    endpoint_->connect("coordinator", kAddress).IgnoreError();
  }
  template <class Body>
  void tell(Body body, std::uint64_t request = 0) {
    endpoint_->send("coordinator", encode_control(control(std::move(body), request)));
  }
  void tell_bytes(std::string bytes) { endpoint_->send("coordinator", {std::move(bytes), {}}); }
  void on_message(std::string_view, std::string_view head, std::string_view) override {
    absl::StatusOr<wire::MessageT> message = decode_control(head);
    ASSERT_TRUE(message.ok()) << message.status();
    heard.push_back(*message);
    hear(*message);
  }
  virtual void hear(wire::MessageT&) {}

  std::vector<wire::MessageT> heard;

 private:
  std::unique_ptr<runtime::Endpoint> endpoint_;
};

class ScriptedCluster;

class ScriptedWorker final : public Member {
 public:
  ScriptedWorker(tests::TinyNetwork& net, ScriptedCluster& cluster, const wire::StartWorkerT& start)
      : Member(net, "w:" + start.worker), cluster_(cluster), start_(start) {}
  void hello();
  void beat();
  void hear(wire::MessageT& message) override;
  void event(std::uint32_t task, wire::TaskEventKind kind, std::uint64_t id = 0,
             const std::string& error = "");
  void ack(std::uint32_t task, std::uint64_t id);
  void end_tasks();

  struct Task {
    bool has_ended = false;
    std::uint64_t committed = 0;
    std::uint64_t barrier = 0;
  };
  const wire::StartWorkerT& start() const { return start_; }
  std::map<std::uint32_t, Task> tasks;
  std::uint64_t restored = 0;
  bool is_over = false;     // has been told to exit
  bool is_silent = false;   // paused: hears and says nothing
  std::uint64_t beats = 0;  // that were answered

 private:
  ScriptedCluster& cluster_;
  const wire::StartWorkerT start_;
  std::uint64_t last_beat_ = 0;
  std::int64_t told_ = 0;
  std::int64_t heard_ = 0;
};

class ScriptedSupervisor final : public Member {
 public:
  ScriptedSupervisor(tests::TinyNetwork& net, ScriptedCluster& cluster, const std::string& called,
                     std::uint32_t slots)
      : Member(net, "s:" + called), name(called), cluster_(cluster), slots_(slots) {}
  void hello();
  void beat();
  void hear(wire::MessageT& message) override;
  // The worker's process ends.
  void kill(const std::string& worker, const std::string& reason = "killed by signal 9");

  const std::string name;
  std::map<std::string, std::unique_ptr<ScriptedWorker>> workers;
  bool is_silent = false;
  bool is_shut_down = false;

 private:
  ScriptedCluster& cluster_;
  const std::uint32_t slots_;
  bool is_welcome_ = false;
};

class ScriptedCluster : public ::testing::Test {
 protected:
  void SetUp() override { start(); }
  void TearDown() override { stop(); }

 public:
  absl::StatusOr<std::unique_ptr<ClusterCoordinator>> make() {
    ClusterCoordinatorOptions options;
    options.dir = "/cluster";
    options.listen = kAddress;
    options.transport = &net;
    options.storage = &disk;
    options.clock = &clock;
    options.executor = executor.get();
    options.programs = &programs;
    options.lease = {std::chrono::seconds(3), std::chrono::seconds(10)};
    options.job.restart.delay = std::chrono::seconds(1);
    options.job.restart.jitter = 0;
    options.say = [this](const std::string& line) { said.push_back(line); };
    options.version = "test";
    return ClusterCoordinator::start(options);
  }
  void start() {
    executor = runtime::make_single_executor(++seed, clock, &clock);
    auto made = make();
    ASSERT_TRUE(made.ok()) << made.status();
    coordinator = *std::move(made);
  }
  // Nothing that it had in mind is done: it is killed.
  void stop() {
    if (coordinator == nullptr) return;
    executor->stop();
    coordinator.reset();
  }
  void restart() {
    stop();
    start();
  }

  void run_for(runtime::MonotonicTime time) {
    const runtime::MonotonicTime until = clock.now() + time;
    while (clock.now() < until) {
      for (auto& [name, supervisor] : supervisors) {
        supervisor->beat();
        for (auto& [worker, process] : supervisor->workers) process->beat();
        std::erase_if(supervisor->workers, [&](const auto& entry) {
          return entry.second->is_over && (report_exit(*supervisor, entry.first), true);
        });
      }
      executor->drive(clock.now() + std::chrono::milliseconds(100));
    }
  }
  ScriptedSupervisor& supervisor(const std::string& name, std::uint32_t slots = 2) {
    auto& entry = supervisors[name];
    if (entry == nullptr) entry = std::make_unique<ScriptedSupervisor>(net, *this, name, slots);
    return *entry;
  }
  static void report_exit(ScriptedSupervisor& supervisor, const std::string& worker);

  // The answer to a question of a client; the messages of others in between go their way.
  template <class Body>
  wire::MessageT ask(Body body) {
    client.heard.clear();
    client.tell(std::move(body), ++request);
    for (int i = 0; i < 100 && client.heard.empty(); ++i) run_for(std::chrono::milliseconds(100));
    if (client.heard.empty()) return {};
    EXPECT_EQ(client.heard.front().request, request);
    return client.heard.front();
  }
  template <class Body>
  std::string refusal(Body body) {
    const wire::MessageT answer = ask(std::move(body));
    const auto* failure = answer.body.AsFailure();
    return failure == nullptr ? "" : failure->message;
  }
  wire::SubmitT submission(std::uint32_t parallelism = 2, std::chrono::microseconds interval = {}) {
    wire::SubmitT submit;
    submit.name = "flights";
    submit.program_sha256 = kProgram;
    submit.program_name = "flights";
    submit.plan = std::make_unique<wire::PlanSpecT>(make_spec(parallelism, interval)->plan);
    submit.parallelism = parallelism;
    submit.wait_for_slots = true;
    return submit;
  }
  std::string submit(wire::SubmitT submit) {
    const wire::MessageT answer = ask(std::move(submit));
    const auto* submitted = answer.body.AsSubmitted();
    EXPECT_NE(submitted, nullptr);
    return submitted == nullptr ? "" : submitted->job;
  }
  wire::JobInfoT info(const std::string& job) {
    wire::GetJobT get;
    get.job = job;
    wire::MessageT answer = ask(std::move(get));
    auto* jobs = answer.body.AsJobs();
    EXPECT_NE(jobs, nullptr);
    return jobs == nullptr ? wire::JobInfoT() : *jobs->jobs.at(0);
  }
  std::vector<ScriptedWorker*> workers() {
    std::vector<ScriptedWorker*> all;
    for (auto& [name, supervisor] : supervisors) {
      for (auto& [worker, process] : supervisor->workers) all.push_back(process.get());
    }
    return all;
  }

  runtime::ManualClock clock{std::chrono::seconds(1000)};
  runtime::SimulatedStorage disk{1};
  tests::TinyNetwork net;
  ProgramsInMemory programs;
  std::uint64_t seed = 0;
  std::unique_ptr<runtime::Executor> executor;
  std::unique_ptr<ClusterCoordinator> coordinator;
  std::map<std::string, std::unique_ptr<ScriptedSupervisor>> supervisors;
  Member client{net, "c:test"};
  std::uint64_t request = 0;
  std::vector<std::string> said;
  // By epoch and id: tasks that have seen the barrier.
  std::map<std::uint64_t, std::map<std::uint64_t, std::set<std::uint32_t>>> barriers;
};

// --- Workers -------------------------------------------------------------------------------------

inline void ScriptedWorker::hello() {
  wire::WorkerHelloT hello;
  hello.job = start_.job;
  hello.epoch = start_.epoch;
  hello.worker = start_.worker;
  hello.pid = 77;
  hello.data_address = "tcp://" + start_.worker;
  hello.plan_fingerprint = "f00";
  told_ = 0;
  tell(std::move(hello));
}

inline void ScriptedWorker::beat() {
  if (is_silent || is_over) return;
  if (tasks.empty()) hello();
  wire::HeartbeatT beat;
  beat.sequence = ++last_beat_;
  beat.counted = told_;
  tell(beat);
}

inline void ScriptedWorker::event(std::uint32_t task, wire::TaskEventKind kind, std::uint64_t id,
                                  const std::string& error) {
  wire::TaskEventT event;
  event.job = start_.job;
  event.epoch = start_.epoch;
  event.task = task;
  event.kind = kind;
  event.checkpoint = id;
  event.error_code = error.empty() ? 0 : 13;
  event.error = error;
  ++told_;
  tell(std::move(event));
}

inline void ScriptedWorker::ack(std::uint32_t task, std::uint64_t id) {
  tasks[task].barrier = id;
  wire::SnapshotDoneT done;
  done.job = start_.job;
  done.epoch = start_.epoch;
  done.task = task;
  done.checkpoint = id;
  runtime::TaskSnapshot snapshot;
  snapshot.uid = "task";
  snapshot.index = task;
  done.snapshot = std::make_unique<wire::TaskSnapshotT>(to_wire(snapshot));
  ++told_;
  tell(std::move(done));
}

inline void ScriptedWorker::end_tasks() {
  for (auto& [task, state] : tasks) {
    state.has_ended = true;
    event(task, wire::TaskEventKind::Ended);
  }
}

inline void ScriptedWorker::hear(wire::MessageT& message) {
  if (is_silent || is_over) return;
  using Kind = wire::TaskEventKind;
  wire::BodyUnion& body = message.body;
  const bool counts = body.AsDeploy() != nullptr || body.AsTaskCommand() != nullptr ||
                      body.AsEndWorker() != nullptr || body.AsFenced() != nullptr;
  if (counts) ++heard_;
  if (body.AsIntroduce() != nullptr) {
    hello();
  } else if (const auto* beat = body.AsHeartbeat()) {
    ++beats;
    if (beat->counted != heard_) hello();
  } else if (body.AsWorkerWelcome() != nullptr) {
    heard_ = 0;
  } else if (const auto* deploy = body.AsDeploy()) {
    for (std::uint32_t task = 0; tasks.empty() || task < deploy->worker_of_task.size(); ++task) {
      if (task >= deploy->worker_of_task.size()) break;
      if (deploy->workers[deploy->worker_of_task[task]]->worker == start_.worker) tasks[task];
    }
    restored = deploy->restored_checkpoint;
    for (const auto& [task, state] : tasks) {
      event(task, Kind::Running);
      if (state.has_ended) event(task, Kind::Ended);
      if (state.committed != 0) event(task, Kind::Committed, state.committed);
    }
  } else if (const auto* order = body.AsTaskCommand()) {
    if (order->epoch != start_.epoch) return;
    Task& task = tasks[order->task];
    if (order->kind == wire::CommandKind::Commit) {
      task.committed = std::max(task.committed, order->checkpoint);
      event(order->task, Kind::Committed, order->checkpoint);
    } else if (order->kind == wire::CommandKind::Checkpoint && task.barrier < order->checkpoint) {
      ack(order->task, order->checkpoint);
      cluster_.barriers[start_.epoch][order->checkpoint].insert(order->task);
      const auto& seen = cluster_.barriers[start_.epoch][order->checkpoint];
      if (seen.count(0) == 0 || seen.count(1) == 0) return;
      for (ScriptedWorker* other : cluster_.workers()) {
        if (other->start_.epoch != start_.epoch) continue;
        for (auto& [index, state] : other->tasks) {
          if (index >= 2 && state.barrier < order->checkpoint) other->ack(index, order->checkpoint);
        }
      }
    }
  } else if (body.AsEndWorker() != nullptr || body.AsFenced() != nullptr) {
    is_over = true;
  }
}

// --- Supervisors ---------------------------------------------------------------------------------

inline void ScriptedSupervisor::hello() {
  wire::SupervisorHelloT hello;
  hello.supervisor = name;
  hello.host = "host-" + name;
  hello.slots = slots_;
  for (const auto& [worker, process] : workers) {
    auto ref = std::make_unique<wire::WorkerRefT>();
    ref->worker = worker;
    ref->job = process->start().job;
    ref->epoch = process->start().epoch;
    ref->pid = 77;
    hello.workers.push_back(std::move(ref));
  }
  tell(std::move(hello));
}

inline void ScriptedSupervisor::beat() {
  if (is_silent || is_shut_down) return;
  if (is_welcome_) {
    tell(wire::HeartbeatT{});
  } else {
    hello();
  }
}

inline void ScriptedSupervisor::hear(wire::MessageT& message) {
  if (is_silent || is_shut_down) return;
  wire::BodyUnion& body = message.body;
  if (body.AsSupervisorWelcome() != nullptr) {
    is_welcome_ = true;
  } else if (body.AsIntroduce() != nullptr) {
    hello();
  } else if (auto* start = body.AsStartWorker()) {
    if (workers.count(start->worker) == 0) {
      workers[start->worker] = std::make_unique<ScriptedWorker>(cluster_.net, cluster_, *start);
    }
    wire::WorkerStartedT started;
    started.job = start->job;
    started.epoch = start->epoch;
    started.worker = start->worker;
    started.pid = 77;
    tell(std::move(started));
  } else if (const auto* stop = body.AsStopWorker()) {
    wire::WorkerExitedT exited;
    exited.job = stop->job;
    exited.epoch = stop->epoch;
    exited.worker = stop->worker;
    exited.reason = "stopped";
    workers.erase(stop->worker);
    tell(std::move(exited));
  } else if (const auto* log = body.AsGetLog()) {
    wire::LogPartT part;
    part.worker = log->worker;
    part.bytes = {'h', 'i'};
    part.end = 2;
    tell(std::move(part), message.request);
  } else if (body.AsShutdownSupervisor() != nullptr) {
    while (!workers.empty()) kill(std::string(workers.begin()->first), "stopped");
    is_shut_down = true;
  }
}

inline void ScriptedSupervisor::kill(const std::string& worker, const std::string& reason) {
  wire::WorkerExitedT exited;
  exited.job = workers.at(worker)->start().job;
  exited.epoch = workers.at(worker)->start().epoch;
  exited.worker = worker;
  exited.reason = reason;
  workers.erase(worker);
  if (!is_silent) tell(std::move(exited));
}

inline void ScriptedCluster::report_exit(ScriptedSupervisor& supervisor,
                                         const std::string& worker) {
  wire::WorkerExitedT exited;
  exited.job = supervisor.workers.at(worker)->start().job;
  exited.epoch = supervisor.workers.at(worker)->start().epoch;
  exited.worker = worker;
  exited.reason = "exited with code 0";
  if (!supervisor.is_silent) supervisor.tell(std::move(exited));
}

}  // namespace weir::coordinator
