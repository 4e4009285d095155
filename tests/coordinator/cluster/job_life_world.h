// A small world around one JobLife: workers, their links, a checkpoint folder and a clock, driven
// step by step from a seed. Links lose, workers die or fall silent, the folder fails, the
// coordinator is killed and comes back. What may never happen is checked at each step.
#pragma once

#include <gtest/gtest.h>

#include <deque>
#include <functional>
#include <map>
#include <random>
#include <set>

#include "job_life_fixture.h"

namespace weir::coordinator {

class JobLifeWorld {
 public:
  explicit JobLifeWorld(std::uint64_t seed) : random_(seed), seed_(seed) {
    JobRecord record;
    record.spec = make_spec(kParallelism, std::chrono::seconds(1));
    durable_ = record;
    start_coordinator();
  }

  void run(int faulty_steps, int most_steps) {
    int steps = 0;
    const auto has_ended = [this] { return life_->is_over() && is_ended(life_->state()); };
    while (steps < faulty_steps && !has_ended()) step(++steps, true);
    while (steps < most_steps && !has_ended() && !::testing::Test::HasFatalFailure()) {
      step(++steps, false);
    }
    if (::testing::Test::HasFatalFailure()) return;
    ASSERT_EQ(life_->state(), wire::JobState::Finished)
        << "seed " << seed_ << ": phase " << static_cast<int>(life_->phase()) << " after " << steps
        << " steps; " << life_->record().last_failure;
    check_output();
  }
  std::uint64_t faults() const { return faults_; }
  std::uint64_t adoptions() const { return adoptions_; }
  std::uint64_t epochs() const { return folder_.epoch; }

 private:
  static constexpr std::uint32_t kParallelism = 2;
  static constexpr std::uint32_t kTasks = 2 * kParallelism;
  static constexpr int kRecords = 150;  // per spout

  using Positions = std::vector<int>;  // by spout
  struct Manifest {
    Positions positions;
    bool is_final = false;
  };
  struct Folder {
    std::uint64_t epoch = 0;
    std::uint64_t last_id = 0;
    std::map<std::uint64_t, Manifest> complete;
  };
  struct Task {
    bool runs = false;
    bool has_ended = false;
    int position = 0;  // of a spout
    std::uint64_t barrier = 0;
    std::uint64_t committed = 0;
    bool is_cancelled = false;
  };
  struct Process {
    std::uint64_t epoch = 0;
    bool is_alive = true;
    bool is_fenced = false;  // its lease is over
    bool is_deployed = false;
    std::map<std::uint32_t, Task> tasks;
    std::deque<std::function<void()>> in;   // from the coordinator
    std::deque<std::function<void()>> out;  // to it
  };

  std::uint64_t draw(std::uint64_t n) { return random_() % n; }
  bool chance(std::uint64_t one_in) { return draw(one_in) == 0; }

  // --- The coordinator ---------------------------------------------------------------------------
  void start_coordinator() {
    io_.clear();
    ++incarnation_;
    JobLife::Options options = JobLifeTestOptions();
    options.seed = seed_;
    life_.emplace(durable_, options);
    perform(life_->begin(now_));
    for (auto& [name, process] : processes_) {
      process.out.clear();
      process.in.clear();
      if (process.is_alive) say_hello(name);  // Introduce
    }
    // Supervisors list their workers: those who are not there are gone.
    for (const JobLife::Worker& worker : std::vector<JobLife::Worker>(life_->workers())) {
      const auto it = processes_.find(worker.name);
      if (it == processes_.end() || !it->second.is_alive) {
        perform(life_->on_worker_gone(worker.name, "not there", now_));
      }
    }
  }
  static JobLife::Options JobLifeTestOptions() {
    JobLife::Options options;
    options.restart.delay = std::chrono::seconds(1);
    options.restart.longest = std::chrono::seconds(4);
    options.repeat = std::chrono::seconds(2);
    options.start_timeout = std::chrono::seconds(30);
    options.checkpoint_timeout = std::chrono::seconds(20);
    return options;
  }
  void perform(life::Effects effects) {
    for (life::Effect& effect : effects) {
      std::visit([this](auto& e) { perform(e); }, effect);
    }
  }
  void perform(life::OpenAttempt& open);
  void perform(life::CloseAttempt&) {}
  void perform(life::Persist& persist);
  void perform(life::StartWorker& start);
  void perform(life::DeployWorker& deploy);
  void perform(life::TellTask& tell);
  void perform(life::FenceWorker& fence);
  void perform(life::StopWorker& stop);
  void perform(life::EndWorker& end) { perform_stop(end.worker); }
  void perform(life::FetchId&);
  void perform(life::CompleteCheckpoint& complete);
  void perform(life::KeepSavepoint&) {}
  void perform(life::SavepointEnded&) {}
  void perform(life::Note&) {}
  void perform_stop(const std::string& worker);

