// EndedWorkers: what a supervisor remembers of workers that have ended, so that a message that
// comes twice or late does nothing and is answered all the same. Bounded.
#pragma once

#include <algorithm>
#include <cstdint>
#include <deque>
#include <map>
#include <string>

#include "control/control_message.h"

namespace weir::coordinator {

class EndedWorkers {
 public:
  void add(wire::WorkerExitedT exit) {
    if (ended_.size() == kMost) ended_.pop_front();
    ended_.push_back(std::move(exit));
  }
  // nullptr if it is not known.
  const wire::WorkerExitedT* find(const std::string& worker) const {
    const auto it = std::find_if(ended_.begin(), ended_.end(),
                                 [&](const auto& exit) { return exit.worker == worker; });
    return it == ended_.end() ? nullptr : &*it;
  }

  // No attempt of the job up to this epoch may start anything any more.
  void fence(const std::string& job, std::uint64_t epoch) {
    std::uint64_t& fenced = fenced_[job];
    fenced = std::max(fenced, epoch);
  }
  std::uint64_t fenced(const std::string& job) const {
    const auto it = fenced_.find(job);
    return it == fenced_.end() ? 0 : it->second;
  }

 private:
  static constexpr std::size_t kMost = 256;
  std::deque<wire::WorkerExitedT> ended_;
  std::map<std::string, std::uint64_t> fenced_;  // one small entry per job that was here
};

}  // namespace weir::coordinator
