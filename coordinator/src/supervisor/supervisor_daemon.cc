#include "supervisor/supervisor_daemon.h"

#include <unistd.h>

#include <atomic>
#include <filesystem>
#include <memory>

#include "absl/strings/str_cat.h"
#include "safe_name.h"
#include "security/listen_address.h"
#include "supervisor/local_processes.h"
#include "supervisor/supervisor.h"
#include "termination_signals.h"
#include "weir/runtime/storage.h"

namespace weir::coordinator {

absl::Status run_supervisor(const SupervisorDaemonOptions& options) {
  if (!is_safe_name(options.name)) {
    return absl::InvalidArgumentError(absl::StrCat(
        "'", options.name, "' cannot be a supervisor's name: use letters, digits, '-', '_', '.'"));
  }
  const absl::Status is_member = options.transport->check_member("a supervisor");
  if (!is_member.ok()) return is_member;
  const absl::Status may_listen =
      check_told_address("supervisor.listen", options.listen, !options.transport->keys.empty());
  if (!may_listen.ok()) return may_listen;
  runtime::Storage& storage = runtime::local_storage();
  std::error_code error;
  const std::string dir = std::filesystem::absolute(options.dir, error).string();
  for (const char* folder : {"workers", "work", "logs", "programs"}) {
    const absl::Status made = storage.make_dirs(absl::StrCat(dir, "/", folder));
    if (!made.ok()) return made;
  }
  const absl::StatusOr<std::shared_ptr<void>> lock = storage.lock(dir + "/LOCK");
  if (!lock.ok()) return lock.status();

  TerminationSignals signals(true);
  std::atomic<bool> is_over{false};
  WorkerLogs logs(dir + "/logs", options.logs);
  ProgramStore programs(dir + "/programs", options.programs);
  const std::unique_ptr<runtime::Executor> executor =
      runtime::make_thread_executor(1, runtime::system_clock());
  SupervisorOptions own;
  own.name = options.name;
  own.host = options.host;
  own.slots = options.slots;
  own.pid = static_cast<std::int32_t>(::getpid());
  own.coordinator = options.coordinator;
  own.listen = options.listen;
  own.keys = options.transport->keys;
  own.say = options.say;
  own.on_over = [&] {
    is_over.store(true);
    executor->notify();
  };
  // Made before the supervisor, destroyed after it: its thread tells the supervisor of ends.
  LocalProcesses processes(dir, logs);
  Supervisor supervisor(std::move(own),
                        {runtime::system_clock(), *executor, processes, programs, logs});
  const absl::Status opened = supervisor.open(options.transport->get());
  while (opened.ok() && !is_over.load() && !signals.received()) {
    executor->drive(runtime::system_clock().now() + std::chrono::milliseconds(200));
  }
  executor->stop();
  supervisor.close();
  processes.stop_watching();
  if (opened.ok() && !is_over.load()) options.say("stopping; workers go on without a supervisor");
  return opened;
}

}  // namespace weir::coordinator
