// The part of Supervisor that fetches programs: part by part, each asked for when the one before is
// on the disk, so that one message at a time is in memory.
#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "supervisor/supervisor.h"

namespace weir::coordinator {

void Supervisor::fetch(const std::string& sha256) {
  const auto [it, is_new] = fetches_.try_emplace(sha256);
  if (is_new) ask_for_part(sha256, it->second);
}

void Supervisor::ask_for_part(const std::string& sha256, Fetch& fetch) {
  if (++fetch.tries > options_.fetch_tries) {
    fetch_failed(sha256, "the coordinator does not send the program");
    return;
  }
  wire::FetchProgramT ask;
  ask.sha256 = sha256;
  ask.offset = fetch.have;
  tell(std::move(ask));
  fetch.retry_at = clock().now() + options_.fetch_retry;
}

void Supervisor::got_part(wire::ProgramPartT part) {
  const auto it = fetches_.find(part.sha256);
  // One that was asked for twice comes twice.
  if (it == fetches_.end() || it->second.is_storing || part.offset != it->second.have) return;
  Fetch& fetch = it->second;
  if (part.total == 0) {
    fetch_failed(std::string(part.sha256), "the coordinator does not have the program");
    return;
  }
  if (part.bytes.empty()) return;
  fetch.is_storing = true;
  fetch.tries = 0;
  fetch.total = part.total;
  auto shared = std::make_shared<const wire::ProgramPartT>(std::move(part));
  executor_.submit_io([this, shared] {
    post({SupervisorEvent::Stored{
        shared->sha256, programs_.append(shared->sha256, shared->offset, shared->total,
                                         {reinterpret_cast<const char*>(shared->bytes.data()),
                                          shared->bytes.size()})}});
  });
}

void Supervisor::stored(const SupervisorEvent::Stored& event) {
  const auto it = fetches_.find(event.sha256);
  if (it == fetches_.end()) return;
  Fetch& fetch = it->second;
  fetch.is_storing = false;
  if (!event.have.ok()) {
    fetch_failed(event.sha256, std::string(event.have.status().message()));
    return;
  }
  fetch.have = *event.have;
  if (fetch.have < fetch.total) {
    ask_for_part(event.sha256, fetch);
  } else {
    fetch_done(event.sha256);
  }
}

void Supervisor::fetch_done(const std::string& sha256) {
  fetches_.erase(sha256);
  std::set<std::string> used;
  for (auto& [name, worker] : workers_) {
    if (worker.start == nullptr) continue;
    used.insert(worker.start->program_sha256);
    const bool waits = worker.phase == Worker::Phase::kFetching;
    if (waits && worker.start->program_sha256 == sha256) launch(worker);
  }
  executor_.submit_io([this, used = std::move(used)] { programs_.forget_old(used); });
}

void Supervisor::fetch_failed(const std::string& sha256, const std::string& reason) {
  std::vector<std::string> waiting;
  for (const auto& [name, worker] : workers_) {
    const bool waits = worker.phase == Worker::Phase::kFetching && worker.start != nullptr;
    if (waits && worker.start->program_sha256 == sha256) waiting.push_back(name);
  }
  for (const std::string& name : waiting) {
    const std::shared_ptr<const wire::StartWorkerT> start = workers_.at(name).start;
    wire::WorkerExitedT exit;
    exit.job = start->job;
    exit.epoch = start->epoch;
    exit.worker = name;
    exit.exit_code = -1;
    exit.reason = reason;
    end_worker(name, std::move(exit));
  }
  fetches_.erase(sha256);
}

}  // namespace weir::coordinator
