// Whether a program can go on from a savepoint, looked at file by file on the I/O thread, so that
// other jobs' files do not wait behind a large one.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "control/control_message.h"
#include "weir/runtime/executor.h"
#include "weir/runtime/storage.h"
#include "weir/state/savepoint.h"

namespace weir::coordinator {

class SavepointCheck : public std::enable_shared_from_this<SavepointCheck> {
 public:
  // The states that the program leaves behind, or why it cannot go on.
  using Done = std::function<void(absl::StatusOr<std::vector<std::string>>)>;

  // For a job that is submitted from a savepoint. `done` is called on the I/O thread, once.
  static void start(runtime::Executor& executor, runtime::Storage& storage,
                    std::shared_ptr<const wire::SubmitT> submit, Done done);

 private:
  SavepointCheck(runtime::Executor& executor, runtime::Storage& storage,
                 std::shared_ptr<const wire::SubmitT> submit, Done done);
  // The manifest alone says what fits.
  absl::Status judge();
  void begin();
  void verify_next();
  void then(void (SavepointCheck::*step)());

  runtime::Executor& executor_;
  runtime::Storage& storage_;
  const std::shared_ptr<const wire::SubmitT> submit_;
  const Done done_;
  std::vector<std::string> dropped_;
  std::optional<state::SavepointVerifier> verifier_;
};

}  // namespace weir::coordinator
