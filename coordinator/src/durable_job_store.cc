// A job with a state folder: its checkpoints are complete when they survive the process.
#include <utility>

#include "job_store.h"
#include "row_stores.h"
#include "weir/state/checkpoint_store.h"

namespace weir::coordinator {
namespace {

class DurableJobStore final : public JobStore {
 public:
  DurableJobStore(std::unique_ptr<state::CheckpointStore> store, StateBackend backend,
                  state::JobIdentity identity, runtime::Clock& clock, const runtime::Plan& plan)
      : store_(std::move(store)),
        rows_(*store_, backend),
        identity_(std::move(identity)),
        clock_(clock),
        printed_plan_(runtime::print_plan(plan)),
        max_parallelism_(plan.max_parallelism) {}

  runtime::Epoch epoch() const override { return store_->epoch(); }

  absl::StatusOr<std::optional<RestoredJob>> restore() override {
    absl::StatusOr<std::optional<state::Manifest>> latest = store_->load_latest({});
    if (!latest.ok()) return latest.status();
    if (!latest->has_value()) return std::nullopt;
    state::Manifest& manifest = **latest;
    if (manifest.max_parallelism != max_parallelism_) {
      return absl::FailedPreconditionError(
          "the checkpoint in " + store_->dir() + " has " +
          std::to_string(manifest.max_parallelism) + " key groups, this program has " +
          std::to_string(max_parallelism_) + "; the number is fixed for the life of the state");
    }
    return RestoredJob{manifest.id, manifest.final, manifest.wall_time, std::move(manifest.tasks)};
  }

  absl::StatusOr<std::unique_ptr<runtime::RowStore>> make_row_store(
      const std::string& task_uid, const DeployedTask& task) override {
    return rows_.make(task_uid, task);
  }

  absl::StatusOr<runtime::CheckpointId> next_id() override { return store_->next_id(); }

  absl::Status complete(WriteManifest checkpoint) override {
    state::Manifest manifest;
    manifest.job = identity_.job;
    manifest.topology = identity_.topology;
    manifest.plan = printed_plan_;
    manifest.id = checkpoint.id;
    manifest.epoch = store_->epoch();
    manifest.wall_time = clock_.wall_now();
    manifest.max_parallelism = max_parallelism_;
    manifest.final = checkpoint.is_final;
    manifest.tasks = std::move(checkpoint.snapshots);
    return store_->complete(manifest);
  }

  absl::Status collect() override { return store_->collect().status(); }
  bool is_in_doubt() const override { return store_->is_in_doubt(); }

 private:
  const std::unique_ptr<state::CheckpointStore> store_;
  const RowStores rows_;
  const state::JobIdentity identity_;
  runtime::Clock& clock_;
  const std::string printed_plan_;
  const std::uint32_t max_parallelism_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<JobStore>> open_job_store(const JobOptions& options,
                                                         runtime::Clock& clock,
                                                         const runtime::Plan& plan) {
  if (options.state_dir.empty()) {
    if (options.state_backend == StateBackend::kRocksDb) {
      return absl::InvalidArgumentError(
          "the rocksdb backend keeps its files in a state folder: name one with --state-dir, or "
          "use --state-backend memory");
    }
    return make_volatile_job_store();
  }
  state::JobIdentity identity{options.job, plan.fingerprint()};
  if (options.fresh) {
    const absl::Status cleared =
        state::CheckpointStore::clear(*options.storage, options.state_dir, identity);
    if (!cleared.ok()) return cleared;
  }
  absl::StatusOr<std::unique_ptr<state::CheckpointStore>> store =
      state::CheckpointStore::open(*options.storage, options.state_dir, identity);
  if (!store.ok()) return store.status();
  return std::make_unique<DurableJobStore>(*std::move(store), options.state_backend,
                                           std::move(identity), clock, plan);
}

}  // namespace weir::coordinator
