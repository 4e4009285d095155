// Stays with a job until it is over.
#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "client.h"

namespace weir::coordinator {

struct WatchOptions {
  bool quiet = false;
  // What Ctrl-C means: the job is stopped after a last checkpoint, or only left alone.
  bool interrupt_stops = false;
};

// The job as it was at its end. kCancelled: left alone, and it goes on. A coordinator that does not
// answer for a while is waited for, since jobs go on without it.
absl::StatusOr<wire::JobInfoT> watch_job(Client& client, const std::string& job,
                                         const WatchOptions& options);

// The only job of an answer.
absl::StatusOr<wire::JobInfoT> get_job(Client& client, const std::string& job);

}  // namespace weir::coordinator
