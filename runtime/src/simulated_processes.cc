#include "weir/runtime/simulated_processes.h"

#include <algorithm>

#include "weir/runtime/check.h"

namespace weir::runtime {

SimulatedProcess::~SimulatedProcess() {
  crash();
  std::erase(all_.processes_, this);
}

void SimulatedProcess::crash() {
  has_crashed_ = true;
  io_.clear();
  missed_.clear();
  all_.drop_all_of(*this);
}

void SimulatedProcess::stop() {
  while (!io_.empty()) {
    const std::function<void()> job = std::move(io_.front());
    io_.pop_front();
    job();
  }
  crash();
}

void SimulatedProcess::resume() {
  is_paused_ = false;
  for (auto& [place, job] : std::exchange(missed_, {})) {
    all_.events_.emplace(place, SimulatedProcesses::Event{this, nullptr, std::move(job)});
  }
}

void SimulatedProcess::forget(Runnable& runnable) {
  std::erase_if(all_.ready_, [&](const auto& queued) { return queued.runnable == &runnable; });
  std::erase_if(all_.events_,
                [&](const auto& entry) { return entry.second.runnable == &runnable; });
  retire(runnable);
}

void SimulatedProcess::at(MonotonicTime time, std::function<void()> job) {
  if (!has_crashed_) all_.add_event(time, {this, nullptr, std::move(job)});
}

void SimulatedProcess::submit_io(std::function<void()> job) {
  if (has_crashed_) return;
  if (io_.empty()) all_.delay_io(*this);
  io_.push_back(std::move(job));
}

void SimulatedProcess::drive(MonotonicTime deadline) {
  all_.run_until([this] { return is_notified_; }, deadline);
  is_notified_ = false;
}

void SimulatedProcess::notify() { is_notified_ = true; }

void SimulatedProcess::enqueue(Runnable& runnable) {
  if (!has_crashed_) all_.ready_.push_back({this, &runnable});
}

void SimulatedProcess::wake_later(Runnable& runnable, MonotonicTime at) {
  if (!has_crashed_) all_.add_event(at, {this, &runnable, nullptr});
}

std::unique_ptr<SimulatedProcess> SimulatedProcesses::start(std::string name) {
  std::unique_ptr<SimulatedProcess> process(new SimulatedProcess(*this, std::move(name)));
  processes_.push_back(process.get());
  return process;
}

void SimulatedProcesses::at(MonotonicTime time, std::function<void()> job) {
  add_event(time, {nullptr, nullptr, std::move(job)});
}

void SimulatedProcesses::add_event(MonotonicTime time, Event event) {
  events_.emplace(std::pair(time, serial_++), std::move(event));
}

void SimulatedProcesses::drop_all_of(const SimulatedProcess& process) {
  std::erase_if(ready_, [&](const Queued& queued) { return queued.process == &process; });
  std::erase_if(events_, [&](const auto& entry) { return entry.second.process == &process; });
}

// Before the next I/O job of the process.
void SimulatedProcesses::delay_io(SimulatedProcess& process) {
  if (io_delay_ <= MonotonicTime(0)) return;
  const auto most = static_cast<std::uint64_t>(io_delay_.count());
  process.io_not_before_ = clock_.now() + MonotonicTime(random_() % (most + 1));
  add_event(process.io_not_before_, {&process, nullptr, [] {}});  // time passes up to there
}

std::uint64_t SimulatedProcesses::number_of(const SimulatedProcess* process) const {
  return static_cast<std::uint64_t>(std::find(processes_.begin(), processes_.end(), process) -
                                    processes_.begin());
}

bool SimulatedProcesses::run_due_event() {
  if (events_.empty() || events_.begin()->first.first > clock_.now()) return false;
  const auto place = events_.begin()->first;
  Event event = std::move(events_.begin()->second);
  events_.erase(events_.begin());
  note(place.second);
  note(static_cast<std::uint64_t>(place.first.count()));
  if (event.runnable != nullptr) {
    event.runnable->wake();
  } else if (event.process != nullptr && event.process->is_paused_) {
    event.process->missed_.emplace_back(place, std::move(event.job));
  } else {
    event.job();
  }
  return true;
}

// A runnable's quantum or an I/O job of a process that is not paused.
bool SimulatedProcesses::run_one() {
  std::vector<std::size_t> runnable;
  for (std::size_t i = 0; i < ready_.size(); ++i) {
    if (!ready_[i].process->is_paused_) runnable.push_back(i);
  }
  std::vector<SimulatedProcess*> with_io;
  for (SimulatedProcess* process : processes_) {
    const bool has_io = !process->io_.empty() && process->io_not_before_ <= clock_.now();
    if (has_io && !process->is_paused_) with_io.push_back(process);
  }
  const std::size_t choices = runnable.size() + with_io.size();
  if (choices == 0) return false;
  const std::size_t pick = random_() % choices;
  note(pick);
  if (pick < runnable.size()) {
    const std::size_t at = runnable[pick];
    const Queued queued = ready_[at];
    note(number_of(queued.process));
    ready_.erase(ready_.begin() + static_cast<std::ptrdiff_t>(at));
    queued.process->run_queued(*queued.runnable);
  } else {
    SimulatedProcess& process = *with_io[pick - runnable.size()];
    note(number_of(&process));
    const std::function<void()> job = std::move(process.io_.front());
    process.io_.pop_front();
    job();
    if (!process.io_.empty()) delay_io(process);
  }
  if (step_time_ > MonotonicTime(0)) {
    clock_.advance(MonotonicTime(random_() % static_cast<std::uint64_t>(step_time_.count() + 1)));
  }
  return true;
}

bool SimulatedProcesses::pass_time(MonotonicTime deadline) {
  const MonotonicTime next =
      events_.empty() ? deadline : std::min(deadline, events_.begin()->first.first);
  if (next == MonotonicTime::max()) return false;
  clock_.advance(std::max(next - clock_.now(), MonotonicTime(0)));
  return true;
}

bool SimulatedProcesses::step(MonotonicTime deadline) {
  if (clock_.now() >= deadline) return false;
  ++steps_;
  return run_due_event() || run_one() || pass_time(deadline);
}

bool SimulatedProcesses::run_until(const std::function<bool()>& is_true, MonotonicTime deadline) {
  while (!is_true()) {
    if (!step(deadline)) return is_true();
  }
  return true;
}

}  // namespace weir::runtime
