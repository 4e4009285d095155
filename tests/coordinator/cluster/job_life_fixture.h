// A job's automaton under test: effects as short texts, events in one word.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "coordinator/src/cluster/job_life.h"

namespace weir::coordinator {

// Two chains, spout and sink, with `parallelism` tasks each: tasks 0..p-1 are spouts.
inline std::shared_ptr<const JobSpec> make_spec(std::uint32_t parallelism = 2,
                                                std::chrono::microseconds interval = {}) {
  auto spec = std::make_shared<JobSpec>();
  spec->id = "flights-1";
  spec->name = "flights";
  spec->program_sha256 = std::string(64, 'a');
  spec->program_name = "flights";
  spec->parallelism = parallelism;
  spec->plan.fingerprint = "f00";
  spec->plan.checkpoint_interval_us = interval.count();
  spec->plan.max_parallelism = 128;
  for (const char* uid : {"read", "write"}) {
    auto& chain = spec->plan.chains.emplace_back(std::make_unique<wire::PlanChainT>());
    chain->uid = uid;
    chain->parallelism = parallelism;
    chain->is_spout = std::string(uid) == "read";
  }
  return spec;
}

class JobLifeTest : public ::testing::Test {
 protected:
  using Log = std::vector<std::string>;
  using Kind = wire::TaskEventKind;

  static JobLife::Options options() {
    JobLife::Options out;
    out.restart.delay = std::chrono::seconds(1);
    out.restart.jitter = 0;
    out.repeat = std::chrono::seconds(2);
    out.end_timeout = std::chrono::seconds(10);
    out.start_timeout = std::chrono::seconds(60);
    return out;
  }
  void begin(JobRecord record) {
    life_.emplace(std::move(record), options());
    note(life_->begin(now_));
  }
  void begin(std::shared_ptr<const JobSpec> spec = make_spec()) {
    JobRecord record;
    record.spec = std::move(spec);
    begin(std::move(record));
    taken();
  }
  // Through all phases until every task runs, with one worker on "a" and one on "b".
  void run(std::uint64_t epoch = 1, std::uint64_t restored = 0) {
    note(life_->on_slots({{"a", 1}, {"b", 1}}, now_));
    opened(epoch, restored);
    recorded();
    hello_all();
    for (std::uint32_t task = 0; task < 4; ++task) event(task, Kind::Running);
    taken();
  }

  void opened(std::uint64_t epoch, std::uint64_t restored = 0, bool is_final = false) {
    open_fails_or({{epoch, runtime::CheckpointId(restored), is_final}});
  }
  void open_fails_or(absl::StatusOr<life::Opened> opened) {
    note(life_->on_opened(ticket_, std::move(opened), now_));
  }
  void recorded() { note(life_->on_recorded(life_->version(), absl::OkStatus(), now_)); }
  void hello(const std::string& worker) {
    note(life_->on_worker_hello(life_->epoch(), worker, 7, "tcp://" + worker, "f00", now_));
  }
  std::vector<std::string> worker_names() const {
    std::vector<std::string> names;
    for (const JobLife::Worker& worker : life_->workers()) names.push_back(worker.name);
    return names;
  }
  void hello_all() {
    for (const std::string& name : worker_names()) hello(name);
  }
  void gone(const std::string& worker) { note(life_->on_worker_gone(worker, "killed", now_)); }
  void all_gone() {
    for (const std::string& name : worker_names()) gone(name);
  }
  void event(std::uint32_t task, Kind kind, std::uint64_t id = 0) {
    note(life_->on_task_event(life_->epoch(), runtime::TaskId(task), kind,
                              runtime::CheckpointId(id), absl::OkStatus(), now_));
  }
  void events(Kind kind, std::uint64_t id = 0) {
    for (std::uint32_t task = 0; task < 4; ++task) event(task, kind, id);
  }
  void id(std::uint64_t n) { note(life_->on_id(life_->epoch(), runtime::CheckpointId(n), now_)); }
  void acks(std::uint64_t n) {
    for (std::uint32_t task = 0; task < 4; ++task) {
      note(life_->on_snapshot(life_->epoch(), runtime::TaskId(task), runtime::CheckpointId(n),
                              runtime::TaskSnapshot{}, now_));
    }
  }
  void manifest(std::uint64_t n) {
    note(life_->on_manifest(life_->epoch(), runtime::CheckpointId(n), absl::OkStatus(), false,
                            now_));
  }
  // A checkpoint, up to where everybody has committed it.
  void committed(std::uint64_t n) {
    id(n);
    acks(n);
    manifest(n);
    events(Kind::Committed, n);
  }
  // Another coordinator finds what is durable ...
  void restart() {
    JobRecord record = life_->record();
    begin(std::move(record));
  }
  // ... and starts the attempt after `restored`, until every task runs.
  void restart_and_run(std::uint64_t epoch, std::uint64_t restored) {
    restart();
    opened(epoch, restored);
    hello_all();
    taken();
    events(Kind::Running);
  }
  void tick(runtime::MonotonicTime by) {
    now_ += by;
    note(life_->on_tick(now_));
  }
  void asked(absl::StatusOr<life::Effects> effects) {
    ASSERT_TRUE(effects.ok()) << effects.status();
    note(*std::move(effects));
  }

