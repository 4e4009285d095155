// A checkpoint of a job becomes a savepoint, piece by piece on the I/O thread, so that other jobs'
// files do not wait behind a large one. Nothing of the job's folder is collected meanwhile.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "cluster/job_files.h"
#include "cluster/job_life.h"
#include "weir/runtime/executor.h"
#include "weir/state/savepoint.h"

namespace weir::coordinator {

class SavepointExport : public std::enable_shared_from_this<SavepointExport> {
 public:
  using Done = std::function<void(absl::StatusOr<life::KeptSavepoint>)>;

  // Begins to write; `done` is called on the I/O thread, once.
  static void start(runtime::Executor& executor, runtime::Storage& storage,
                    std::shared_ptr<JobFiles> files, const life::KeepSavepoint& keep, Done done);

 private:
  SavepointExport(runtime::Executor& executor, runtime::Storage& storage,
                  std::shared_ptr<JobFiles> files, const life::KeepSavepoint& keep, Done done);
  void begin();
  void put_next();
  void end(const absl::Status& status);
  void then(void (SavepointExport::*step)());

  runtime::Executor& executor_;
  const std::shared_ptr<JobFiles> files_;
  const runtime::CheckpointId checkpoint_;
  const Done done_;
  state::SavepointWriter writer_;
};

}  // namespace weir::coordinator
