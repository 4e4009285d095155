#include "weir/state/keyed_state.h"

#include <algorithm>
#include <utility>

namespace weir::state {

using runtime::RowSnapshot;

KeyedState::KeyedState(Options options, std::unique_ptr<runtime::RowStore> store)
    : options_(options), store_(std::move(store)) {}

KeyedState::~KeyedState() = default;

std::uint16_t KeyedState::declare(TableBase& table, runtime::StateDescriptor descriptor) {
  for (const runtime::StateDescriptor& other : descriptors_) {
    WEIR_CHECK(other.name != descriptor.name, "a state is declared once per operator");
  }
  tables_.push_back(&table);
  descriptors_.push_back(std::move(descriptor));
  return static_cast<std::uint16_t>(tables_.size());  // from 1
}

bool KeyedState::load_row(std::string_view key, std::string_view value) {
  RowKeyParts parts;
  if (!parse_row_key(key, parts) || parts.table == 0 || parts.table > tables_.size()) return false;
  // Rule 20: the group is recomputed and compared.
  if (runtime::key_group_of(parts.hash, options_.max_parallelism) != parts.group) return false;
  return tables_[parts.table - 1u]->load(parts, value);
}

void KeyedState::settle() {
  for (TableBase* table : tables_) table->settle();
}

absl::StatusOr<std::vector<std::uint16_t>> KeyedState::tables_now(
    const runtime::RestoredRows& old) const {
  std::vector<std::uint16_t> tables;
  for (const runtime::StateDescriptor& state : old.states) {
    const auto now =
        std::find_if(descriptors_.begin(), descriptors_.end(),
                     [&](const runtime::StateDescriptor& d) { return d.name == state.name; });
    if (now == descriptors_.end()) {
      return absl::FailedPreconditionError(
          "the checkpoint holds the state '" + state.name +
          "', which this program does not declare; start the program that wrote it, or start "
          "without the snapshot");
    }
    if (now->kind != state.kind || now->schema != state.schema) {
      return absl::FailedPreconditionError(
          "the state '" + state.name + "' was a " + state.kind + " of " + state.schema +
          ", and is a " + now->kind + " of " + now->schema +
          " now; start the program that wrote it, or start without the snapshot");
    }
    if (tables.size() <= state.table) tables.resize(state.table + 1u);
    tables[state.table] = static_cast<std::uint16_t>(now - descriptors_.begin() + 1);
  }
  for (const std::uint16_t other : old.left_out) {
    if (tables.size() <= other) tables.resize(other + 1u);
  }
  return tables;
}

absl::Status KeyedState::restore(const std::vector<runtime::RestoredRows>& old_tasks) {
  if (old_tasks.empty()) return absl::OkStatus();
  std::vector<RowSnapshot> snapshots;
  for (const runtime::RestoredRows& old : old_tasks) {
    absl::StatusOr<std::vector<std::uint16_t>> tables = tables_now(old);
    if (!tables.ok()) return tables.status();
    snapshots.push_back(old.rows);
    snapshots.back().tables = *std::move(tables);
  }
  std::size_t refused = 0;
  const absl::Status status = store_->restore(snapshots, options_.groups,
                                              [&](std::string_view key, std::string_view value) {
                                                if (!load_row(key, value)) ++refused;
                                              });
  if (!status.ok()) return status;
  settle();
  if (refused != 0) {
    return absl::DataLossError(std::to_string(refused) +
                               " rows of the snapshot fit no state that this program declares; "
                               "start the program that wrote it, or start without the snapshot");
  }
  return absl::OkStatus();
}

void KeyedState::freeze() {
  if (!store_->keeps_rows()) return;  // then entries stay changed, and cost nothing more
  for (TableBase* table : tables_) table->freeze();
  settle_gone();
  gone_before_.merge(gone_now_);
  gone_now_.clear();
  encoding_ = 0;
  is_frozen_ = true;
}

bool KeyedState::encode_frozen(std::size_t max_rows) {
  if (!store_->keeps_rows()) return true;
  const std::size_t stop = max_rows == SIZE_MAX ? SIZE_MAX : frozen_.rows() + max_rows;
  for (; encoding_ < tables_.size(); ++encoding_) {
    const std::size_t left = stop == SIZE_MAX ? SIZE_MAX : stop - frozen_.rows();
    if (!tables_[encoding_]->encode_frozen(frozen_, left)) return false;
    if (frozen_.rows() >= stop && encoding_ + 1 < tables_.size()) {
      ++encoding_;
      return false;
    }
  }
  return true;
}

std::function<absl::StatusOr<RowSnapshot>()> KeyedState::persist(runtime::CheckpointId id) {
  auto rows = std::make_shared<runtime::RowBuffer>(std::move(frozen_));
  frozen_ = runtime::RowBuffer();
  is_frozen_ = false;
  in_flight_->fetch_add(1);
  return [rows, id, store = store_, in_flight = in_flight_]() -> absl::StatusOr<RowSnapshot> {
    const absl::Status applied = store->apply(std::move(*rows));
    absl::StatusOr<RowSnapshot> result = applied.ok() ? store->snapshot(id) : applied;
    in_flight->fetch_sub(1);
    return result;
  };
}

std::size_t KeyedState::memory_bytes() const {
  std::size_t bytes = 0;
  for (const TableBase* table : tables_) bytes += table->memory_bytes();
  return bytes;
}

bool KeyedState::needs_room() const {
  std::size_t bytes = 0;
  for (const TableBase* table : tables_) bytes += table->bytes_when_grown();
  return bytes > options_.memory_budget;
}

// Waits while a checkpoint is on its way: rows written now must not slip into an older one.
absl::Status KeyedState::keep_budget() {
  if (!failure_.ok() || !store_->can_read() || is_frozen_ || in_flight_->load() != 0) {
    return failure_;
  }
  if (!needs_room()) return absl::OkStatus();
  for (TableBase* table : tables_) table->tighten();
  if (!needs_room()) return absl::OkStatus();
  // Removals must not overtake, in the store, what is written after them.
  const bool must_spill = std::any_of(tables_.begin(), tables_.end(),
                                      [](const TableBase* table) { return table->has_removals(); });
  absl::Status status = must_spill ? spill() : absl::OkStatus();
  if (status.ok()) status = evict();
  // A full disk: what could not be written stays in memory, here or with the store.
  return absl::IsResourceExhausted(status) ? absl::OkStatus() : status;
}

// First of tables that are about to double, then of all.
absl::Status KeyedState::evict() {
  if (!evicted_) store_->expect_lookups();
  for (bool everywhere = false; needs_room(); everywhere = true) {
    std::size_t evicted = 0;
    runtime::RowBuffer rows;
    for (TableBase* table : tables_) evicted += table->evict(everywhere, rows);
    if (evicted != 0) evicted_ = true;
    if (absl::Status status = store_->apply(std::move(rows)); !status.ok()) return status;
    if (evicted == 0 && everywhere) break;
  }
  return absl::OkStatus();
}

absl::Status KeyedState::spill() {
  freeze();
  encode_frozen(SIZE_MAX);
  is_frozen_ = false;
  const absl::Status status = store_->apply(std::exchange(frozen_, runtime::RowBuffer()));
  settle_gone();
  return status;
}

void KeyedState::settle_gone() {
  if (!is_frozen_ && in_flight_->load() == 0) gone_before_.clear();
}

void KeyedState::load_fetched(std::string_view key, std::string_view value) {
  if (!gone_now_.empty() || !gone_before_.empty()) {
    const std::string row(key);
    if (gone_now_.contains(row) || gone_before_.contains(row)) return;
  }
  if (!load_row(key, value) && failure_.ok()) {
    failure_ = absl::DataLossError("a row of the working state cannot be read back");
  }
}

void KeyedState::fetch_all(const RowPrefix& prefix) {
  settle_gone();
  for (std::uint32_t g = options_.groups.first.value; g <= options_.groups.last.value; ++g) {
    const std::string begin = prefix.of_group(runtime::KeyGroup(static_cast<std::uint16_t>(g)));
    const absl::Status status = store_->scan(
        begin, [&](std::string_view key, std::string_view value) { load_fetched(key, value); });
    if (!status.ok()) failure_ = status;
  }
  settle();
}

void KeyedState::fetch(std::span<const std::string> keys) {
  settle_gone();
  const absl::Status status = store_->get(keys, &fetched_);
  if (!status.ok()) {
    failure_ = status;
    return;
  }
  for (std::size_t i = 0; i < keys.size(); ++i) {
    if (fetched_[i].has_value()) load_fetched(keys[i], *fetched_[i]);
  }
  settle();
}

KeyedState& keyed_state(const runtime::OperatorContext& context) {
  WEIR_CHECK(context.state != nullptr, "a keyed operator runs in a task with keyed state");
  return static_cast<KeyedState&>(*context.state);
}

}  // namespace weir::state
