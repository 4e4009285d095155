#include "cluster/savepoint_export.h"

#include <utility>

namespace weir::coordinator {

SavepointExport::SavepointExport(runtime::Executor& executor, runtime::Storage& storage,
                                 std::shared_ptr<JobFiles> files, const life::KeepSavepoint& keep,
                                 Done done)
    : executor_(executor),
      files_(std::move(files)),
      checkpoint_(keep.checkpoint),
      done_(std::move(done)),
      writer_(storage, files_->state_dir(), keep.dir) {}

void SavepointExport::start(runtime::Executor& executor, runtime::Storage& storage,
                            std::shared_ptr<JobFiles> files, const life::KeepSavepoint& keep,
                            Done done) {
  const std::shared_ptr<SavepointExport> self(
      new SavepointExport(executor, storage, std::move(files), keep, std::move(done)));
  self->then(&SavepointExport::begin);
}

void SavepointExport::then(void (SavepointExport::*step)()) {
  executor_.submit_io([self = shared_from_this(), step] { (self.get()->*step)(); });
}

void SavepointExport::begin() {
  files_->hold();
  const absl::Status begun = writer_.begin(checkpoint_);
  begun.ok() ? then(&SavepointExport::put_next) : end(begun);
}

void SavepointExport::put_next() {
  if (!writer_.has_more()) return end(writer_.finish());
  const absl::Status put = writer_.put_next();
  put.ok() ? then(&SavepointExport::put_next) : end(put);
}

void SavepointExport::end(const absl::Status& status) {
  files_->let_go();
  if (status.ok()) return done_(life::KeptSavepoint{writer_.checkpoint(), writer_.bytes()});
  writer_.discard();
  done_(status);
}

}  // namespace weir::coordinator
