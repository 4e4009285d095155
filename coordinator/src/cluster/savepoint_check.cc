#include "cluster/savepoint_check.h"

#include <utility>

#include "restore_verdicts.h"

namespace weir::coordinator {

SavepointCheck::SavepointCheck(runtime::Executor& executor, runtime::Storage& storage,
                               std::shared_ptr<const wire::SubmitT> submit, Done done)
    : executor_(executor), storage_(storage), submit_(std::move(submit)), done_(std::move(done)) {}

void SavepointCheck::start(runtime::Executor& executor, runtime::Storage& storage,
                           std::shared_ptr<const wire::SubmitT> submit, Done done) {
  const std::shared_ptr<SavepointCheck> self(
      new SavepointCheck(executor, storage, std::move(submit), std::move(done)));
  self->then(&SavepointCheck::begin);
}

void SavepointCheck::then(void (SavepointCheck::*step)()) {
  executor_.submit_io([self = shared_from_this(), step] { (self.get()->*step)(); });
}

absl::Status SavepointCheck::judge() {
  const std::string& dir = submit_->from_savepoint;
  const absl::StatusOr<state::Manifest> savepoint = state::read_savepoint(storage_, dir);
  if (absl::IsDataLoss(savepoint.status())) {
    return absl::FailedPreconditionError(savepoint.status().message());
  }
  if (!savepoint.ok()) return savepoint.status();
  const wire::PlanSpecT none;
  const RestoreVerdicts verdicts =
      judge_restore(*savepoint, submit_->plan == nullptr ? none : *submit_->plan);
  if (!verdicts.fits(submit_->allow_dropped_state)) {
    return absl::FailedPreconditionError(verdicts.refusal(submit_->allow_dropped_state));
  }
  for (const StateVerdict& state : verdicts.states) {
    if (state.verdict == Verdict::kDropped) dropped_.push_back(state.state);
  }
  verifier_.emplace(storage_, dir, *savepoint);
  return absl::OkStatus();
}

void SavepointCheck::begin() {
  const absl::Status fits = judge();
  fits.ok() ? then(&SavepointCheck::verify_next) : done_(fits);
}

void SavepointCheck::verify_next() {
  if (!verifier_->has_more()) return done_(std::move(dropped_));
  const absl::Status sound = verifier_->verify_next();
  if (!sound.ok()) return done_(absl::FailedPreconditionError(sound.message()));
  then(&SavepointCheck::verify_next);
}

}  // namespace weir::coordinator