  void note(life::Effects effects) {
    for (const life::Effect& effect : effects) {
      if (std::string text = text_of(effect); !text.empty()) log_.push_back(std::move(text));
    }
  }
  // Notes of the history go into history_.
  std::string text_of(const life::Effect& effect) {
    if (const auto* open = std::get_if<life::OpenAttempt>(&effect)) {
      ticket_ = open->ticket;
      return open->resume_epoch == 0 ? "open" : "resume " + std::to_string(open->resume_epoch);
    }
    if (std::holds_alternative<life::CloseAttempt>(effect)) return "close";
    if (std::holds_alternative<life::Persist>(effect)) return "persist";
    if (std::holds_alternative<life::FetchId>(effect)) return "id?";
    if (const auto* start = std::get_if<life::StartWorker>(&effect)) {
      return "start " + start->worker + " on " + start->supervisor;
    }
    if (const auto* deploy = std::get_if<life::DeployWorker>(&effect)) {
      return "deploy " + deploy->worker;
    }
    if (const auto* fence = std::get_if<life::FenceWorker>(&effect))
      return "fence " + fence->worker;
    if (const auto* stop = std::get_if<life::StopWorker>(&effect)) {
      return "stop " + stop->worker + " on " + stop->supervisor;
    }
    if (const auto* end = std::get_if<life::EndWorker>(&effect)) return "end " + end->worker;
    if (const auto* tell = std::get_if<life::TellTask>(&effect)) {
      const char* names[] = {"checkpoint ", "commit ", "abort ", "cancel ", "drain "};
      return names[static_cast<int>(tell->command.kind)] + std::to_string(tell->command.id.value) +
             " -> " + std::to_string(tell->task.value) + " at " + tell->worker;
    }
    if (const auto* complete = std::get_if<life::CompleteCheckpoint>(&effect)) {
      return "write " + std::to_string(complete->id.value) + (complete->is_final ? " final" : "");
    }
    if (const auto* keep = std::get_if<life::KeepSavepoint>(&effect)) {
      return "keep " + std::to_string(keep->checkpoint.value) + " in " + keep->dir + " for " +
             std::to_string(keep->ticket);
    }
    if (const auto* ended = std::get_if<life::SavepointEnded>(&effect)) {
      return "savepoint of " + std::to_string(ended->ticket) + ": " +
             (ended->kept.ok() ? "kept" : std::string(ended->kept.status().message()));
    }
    const auto& line = std::get<life::Note>(effect);
    history_.push_back(line.kind + ": " + line.text);
    return "";
  }
  Log taken() { return std::exchange(log_, {}); }
  bool has(const Log& log, const std::string& line) const {
    return std::find(log.begin(), log.end(), line) != log.end();
  }

  std::optional<JobLife> life_;
  runtime::MonotonicTime now_ = std::chrono::seconds(1000);
  std::uint64_t ticket_ = 0;
  Log log_;
  Log history_;
};

}  // namespace weir::coordinator
