// KeyedState: all keyed tables of one task over one row store; and TableGroup, the typed tables
// that operators hold.
//
//   operator -> TableGroup<K, V> (one FlatTable per namespace) -> KeyedState -> RowStore -> files
//
// Task thread only, except the job that persist() returns.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <map>
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
#include "weir/state/flat_table.h"

namespace weir::state {

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
  runtime::RowBuffer frozen_;
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

// Typed tables K -> V of one declared state, one per namespace. Declared in open().
template <class K, class V>
class TableGroup final : public TableBase {
 public:
  using Table = FlatTable<K, V>;

  // Registers with the task's state. `name` is unique within the operator.
  void declare(const runtime::OperatorContext& context, std::string_view name,
               std::string_view kind) {
    state_ = &keyed_state(context);
    descriptor_ = {context.uid + "/" + std::string(name), std::string(kind),
                   runtime::Codec<K>::schema() + " -> " + runtime::Codec<V>::schema(), 0};
    descriptor_.table = state_->declare(*this, descriptor_);
  }
  const runtime::StateDescriptor& descriptor() const { return descriptor_; }
  // Where on the hash axis the task's keys are.
  HashShare share() const {
    return HashShare::of(state_->options().groups, state_->options().max_parallelism);
  }
  // Keeps all entries in memory, whatever the budget.
  void pin() { is_pinned_ = true; }

  // The table of `space`, made if there is none. The reference stays valid until drop().
  Table& at(std::int64_t space) {
    if (latest_ != nullptr && latest_space_ == space) return *latest_;
    latest_space_ = space;
    return *(latest_ = &find_or_make(space));
  }
  Table* find(std::int64_t space) {
    auto it = tables_.find(space);
    return it == tables_.end() ? nullptr : it->second.get();
  }
  // Whether entries may rest in the store only; then fetch() must precede the use of a batch.
  bool must_fetch() const { return !is_pinned_ && state_->has_evicted(); }
  // Loads what the table of `space` lacks for n keys: key_at(i) with hashes[i].
  template <class KeyAt>
  void fetch(std::uint32_t n, const std::uint64_t* hashes, KeyAt&& key_at, std::int64_t space = 0) {
    Table& table = at(space);
    if (table.is_whole()) return;
    tell_removed(table);
    const auto view = table.view();
    std::size_t missing = 0;
    for (std::uint32_t i = 0; i < n; ++i) {
      if (i + kAhead < n) Table::prefetch(view, hashes[i + kAhead]);
      if (table.contains(hashes[i], key_at(i))) continue;
      if (missing == missing_.size()) missing_.emplace_back();
      std::string& row = missing_[missing++];
      row.clear();
      table.prefix().append_to(row, hashes[i]);
      KeyTraits<K>::encode_key(row, key_at(i));
    }
    if (missing != 0) state_->fetch(std::span(missing_).first(missing));
  }

  // Removes all entries of `space`, here and (with the next snapshot) in the store.
  void drop(std::int64_t space) {
    auto it = tables_.find(space);
    if (it == tables_.end()) return;
    expected_ = it->second->size();
    if (!it->second->is_whole()) note_dropped(it->second->prefix());
    if (!it->second->is_unwritten()) {
      it->second->drop_all();
      if (it->second->has_changes() || it->second->has_frozen()) {
        leaving_.push_back(std::move(it->second));
      }
    }
    tables_.erase(it);
    if (latest_space_ == space) latest_ = nullptr;
  }
  const std::map<std::int64_t, std::unique_ptr<Table>>& tables() const { return tables_; }
  // Packs the table of `space`: it will rather be read than changed. The next table is made in the
  // memory that becomes free.
  void pack(std::int64_t space) {
    auto memory = at(space).pack();
    if (memory.capacity != 0 && !must_fetch()) mould_ = std::move(memory);
  }
  // Loads everything that the store has for `space`, so that its table is whole.
  void fetch_all(std::int64_t space) {
    Table& table = at(space);
    if (table.is_whole()) return;
    tell_removed(table);
    state_->fetch_all(table.prefix());
    table.set_whole();
  }

