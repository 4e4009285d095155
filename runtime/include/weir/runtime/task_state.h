// TaskState: the keyed state of one task, as the task drives it. Operators see typed tables (state
// room); the task sees only this.
//
// A barrier freezes the set of changed rows in O(1); the rows are encoded a piece at a time between
// batches, and written by the I/O thread. Task thread only, except the job that persist() returns.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "weir/runtime/ids.h"
#include "weir/runtime/row_store.h"
#include "weir/runtime/snapshot.h"

namespace weir::runtime {

class TaskState {
 public:
  virtual ~TaskState() = default;

  // Loads the task's key groups from old snapshots. After all operators have declared their tables
  // and before the first record.
  virtual absl::Status restore(const std::vector<RestoredRows>& old_tasks) = 0;

  // What has changed up to now belongs to the next persist(). The previous one must have been
  // taken.
  virtual void freeze() = 0;
  // Encodes up to `max_rows` frozen rows; true when none is left.
  virtual bool encode_frozen(std::size_t max_rows) = 0;
  // The job for the I/O thread that makes the encoded rows durable as part of checkpoint `id`.
  virtual std::function<absl::StatusOr<RowSnapshot>()> persist(CheckpointId id) = 0;

  // Between batches and waves: keeps the tables inside their memory budget.
  virtual absl::Status keep_budget() = 0;
  // Memory held by the tables, bytes, estimate.
  virtual std::size_t memory_bytes() const = 0;
};

}  // namespace weir::runtime