  // --- Processes ---------------------------------------------------------------------------------
  Process* process(const std::string& name) {
    const auto it = processes_.find(name);
    return it == processes_.end() || !it->second.is_alive ? nullptr : &it->second;
  }
  void say_hello(const std::string& name);
  void deploy(const std::string& name, std::uint64_t restored,
              const std::vector<std::uint32_t>& worker_of_task, std::uint32_t self);
  void report(const std::string& name, std::uint32_t task, wire::TaskEventKind kind,
              std::uint64_t id = 0);
  void command(const std::string& name, std::uint32_t task, const runtime::TaskCommand& command);
  void take_barrier(const std::string& name, std::uint32_t task, std::uint64_t id);
  void kill(const std::string& name);

  // --- Time and chance ---------------------------------------------------------------------------
  void step(int number, bool with_faults);
  void deliver();
  void work();
  void fault();
  void check_output() const;

  std::mt19937_64 random_;
  const std::uint64_t seed_;
  runtime::MonotonicTime now_ = std::chrono::seconds(100);
  std::optional<JobLife> life_;
  std::uint64_t incarnation_ = 0;
  JobRecord durable_;
  std::deque<std::function<void()>> io_;
  Folder folder_;
  std::map<std::string, Process> processes_;
  std::map<std::uint64_t, std::map<std::uint64_t, std::map<std::uint32_t, int>>> barriers_;
  std::uint64_t largest_commit_ = 0;
  std::uint64_t faults_ = 0;
  std::uint64_t adoptions_ = 0;
};

inline void JobLifeWorld::perform(life::OpenAttempt& open) {
  io_.push_back([this, ticket = open.ticket, resume = open.resume_epoch] {
    if (chance(12))
      return perform(life_->on_opened(ticket, absl::UnavailableError("no folder"), now_));
    if (resume != 0 && resume != folder_.epoch) {
      return perform(life_->on_opened(ticket, absl::AbortedError("another epoch"), now_));
    }
    if (resume == 0) ++folder_.epoch;
    if (resume != 0) ++adoptions_;
    life::Opened opened{folder_.epoch, runtime::CheckpointId(0), false};
    if (!folder_.complete.empty()) {
      opened.restored = runtime::CheckpointId(folder_.complete.rbegin()->first);
      opened.is_final = folder_.complete.rbegin()->second.is_final;
    }
    perform(life_->on_opened(ticket, opened, now_));
  });
}

inline void JobLifeWorld::perform(life::Persist& persist) {
  io_.push_back([this, version = persist.version, record = life_->record()] {
    if (chance(40)) {
      return perform(life_->on_recorded(version, absl::UnavailableError("no disk"), now_));
    }
    durable_ = record;
    perform(life_->on_recorded(version, absl::OkStatus(), now_));
  });
}

inline void JobLifeWorld::perform(life::StartWorker& start) {
  bool is_recorded = false;
  for (const WorkerRecord& worker : durable_.workers) {
    is_recorded = is_recorded || worker.worker == start.worker;
  }
  ASSERT_TRUE(is_recorded) << "seed " << seed_ << ": " << start.worker << " was not recorded";
  for (const auto& [name, other] : processes_) {
    ASSERT_TRUE(other.epoch == life_->epoch() || !other.is_alive || other.is_fenced)
        << "seed " << seed_ << ": " << name << " lives while " << start.worker << " is started";
  }
  Process& fresh = processes_[start.worker];
  fresh.epoch = life_->epoch();
  perform(life_->on_worker_started(fresh.epoch, start.worker, 1));
  say_hello(start.worker);
}

inline void JobLifeWorld::perform(life::DeployWorker& deploy_to) {
  std::uint32_t self = 0;
  for (std::uint32_t i = 0; i < life_->workers().size(); ++i) {
    if (life_->workers()[i].name == deploy_to.worker) self = i;
  }
  if (Process* to = process(deploy_to.worker)) {
    to->in.push_back([this, name = deploy_to.worker, restored = life_->restored().value,
                      tasks = life_->worker_of_task(),
                      self] { deploy(name, restored, tasks, self); });
  }
}

inline void JobLifeWorld::perform(life::TellTask& tell) {
  if (tell.command.kind == runtime::TaskCommand::Kind::kCommit) {
    ASSERT_TRUE(folder_.complete.count(tell.command.id.value) == 1)
        << "seed " << seed_ << ": commit " << tell.command.id.value << " is not complete";
  }
  if (tell.command.kind == runtime::TaskCommand::Kind::kCheckpoint) {
    std::size_t running = 0;
    for (const auto& [name, other] : processes_) {
      for (const auto& [task, state] : other.tasks) {
        running += other.epoch == life_->epoch() && state.runs ? 1 : 0;
      }
    }
    ASSERT_EQ(running, kTasks) << "seed " << seed_ << ": a checkpoint before all tasks run";
  }
  if (Process* to = process(tell.worker)) {
    to->in.push_back([this, name = tell.worker, task = tell.task.value, order = tell.command] {
      command(name, task, order);
    });
  }
}

inline void JobLifeWorld::perform(life::FenceWorker& fence) {
  if (Process* to = process(fence.worker)) {
    to->in.push_back([this, name = fence.worker] { kill(name); });
  }
}

inline void JobLifeWorld::perform(life::StopWorker& stop) { perform_stop(stop.worker); }

inline void JobLifeWorld::perform_stop(const std::string& worker) {
  if (Process* to = process(worker)) {
    to->in.push_back([this, worker] { kill(worker); });
  } else {
    io_.push_back([this, worker] { perform(life_->on_worker_gone(worker, "exited", now_)); });
  }
}

inline void JobLifeWorld::perform(life::FetchId&) {
  io_.push_back([this, epoch = life_->epoch()] {
    perform(life_->on_id(epoch, runtime::CheckpointId(++folder_.last_id), now_));
  });
}

inline void JobLifeWorld::perform(life::CompleteCheckpoint& complete) {
  io_.push_back([this, epoch = life_->epoch(), id = complete.id, is_final = complete.is_final] {
    if (epoch != folder_.epoch) return;
    ASSERT_TRUE(folder_.complete.empty() || id.value > folder_.complete.rbegin()->first);
    const auto outcome = draw(20);
    if (outcome != 0) {
      Manifest manifest{Positions(kParallelism), is_final};
      for (const auto& [task, position] : barriers_[epoch][id.value]) {
        if (task < kParallelism) manifest.positions[task] = position;
      }
      folder_.complete[id.value] = manifest;
    }
    const bool in_doubt = outcome == 1;
    const absl::Status status = outcome <= 1 ? absl::UnavailableError("no disk") : absl::OkStatus();
    perform(life_->on_manifest(epoch, id, status, in_doubt, now_));
  });
}

// --- Processes -----------------------------------------------------------------------------------

inline void JobLifeWorld::say_hello(const std::string& name) {
  Process& from = processes_[name];
  from.out.push_back([this, name, epoch = from.epoch] {
    const JobLife::Worker* known = life_->worker(name);
    if (epoch != life_->epoch() || known == nullptr || known->is_gone()) {
      if (Process* to = process(name)) to->in.push_back([this, name] { kill(name); });  // Fenced
      return;
    }
    perform(life_->on_worker_hello(epoch, name, 1, "x", "f00", now_));
  });
}

inline void JobLifeWorld::report(const std::string& name, std::uint32_t task,
                                 wire::TaskEventKind kind, std::uint64_t id) {
  Process& from = processes_[name];
  from.out.push_back([this, epoch = from.epoch, task, kind, id] {
    perform(life_->on_task_event(epoch, runtime::TaskId(task), kind, runtime::CheckpointId(id), {},
                                 now_));
  });
}

inline void JobLifeWorld::deploy(const std::string& name, std::uint64_t restored,
                                 const std::vector<std::uint32_t>& worker_of_task,
                                 std::uint32_t self) {
  Process& me = processes_[name];
  me.is_fenced = false;  // it was adopted by a coordinator that knows nothing of its silence
  if (!me.is_deployed) {
    me.is_deployed = true;
    for (std::uint32_t task = 0; task < kTasks; ++task) {
      if (worker_of_task[task] != self) continue;
      Task& state = me.tasks[task];
      state.runs = true;
      if (restored == 0) continue;
      const Manifest& manifest = folder_.complete.at(restored);
      if (task < kParallelism) state.position = manifest.positions[task];
      if (!manifest.is_final) continue;
      state.is_cancelled = true;
      state.committed = restored;
    }
  }
  for (const auto& [task, state] : me.tasks) {
    if (!state.is_cancelled) report(name, task, wire::TaskEventKind::Running);
    if (state.has_ended) report(name, task, wire::TaskEventKind::Ended);
    if (state.committed != 0) report(name, task, wire::TaskEventKind::Committed, state.committed);
  }
}

inline void JobLifeWorld::command(const std::string& name, std::uint32_t task,
                                  const runtime::TaskCommand& order) {
  Process& me = processes_[name];
  const auto it = me.tasks.find(task);
  if (it == me.tasks.end()) return;
  using Kind = runtime::TaskCommand::Kind;
  if (order.kind == Kind::kCheckpoint) take_barrier(name, task, order.id.value);
  if (order.kind != Kind::kCommit || me.is_fenced) return;
  ASSERT_TRUE(folder_.complete.count(order.id.value) == 1);
  largest_commit_ = std::max(largest_commit_, order.id.value);
  it->second.committed = std::max(it->second.committed, order.id.value);
  report(name, task, wire::TaskEventKind::Committed, order.id.value);
}

// A spout's barrier passes at once to all sinks that can be reached; a sink acks with the last one.
inline void JobLifeWorld::take_barrier(const std::string& name, std::uint32_t task,
                                       std::uint64_t id) {
  Process& me = processes_[name];
  Task& state = me.tasks[task];
  if (id <= state.barrier) return;
  state.barrier = id;
  auto& at = barriers_[me.epoch][id];
  at[task] = state.position;
  const auto ack = [&](const std::string& who, std::uint32_t which) {
    Process& from = processes_[who];
    from.out.push_back([this, epoch = from.epoch, which, id] {
      perform(life_->on_snapshot(epoch, runtime::TaskId(which), runtime::CheckpointId(id),
                                 runtime::TaskSnapshot{}, now_));
    });
  };
  ack(name, task);
  for (std::uint32_t spout = 0; spout < kParallelism; ++spout) {
    if (at.count(spout) == 0) return;
  }
  for (auto& [who, other] : processes_) {
    if (!other.is_alive || other.epoch != me.epoch) continue;
    for (auto& [which, sink] : other.tasks) {
      if (which < kParallelism || sink.barrier >= id) continue;
      sink.barrier = id;
      at[which] = 0;
      ack(who, which);
    }
  }
}

inline void JobLifeWorld::kill(const std::string& name) {
  Process& me = processes_[name];
  if (!me.is_alive) return;
  me.is_alive = false;
  me.in.clear();
  me.out.clear();
  io_.push_back([this, name] { perform(life_->on_worker_gone(name, "killed", now_)); });
}

// --- Time and chance -----------------------------------------------------------------------------

inline void JobLifeWorld::step(int number, bool with_faults) {
  if (with_faults && chance(20)) fault();
  if (life_->state() == wire::JobState::Paused && chance(10)) perform(*life_->on_resume(now_));
  if (life_->wants_slots()) {
    perform(life_->on_slots({{"a", 1}, {"b", 1}}, now_));
  }
  switch (draw(4)) {
    case 0: work(); break;
    case 1:
      if (number % 4 == 0) now_ += std::chrono::milliseconds(draw(800));
      if (now_ >= life_->next_tick()) perform(life_->on_tick(now_));
      break;
    default: deliver(); break;
  }
}

inline void JobLifeWorld::deliver() {
  std::vector<std::deque<std::function<void()>>*> ready;
  if (!io_.empty()) ready.push_back(&io_);
  for (auto& [name, other] : processes_) {
    if (!other.is_alive) continue;
    if (!other.in.empty()) ready.push_back(&other.in);
    if (!other.out.empty()) ready.push_back(&other.out);
  }
  if (ready.empty()) {
    now_ += std::chrono::milliseconds(200);
    return;
  }
  auto& queue = *ready[draw(ready.size())];
  const std::function<void()> message = std::move(queue.front());
  queue.pop_front();
  message();
}

inline void JobLifeWorld::work() {
  for (auto& [name, me] : processes_) {
    if (!me.is_alive) continue;
    for (auto& [task, state] : me.tasks) {
      if (state.has_ended || state.is_cancelled) continue;
      if (task < kParallelism && state.position < kRecords && ++state.position < kRecords) continue;
      if (task >= kParallelism) {
        bool all_ended = true;
        for (const auto& [who, other] : processes_) {
          for (const auto& [which, spout] : other.tasks) {
            const bool is_spout = which < kParallelism && other.epoch == me.epoch;
            all_ended = all_ended && (!is_spout || spout.has_ended);
          }
        }
        if (!all_ended) continue;
      }
      state.has_ended = true;
      report(name, task, wire::TaskEventKind::Ended);
    }
  }
}

inline void JobLifeWorld::fault() {
  ++faults_;
  std::vector<std::string> alive;
  for (const auto& [name, other] : processes_) {
    if (other.is_alive) alive.push_back(name);
  }
  const auto kind = draw(6);
  if (kind == 0) return start_coordinator();
  if (kind == 5) {
    if (auto asked = life_->on_pause(now_); asked.ok()) perform(*std::move(asked));
    return;
  }
  if (alive.empty()) return;
  const std::string& name = alive[draw(alive.size())];
  Process& other = processes_[name];
  if (kind == 1) return kill(name);
  if (kind == 2) {  // silent for longer than its lease, host and all
    other.is_fenced = true;
    other.in.clear();
    other.out.clear();
    perform(
        life_->on_worker_failed(other.epoch, absl::UnavailableError(name + " is silent"), now_));
    perform(life_->on_worker_gone(name, "its lease is over", now_));
    return;
  }
  // A connection breaks: what is in it is lost, and it says hello again.
  other.in.clear();
  other.out.clear();
  say_hello(name);
}

inline void JobLifeWorld::check_output() const {
  ASSERT_FALSE(folder_.complete.empty());
  const auto& [id, manifest] = *folder_.complete.rbegin();
  EXPECT_TRUE(manifest.is_final);
  EXPECT_EQ(manifest.positions, Positions(kParallelism, kRecords)) << "seed " << seed_;
  EXPECT_EQ(largest_commit_ == id || life_->restored().value == id, true) << "seed " << seed_;
}

}  // namespace weir::coordinator
