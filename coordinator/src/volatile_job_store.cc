// A job without a state folder: ids from a counter, rows nowhere but in the tables.
#include "job_store.h"

namespace weir::coordinator {
namespace {

// Rows live in the tables; what a checkpoint would hold is dropped.
class NoRows final : public runtime::RowStore {
 public:
  bool can_read() const override { return false; }
  bool keeps_rows() const override { return false; }
  absl::Status get(std::span<const std::string> keys,
                   std::vector<std::optional<std::string>>* values) override {
    values->assign(keys.size(), std::nullopt);
    return absl::OkStatus();
  }
  absl::Status scan(std::string_view, const Visit&) override { return absl::OkStatus(); }
  absl::Status apply(runtime::RowBuffer) override { return absl::OkStatus(); }
  absl::StatusOr<runtime::RowSnapshot> snapshot(runtime::CheckpointId) override {
    return runtime::RowSnapshot{};
  }
  absl::Status restore(std::span<const runtime::RowSnapshot>, runtime::KeyGroupRange,
                       const Visit&) override {
    return absl::OkStatus();
  }
};

class VolatileJobStore final : public JobStore {
 public:
  runtime::Epoch epoch() const override { return runtime::Epoch(1); }
  absl::StatusOr<std::optional<RestoredJob>> restore() override { return std::nullopt; }
  absl::StatusOr<std::unique_ptr<runtime::RowStore>> make_row_store(const std::string&,
                                                                    const DeployedTask&) override {
    return std::make_unique<NoRows>();
  }
  absl::StatusOr<runtime::CheckpointId> next_id() override {
    return runtime::CheckpointId(++last_id_);
  }
  absl::Status complete(WriteManifest) override { return absl::OkStatus(); }
  absl::Status collect() override { return absl::OkStatus(); }
  bool is_in_doubt() const override { return false; }

 private:
  std::uint64_t last_id_ = 0;
};

}  // namespace

std::unique_ptr<JobStore> make_volatile_job_store() { return std::make_unique<VolatileJobStore>(); }

}  // namespace weir::coordinator