  void freeze() override {
    frozen_prefixes_.swap(dropped_prefixes_);
    for (auto& [space, table] : tables_) {
      if (!table->is_whole()) tell_removed(*table);
      table->freeze();
    }
    for (auto& table : leaving_) table->freeze();
    encoding_space_ = INT64_MIN;
  }
  bool encode_frozen(RowBuffer& out, std::size_t max_rows) override {
    // Removals first: they precede what a successor of the same namespace has put.
    for (const std::string& prefix : frozen_prefixes_) out.remove_prefix(prefix);
    frozen_prefixes_.clear();
    for (auto& table : leaving_) table->encode_frozen(out, SIZE_MAX);
    std::erase_if(leaving_, [](const auto& t) { return !t->has_changes() && !t->has_frozen(); });
    for (auto it = tables_.lower_bound(encoding_space_); it != tables_.end(); ++it) {
      encoding_space_ = it->first;
      if (!it->second->encode_frozen(out, max_rows)) return false;
    }
    return true;
  }
  bool load(const RowKeyParts& row, std::string_view bytes) override {
    K key{};
    V value{};
    if (!KeyTraits<K>::decode_key(row.key, key) || !runtime::decode_from(bytes, value)) {
      return false;
    }
    loaded_.push_back({row.space, row.hash, {std::move(key), std::move(value)}});
    return true;
  }
  void settle() override {
    if (loaded_.empty()) return;
    std::map<std::int64_t, std::size_t> count;
    for (std::size_t i = 0; i < loaded_.size();) {
      const std::size_t first = i;
      while (i < loaded_.size() && loaded_[i].space == loaded_[first].space) ++i;
      count[loaded_[first].space] += i - first;
    }
    for (const auto& [space, rows] : count) at(space).reserve(at(space).size() + rows);
    Table* table = nullptr;
    std::int64_t space = 0;
    for (Loaded& row : loaded_) {
      if (table == nullptr || row.space != space) table = &at(space = row.space);
      table->load(row.hash, std::move(row.slot.key), std::move(row.slot.value));
    }
    loaded_.clear();
    if (loaded_.capacity() > kSmall) loaded_ = {};
  }
  std::size_t memory_bytes() const override {
    std::size_t bytes = mould_.bytes();
    for (const auto& [space, table] : tables_) bytes += table->memory_bytes();
    return bytes;
  }
  std::size_t evict(bool everywhere, RowBuffer& out) override {
    std::size_t evicted = 0;
    mould_ = {};
    if (is_pinned_) return 0;
    for (auto& [space, table] : tables_) {
      if (!everywhere && !table->is_nearly_full()) continue;
      evicted += table->evict(everywhere ? table->size() / 2 : table->size() / 4, out);
      table->shrink();
    }
    return evicted;
  }
  void tighten() override {
    for (auto& [space, table] : tables_) table->tighten();
  }
  bool has_removals() const override {
    if (!dropped_prefixes_.empty() || !leaving_.empty()) return true;
    return std::any_of(tables_.begin(), tables_.end(),
                       [](const auto& entry) { return entry.second->has_removals(); });
  }
  std::size_t bytes_when_grown() const override {
    std::size_t bytes = mould_.bytes();
    for (const auto& [space, table] : tables_) {
      bytes += table->memory_bytes() * (table->is_nearly_full() ? 2 : 1);
    }
    return bytes;
  }
  bool is_pinned() const override { return is_pinned_; }

 private:
  Table& find_or_make(std::int64_t space) {
    auto it = tables_.find(space);
    if (it != tables_.end()) return *it->second;
    std::unique_ptr<Table> table;
    const RowPrefix prefix{descriptor_.table, space, state_->options().max_parallelism, share()};
    if (mould_.capacity != 0) {
      table = std::make_unique<Table>(prefix, std::exchange(mould_, {}));
    } else {
      const bool is_first = tables_.empty();
      table =
          std::make_unique<Table>(prefix, is_first ? expected_ : tables_.rbegin()->second->size());
    }
    return *tables_.emplace(space, std::move(table)).first->second;
  }
  void tell_removed(Table& table) {
    table.tell_removed([&](const std::string& row) { state_->note_removed(row); });
  }
  void note_dropped(const RowPrefix& prefix) {
    const runtime::KeyGroupRange groups = state_->options().groups;
    for (std::uint32_t g = groups.first.value; g <= groups.last.value; ++g) {
      dropped_prefixes_.push_back(
          prefix.of_group(runtime::KeyGroup(static_cast<std::uint16_t>(g))));
    }
  }

  // A row on its way into its table.
  struct Loaded {
    std::int64_t space;
    std::uint64_t hash;
    typename Table::Slot slot;
  };
  static constexpr std::size_t kSmall = 4096;  // rows whose memory is worth keeping
  static constexpr std::uint32_t kAhead = 24;  // keys between prefetch and use

  KeyedState* state_ = nullptr;
  runtime::StateDescriptor descriptor_;
  std::map<std::int64_t, std::unique_ptr<Table>> tables_;
  Table* latest_ = nullptr;  // the table asked for last, as a rule the one that is asked for next
  std::int64_t latest_space_ = 0;
  std::vector<Loaded> loaded_;
  std::vector<std::string> missing_;  // row keys; as many as were ever missing in one batch
  std::vector<std::unique_ptr<Table>> leaving_;  // dropped, with removals to be written
  std::size_t expected_ = 0;                     // entries of the table dropped last
  SlotArrays<typename Table::Slot> mould_;       // for the next table; or nothing
  std::int64_t encoding_space_ = INT64_MIN;
  bool is_pinned_ = false;
  // Namespaces dropped while some of their rows were not in memory: one prefix per key group.
  std::vector<std::string> dropped_prefixes_;
  std::vector<std::string> frozen_prefixes_;
};

}  // namespace weir::state
