// TableGroup<K, V>: the typed tables of one declared state, one per namespace; and TableGroupBase,
// what they are whatever their types.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "weir/runtime/codec.h"
#include "weir/runtime/operator.h"
#include "weir/runtime/snapshot.h"
#include "weir/state/flat_table.h"
#include "weir/state/keyed_state.h"

namespace weir::state {

class TableGroupBase : public TableBase {
 public:
  const runtime::StateDescriptor& descriptor() const { return descriptor_; }
  // Where on the hash axis the task's keys are.
  HashShare share() const;
  // Keeps all entries in memory, whatever the budget.
  void pin() { is_pinned_ = true; }
  // Whether entries may rest in the store only; then fetch() must precede the use of a batch.
  bool must_fetch() const { return !is_pinned_ && state_->has_evicted(); }
  const TableMap& tables() const { return tables_; }

  // Removes all entries of `space`, here and (with the next snapshot) in the store.
  void drop(std::int64_t space);
  // Loads everything that the store has for `space`, so that its table is whole.
  void fetch_all(std::int64_t space);

  void freeze() override;
  bool encode_frozen(RowBuffer& out, std::size_t max_rows) override;
  std::size_t memory_bytes() const override;
  std::size_t evict(bool everywhere, RowBuffer& out) override;
  void tighten() override;
  bool has_removals() const override;
  std::size_t bytes_when_grown() const override;
  bool is_pinned() const override { return is_pinned_; }

 protected:
  void declare(const runtime::OperatorContext& context, std::string_view name,
               std::string_view kind, std::string schema);

  // A table of the group's types, for `expected` entries, or in memory that a packed one has left.
  virtual std::unique_ptr<StoredTable> make(const RowPrefix& prefix, std::size_t expected) = 0;
  // Memory kept for the next table, in bytes.
  virtual std::size_t spare_bytes() const = 0;
  virtual void free_spare() = 0;

  // The table of `space`, made if there is none. The reference stays valid until drop().
  StoredTable& table_at(std::int64_t space) {
    if (latest_ != nullptr && latest_space_ == space) return *latest_;
    return find_or_make(space);
  }
  StoredTable* table_or_null(std::int64_t space) const;
  void tell_removed(StoredTable& table);
  // A place for a missing row's key, to be filled; those of one batch follow each other.
  std::string& missing_row(std::size_t index);
  void fetch_missing(std::size_t count) {
    if (count != 0) state_->fetch(std::span(missing_).first(count));
  }

 private:
  StoredTable& find_or_make(std::int64_t space);
  void note_dropped(const RowPrefix& prefix);

  KeyedState* state_ = nullptr;
  runtime::StateDescriptor descriptor_;
  TableMap tables_;
  StoredTable* latest_ = nullptr;  // asked for last, as a rule the one that is asked for next
  std::int64_t latest_space_ = 0;
  std::vector<std::string> missing_;  // row keys; as many as were ever missing in one batch
  std::vector<std::unique_ptr<StoredTable>> leaving_;  // dropped, with removals to be written
  std::size_t expected_ = 0;                           // entries of the table dropped last
  std::int64_t encoding_space_ = INT64_MIN;
  bool is_pinned_ = false;
  // Namespaces dropped while some of their rows were not in memory: one prefix per key group.
  std::vector<std::string> dropped_prefixes_;
  std::vector<std::string> frozen_prefixes_;
};

// Declared in open().
template <class K, class V>
class TableGroup final : public TableGroupBase {
 public:
  using Table = FlatTable<K, V>;

  // Registers with the task's state. `name` is unique within the operator.
  void declare(const runtime::OperatorContext& context, std::string_view name,
               std::string_view kind) {
    TableGroupBase::declare(context, name, kind,
                            runtime::Codec<K>::schema() + " -> " + runtime::Codec<V>::schema());
  }

  // The table of `space`, made if there is none. The reference stays valid until drop().
  Table& at(std::int64_t space) { return static_cast<Table&>(table_at(space)); }
  Table* find(std::int64_t space) const { return static_cast<Table*>(table_or_null(space)); }

  // Loads what the table of `space` lacks for n keys: key_at(i) with hashes[i]. Out of line, since
  // in the loop over a batch that follows it costs registers.
  template <class KeyAt>
  [[gnu::noinline]] void fetch(std::uint32_t n, const std::uint64_t* hashes, KeyAt&& key_at,
                               std::int64_t space = 0) {
    Table& table = at(space);
    if (table.is_whole()) return;
    tell_removed(table);
    const auto view = table.view();
    std::size_t missing = 0;
    for (std::uint32_t i = 0; i < n; ++i) {
      if (i + kAhead < n) Table::prefetch(view, hashes[i + kAhead]);
      if (table.contains(hashes[i], key_at(i))) continue;
      std::string& row = missing_row(missing++);
      table.prefix().append_to(row, hashes[i]);
      KeyTraits<K>::encode_key(row, key_at(i));
    }
    fetch_missing(missing);
  }

  // Packs the table of `space`: it will rather be read than changed. The next table is made in the
  // memory that becomes free.
  void pack(std::int64_t space) {
    auto memory = at(space).pack();
    if (memory.capacity != 0 && !must_fetch()) mould_ = std::move(memory);
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
    for (Loaded& row : loaded_) {
      at(row.space).load(row.hash, std::move(row.slot.key), std::move(row.slot.value));
    }
    loaded_.clear();
    if (loaded_.capacity() > kSmall) loaded_ = {};
  }

 private:
  std::unique_ptr<StoredTable> make(const RowPrefix& prefix, std::size_t expected) override {
    if (mould_.capacity == 0) return std::make_unique<Table>(prefix, expected);
    return std::make_unique<Table>(prefix, std::exchange(mould_, {}));
  }
  std::size_t spare_bytes() const override { return mould_.bytes(); }
  void free_spare() override { mould_ = {}; }

  // A row on its way into its table.
  struct Loaded {
    std::int64_t space;
    std::uint64_t hash;
    typename Table::Slot slot;
  };
  static constexpr std::size_t kSmall = 4096;  // rows whose memory is worth keeping
  static constexpr std::uint32_t kAhead = 24;  // keys between prefetch and use

  std::vector<Loaded> loaded_;
  SlotArrays<typename Table::Slot> mould_;  // for the next table; or nothing
};

}  // namespace weir::state
