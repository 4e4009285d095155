#include "worker/run_worker.h"

#include <cstdio>
#include <cstdlib>
#include <string>

#include "job_setup.h"
#include "security/key_folder.h"

namespace weir::coordinator {
namespace {

std::string environment(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

}  // namespace

std::optional<WorkerIdentity> worker_identity_from_environment() {
  WorkerIdentity me;
  me.worker = environment("WEIR_WORKER");
  if (me.worker.empty()) return std::nullopt;
  me.coordinator = environment("WEIR_COORDINATOR");
  me.listen = environment("WEIR_LISTEN");
  me.keys = environment("WEIR_KEYS");
  me.job = environment("WEIR_JOB");
  me.job_name = environment("WEIR_JOB_NAME");
  me.work_dir = environment("WEIR_WORK_DIR");
  me.epoch = std::strtoull(environment("WEIR_EPOCH").c_str(), nullptr, 10);
  const auto slots = std::strtoul(environment("WEIR_SLOTS").c_str(), nullptr, 10);
  me.slots = slots == 0 ? 1 : static_cast<std::uint32_t>(slots);
  return me;
}

int run_worker(const runtime::Plan& plan, const JobOptions& options,
               const WorkerIdentity& identity) {
  JobOptions job = options;
  if (job.threads == 0) job.threads = identity.slots;
  runtime::Clock& clock = runtime::system_clock();
  const std::unique_ptr<runtime::Executor> executor = make_executor(job, clock);
  const absl::StatusOr<ClusterTransport> transport = open_transport(identity.keys);
  if (!transport.ok()) {
    std::fprintf(stderr, "worker %s: %s\n", identity.worker.c_str(),
                 std::string(transport.status().message()).c_str());
    return 1;
  }
  Worker worker(plan, {.identity = identity,
                       .job = job,
                       .clock = &clock,
                       .executor = executor.get(),
                       .transport = &transport->get(),
                       .storage = &runtime::local_storage(),
                       .listen = "tcp://" + identity.listen + ":0"});
  absl::Status status = worker.start();
  if (status.ok()) {
    while (!worker.is_done()) executor->drive(runtime::MonotonicTime::max());
    status = worker.result();
  }
  if (!status.ok()) {
    std::fprintf(stderr, "worker %s: %s\n", identity.worker.c_str(),
                 std::string(status.message()).c_str());
    // Nothing is closed: what this process has staged belongs to an attempt that is over.
    std::fflush(nullptr);
    std::_Exit(1);
  }
  executor->stop();
  return 0;
}

}  // namespace weir::coordinator
