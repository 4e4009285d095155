// What strikes a simulated cluster, and when; drawn from the seed before anything runs, whom it
// hits when it happens.
#include <algorithm>

#include "simulator/simulated_cluster.h"

namespace weir::simulation {

using namespace std::chrono_literals;  // NOLINT(google-build-using-namespace)

SimulatedCluster::Time SimulatedCluster::chance_time(Time least, Time most) {
  return least + Time(static_cast<std::int64_t>(
                     random_() % static_cast<std::uint64_t>((most - least).count() + 1)));
}

bool SimulatedCluster::chance(double probability) {
  return static_cast<double>(random_() >> 11) * 0x1.0p-53 < probability;
}

void SimulatedCluster::plan_faults() {
  const std::size_t count = random_() % 12;
  for (std::size_t i = 0; i < count; ++i) {
    strikes_.push_back(clock_.now() + chance_time(200ms, 40s));
  }
  std::sort(strikes_.rbegin(), strikes_.rend());
  calm_at_ = clock_.now() + 45s;
  // So often nothing happens but that somebody sets the clock.
  only_clock_jumps_ = random_() % 16 == 0;
}

void SimulatedCluster::strike(Time now) {
  while (!strikes_.empty() && strikes_.back() <= now) {
    strikes_.pop_back();
    if (only_clock_jumps_) {
      set_clock();
      continue;
    }
    switch (random_() % 10) {
      case 0:
      case 1:
      case 2: crash_somebody(now); break;
      case 3:
      case 4: pause_somebody(now); break;
      case 5: cut_somebody(now); break;
      case 6: trouble_network(now); break;
      case 7: set_clock(); break;
      case 8: slow_disk(now); break;
      default: trouble_disk(now); break;
    }
  }
  for (auto it = wake_.begin(); it != wake_.end();) {
    if (it->second > now) {
      ++it;
      continue;
    }
    if (runtime::SimulatedProcess* process = process_of(it->first)) process->resume();
    it = wake_.erase(it);
  }
  for (auto it = restart_.begin(); it != restart_.end();) {
    if (it->second > now) {
      ++it;
      continue;
    }
    const std::string name = it->first;
    it = restart_.erase(it);
    if (name == "coordinator") {
      if (coordinator_.process == nullptr) start_coordinator();
      it = restart_.begin();
      continue;
    }
    for (SupervisorNode& node : supervisors_) {
      if (node.name == name && node.process == nullptr) start_supervisor(node);
    }
  }
  if (heal_at_ != Time(0) && now >= heal_at_) {
    heal_at_ = Time(0);
    heal();
  }
  if (!is_calm_ && now >= calm_at_) calm_down();
}

// Network and disk are well again.
void SimulatedCluster::heal() {
  network_.heal_all();
  network_.set_faults({});
  storage_.set_capacity(runtime::SimulatedStorage::kUnlimited);
  processes_.set_io_delay(Time(0));
  is_disk_slow_ = false;
}

// The end of all trouble: from here on the job has to make its way.
void SimulatedCluster::calm_down() {
  is_calm_ = true;
  heal();
  // What was armed and has not struck yet.
  storage_.fail_sync(0);
  storage_.fail_sync_dir(0);
  for (auto& [name, until] : wake_) until = clock_.now();
  for (auto& [name, at] : restart_) at = clock_.now();
}

std::vector<std::string> SimulatedCluster::everybody() const {
  std::vector<std::string> names;
  if (coordinator_.process != nullptr) names.emplace_back("coordinator");
  for (const SupervisorNode& node : supervisors_) {
    if (node.process != nullptr) names.push_back(node.name);
    for (const std::string& worker : node.host->workers()) names.push_back(worker);
  }
  return names;
}

runtime::SimulatedProcess* SimulatedCluster::process_of(const std::string& name) {
  if (name == "coordinator") return coordinator_.process.get();
  for (SupervisorNode& node : supervisors_) {
    if (node.name == name) return node.process.get();
    if (runtime::SimulatedProcess* worker = node.host->process_of(name)) return worker;
  }
  return nullptr;
}

void SimulatedCluster::crash_somebody(Time now) {
  const std::vector<std::string> names = everybody();
  if (names.empty()) return;
  const std::string name = names[random_() % names.size()];
  if (name == "coordinator") {
    ++result_.faults["crash coordinator"];
    crash_coordinator();
    restart_[name] = now + chance_time(50ms, 15s);
    wake_.erase(name);
    return;
  }
  for (SupervisorNode& node : supervisors_) {
    if (node.name == name) {
      ++result_.faults["crash supervisor"];
      crash_supervisor(node);
      restart_[name] = now + chance_time(50ms, 20s);
      wake_.erase(name);
      return;
    }
    if (node.host->process_of(name) != nullptr) {
      ++result_.faults["crash worker"];
      node.host->kill(name);
      wake_.erase(name);
      return;
    }
  }
}

void SimulatedCluster::pause_somebody(Time now) {
  const std::vector<std::string> names = everybody();
  if (names.empty()) return;
  const std::string name = names[random_() % names.size()];
  runtime::SimulatedProcess* process = process_of(name);
  if (process->is_paused()) return;
  ++result_.faults["pause"];
  process->pause();
  const Time lengths[] = {200ms, 2s, 8s, 25s, 60s};
  wake_[name] = now + lengths[random_() % 5];
}

// A host loses the coordinator, in one direction or both; its processes do not lose each other.
void SimulatedCluster::cut_host(Time now) {
  const SupervisorNode& node = supervisors_[random_() % supervisors_.size()];
  ++result_.faults["host cut"];
  const bool is_one_way = chance(0.3), hears = chance(0.5);
  std::vector<std::string> names = node.host->workers();
  names.push_back(node.name);
  for (const std::string& name : names) {
    if (!is_one_way || hears) network_.cut(name, "coordinator");
    if (!is_one_way || !hears) network_.cut("coordinator", name);
  }
  heal_at_ = now + chance_time(500ms, 20s);
}

void SimulatedCluster::cut_somebody(Time now) {
  if (chance(0.4)) return cut_host(now);
  const std::vector<std::string> names = everybody();
  if (names.size() < 2) return;
  const std::string a = names[random_() % names.size()];
  const std::string b = names[random_() % names.size()];
  if (a == b) return;
  ++result_.faults["cut"];
  network_.cut(a, b);
  if (chance(0.6)) network_.cut(b, a);
  heal_at_ = now + chance_time(500ms, 20s);
}

void SimulatedCluster::trouble_network(Time now) {
  ++result_.faults["network"];
  runtime::NetworkFaults faults;
  if (chance(0.5)) faults.slow = 0.05;
  if (chance(0.4)) faults.lose = 0.002;
  if (chance(0.4)) faults.duplicate = 0.005;
  if (chance(0.4)) faults.disconnect = 0.001;
  network_.set_faults(faults);
  heal_at_ = now + chance_time(500ms, 10s);
}

// Somebody sets the wall clock, of all hosts, by up to an hour in either direction.
void SimulatedCluster::set_clock() {
  ++result_.faults[kClockJump];
  clock_.set_wall_offset(
      std::chrono::duration_cast<std::chrono::microseconds>(chance_time(Time(0), 2h) - Time(1h)));
}

void SimulatedCluster::slow_disk(Time now) {
  ++result_.faults["slow disk"];
  processes_.set_io_delay(chance(0.5) ? Time(20ms) : Time(400ms));
  is_disk_slow_ = true;
  next_look_ = now;
  heal_at_ = now + chance_time(1s, 20s);
}

void SimulatedCluster::trouble_disk(Time now) {
  switch (random_() % 4) {
    case 0:
      ++result_.faults["disk full"];
      storage_.set_capacity(storage_.used_bytes() + random_() % 2000);
      heal_at_ = now + chance_time(500ms, 10s);
      return;
    case 1:
      ++result_.faults["failed sync"];
      if (chance(0.7)) {
        storage_.fail_sync(1 + random_() % 20);
      } else {
        storage_.fail_sync_dir(1 + random_() % 20);
      }
      return;
    default:
      // The power goes in the middle of some write.
      ++result_.faults["power cut"];
      storage_.die_at_change(1 + random_() % 60);
      return;
  }
}

}  // namespace weir::simulation
