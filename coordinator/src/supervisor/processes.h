// Processes: the seam between a supervisor and the processes of its host. The real one forks, execs
// and watches (local_processes.h); tests and simulation have their own.
//
// A worker process outlives the supervisor that started it and is adopted by the next one.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"

namespace weir::coordinator {

// A worker as the coordinator knows it.
struct WorkerName {
  std::string worker;  // unique for ever: names files
  std::string job;
  std::uint64_t epoch = 0;
  std::uint32_t slots = 0;
};

struct WorkerStart {
  WorkerName name;
  std::string program_path;
  std::string program_sha256;          // of the file, verified right before it is started
  std::vector<std::string> arguments;  // arguments[0]: the program's name
  std::string working_dir;             // used if it is there
  std::vector<std::pair<std::string, std::string>> environment;  // beside the supervisor's own
};

struct WorkerExit {
  std::string worker;
  std::int32_t pid = 0;
  std::optional<int> exit_code;  // none: ended by a signal, or an adopted process, of which
  int signal = 0;                // nobody learns how it ended
  std::string log_tail;          // its last lines
};

class Processes {
 public:
  struct Running {
    WorkerName name;
    std::int32_t pid = 0;
  };

  virtual ~Processes() = default;
  // The workers of an earlier supervisor of this folder that still run, watched from now on.
  // `on_exit` hears, from any thread, of every worker that was adopted or started, once. To be
  // called once, before anything else.
  virtual std::vector<Running> adopt(std::function<void(WorkerExit)> on_exit) = 0;
  // Blocks while the program is verified; the pid. After an error there is no process.
  virtual absl::StatusOr<std::int32_t> start(const WorkerStart& start) = 0;
  // SIGKILL; does not block. No effect if it has ended: on_exit has heard of it, or will.
  virtual void kill(const std::string& worker) = 0;
};

}  // namespace weir::coordinator
