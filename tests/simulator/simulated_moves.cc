// What people do to a job while faults strike: other parallelisms, by rescale or through
// savepoints. Drawn from the seed, apart from the faults, so that these stay what they were.
#include <algorithm>
#include <utility>

#include "cluster/job_record.h"
#include "control/plan_spec.h"
#include "simulator/simulated_cluster.h"
#include "weir/state/savepoint.h"

namespace weir::simulation {

namespace wire = coordinator::wire;
using namespace std::chrono_literals;  // NOLINT(google-build-using-namespace)

void SimulatedCluster::plan_moves() {
  // In one seed of four, so that the others stay what they were.
  const std::size_t count = seed_ % 4 == 0 ? 1 + moves_random_() % 4 : 0;
  for (std::size_t i = 0; i < count; ++i) {
    moves_.push_back(clock_.now() +
                     Time(std::chrono::milliseconds(1'000 + moves_random_() % 30'000)));
  }
  std::sort(moves_.rbegin(), moves_.rend());
  ends_with_drain_ = seed_ % 32 == 12;
}

wire::PlanSpecT SimulatedCluster::plan_at(std::uint32_t parallelism) const {
  SimLoad load = world_.load;
  load.parallelism = parallelism;
  JobOptions options;
  options.job = "sim";
  options.checkpoint_interval = 1s;
  return coordinator::plan_spec_of(*sim_plan(load), options);
}

// With every look at the job.
void SimulatedCluster::move(const wire::JobInfoT& job) {
  if (!stopping_into_.empty()) return follow_stop(job);
  if (is_draining_) {
    // Somebody has to hear it; what was asked once may still arrive.
    if (!coordinator::is_ended(job.state) && !job.is_stopping && clock_.now() >= stop_again_at_)
      stop(job.id);
    return;
  }
  const bool is_due = !moves_.empty() && moves_.back() <= clock_.now();
  if (!is_due || job.state != wire::JobState::Running) return;
  moves_.pop_back();
  if (ends_with_drain_ && moves_.empty()) {
    ++result_.faults[kDrain];
    is_draining_ = true;
    return stop(job.id);
  }
  parallelism_ = 1 + static_cast<std::uint32_t>(moves_random_() % 3);
  const std::string folder = "/savepoints/" + std::to_string(++savepoints_);
  switch (moves_random_() % 3) {
    case 0: {
      ++result_.faults[kRescale];
      wire::RescaleJobT rescale;
      rescale.job = job.id;
      rescale.parallelism = parallelism_;
      rescale.arguments = {"--parallelism=" + std::to_string(parallelism_)};
      rescale.plan = std::make_unique<wire::PlanSpecT>(plan_at(parallelism_));
      tell(std::move(rescale));
      return;
    }
    case 1: {
      ++result_.faults[kSavepoint];
      wire::TakeSavepointT take;
      take.job = job.id;
      take.dir = folder;
      tell(std::move(take));
      return;
    }
    default:
      ++result_.faults[kGoOn];
      stopping_into_ = folder;
      stop(job.id);
      return;
  }
}

// Drained, or into the savepoint that is wanted.
void SimulatedCluster::stop(const std::string& job) {
  stop_again_at_ = clock_.now() + 5s;
  wire::StopJobT stop;
  stop.job = job;
  stop.drain = is_draining_;
  stop.savepoint_dir = stopping_into_;
  tell(std::move(stop));
}

// The job stops, and goes on as another one; or it does not, since it could not be kept, or has
// finished before.
void SimulatedCluster::follow_stop(const wire::JobInfoT& job) {
  if (job.state == wire::JobState::Finished) {
    stopping_into_.clear();
  } else if (job.state == wire::JobState::Stopped) {
    if (job.savepoint != stopping_into_) return fail("a job was stopped without its savepoint");
    kept_.push_back(stopping_into_);
    from_ = std::exchange(stopping_into_, "");
    before_ = job.id;
    job_.clear();
    is_promised_ = false;
  } else if (!job.savepoint_failure.empty() && !job.is_stopping) {
    stopping_into_.clear();  // it goes on
  } else if (!job.is_stopping && clock_.now() >= stop_again_at_) {
    stop(job.id);  // nobody has heard it
  }
}

// Whatever was reported is whole, and so is whatever has a manifest.
void SimulatedCluster::check_savepoints() {
  for (std::uint32_t i = 1; i <= savepoints_; ++i) {
    const std::string folder = "/savepoints/" + std::to_string(i);
    if (storage_.exists(folder + "/manifest.json")) kept_.push_back(folder);
  }
  for (const std::string& folder : kept_) {
    const absl::StatusOr<state::Manifest> manifest = state::read_savepoint(storage_, folder);
    absl::Status status = manifest.status();
    if (status.ok()) status = state::verify_savepoint(storage_, folder, *manifest);
    if (!status.ok()) return fail("a savepoint is lost: " + status.ToString());
  }
}

}  // namespace weir::simulation
