// KeyedState: all keyed tables of one task over one row store.
//
//   operator -> TableGroup<K, V> (one FlatTable per namespace) -> KeyedState -> RowStore -> files
//
// Task thread only, except the job that persist() returns.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_set>
#include <utility>
#include <vector>

#include "weir/runtime/operator.h"
#include "weir/runtime/snapshot.h"
#include "weir/runtime/task_state.h"
#include "weir/state/row_key.h"

namespace weir::state {

using runtime::RowBuffer;

// What KeyedState asks of a table, whatever its types.
class TableBase {
 public:
  virtual ~TableBase() = default;
  virtual void freeze() = 0;
  virtual bool encode_frozen(RowBuffer& out, std::size_t max_rows) = 0;
  // A row of this table from a snapshot or the store; false if it cannot be decoded. It is in the
  // table after settle(): rows come in hash order, so the table must know first how many they are.
  virtual bool load(const RowKeyParts& row, std::string_view value) = 0;
  virtual void settle() = 0;
  virtual std::size_t memory_bytes() const = 0;
  // Makes room before a table doubles: drops stored, unchanged entries of tables that are nearly
  // full (of all, if `everywhere`). Nothing may be frozen. Returns the entries dropped.
  // Rows that the store does not have yet go to `out`.
  virtual std::size_t evict(bool everywhere, RowBuffer& out) = 0;
  // Fills tables further before they double; at the cost of speed.
  virtual void tighten() = 0;
  // Whether the store has not heard of everything that was removed.
  virtual bool has_removals() const = 0;
  // memory_bytes() after those that will soon double have done so.
  virtual std::size_t bytes_when_grown() const = 0;
  // All entries must stay in memory.
  virtual bool is_pinned() const = 0;
};

class KeyedState final : public runtime::TaskState {
 public:
  struct Options {
    std::uint32_t max_parallelism = 128;
    runtime::KeyGroupRange groups{};
    std::size_t memory_budget = std::size_t{512} << 20;  // bytes, of all tables of the task
  };
  KeyedState(Options options, std::unique_ptr<runtime::RowStore> store);
  ~KeyedState() override;

  // Registers `table` (borrowed) as `name`, unique within the task, in the order of the plan: the
  // order gives each table its number in the rows' keys.
  std::uint16_t declare(TableBase& table, runtime::StateDescriptor descriptor);
  const Options& options() const { return options_; }
  runtime::RowStore& store() { return *store_; }

  // Whether rows may be missing from the tables, so that a miss must be looked up in the store.
  bool has_evicted() const { return evicted_; }
  // Loads the rows of `keys` (full row keys) that the store has into their tables. An error fails
  // the task at keep_budget().
  void fetch(std::span<const std::string> keys);
  // Loads all rows of one table's namespace.
  void fetch_all(const RowPrefix& prefix);
  // Told by tables once entries may rest in the store only: a row is gone. Until the store has
  // heard of it, fetching does not bring it back.
  void note_removed(const std::string& row) { gone_now_.insert(row); }

  // A state is known by its name: the tables of old tasks may have had other numbers, since other
  // operators were in their chain.
  absl::Status restore(const std::vector<runtime::RestoredRows>& old_tasks) override;
  void freeze() override;
  bool encode_frozen(std::size_t max_rows) override;
  std::function<absl::StatusOr<runtime::RowSnapshot>()> persist(runtime::CheckpointId id) override;
  absl::Status keep_budget() override;
  std::size_t memory_bytes() const override;

 private:
  bool load_row(std::string_view key, std::string_view value);
  // What the tables of an old task are called here, by old number; FailedPrecondition if a state
  // of it is not declared any more, or declared as something else.
  absl::StatusOr<std::vector<std::uint16_t>> tables_now(const runtime::RestoredRows& old) const;
  void settle();
  // A row that was read back, unless it is gone.
  void load_fetched(std::string_view key, std::string_view value);
  // Forgets what the store has heard of by now.
  void settle_gone();
  bool needs_room() const;
  // Writes all changes to the store, outside of any checkpoint.
  absl::Status spill();
  // Drops entries until the rest fits, and writes those that the store does not have.
  absl::Status evict();

  const Options options_;
  std::shared_ptr<runtime::RowStore> store_;
  std::vector<TableBase*> tables_;
  std::vector<runtime::StateDescriptor> descriptors_;
  RowBuffer frozen_;
  std::size_t encoding_ = 0;  // table whose frozen rows are being encoded
  bool is_frozen_ = false;    // between freeze() and persist()
  bool evicted_ = false;
  // Rows that are gone although the store may still have them.
  std::unordered_set<std::string> gone_now_;     // since the last freeze
  std::unordered_set<std::string> gone_before_;  // frozen, or on their way to the store
  std::shared_ptr<std::atomic<int>> in_flight_ = std::make_shared<std::atomic<int>>(0);
  std::vector<std::optional<std::string>> fetched_;
  absl::Status failure_;
};

// The KeyedState behind an operator's context. Every task with keyed operators has one.
KeyedState& keyed_state(const runtime::OperatorContext& context);

}  // namespace weir::state
