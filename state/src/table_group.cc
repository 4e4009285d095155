#include "weir/state/table_group.h"

#include <algorithm>

namespace weir::state {

void TableGroupBase::declare(const runtime::OperatorContext& context, std::string_view name,
                             std::string_view kind, std::string schema) {
  state_ = &keyed_state(context);
  descriptor_ = {context.uid + "/" + std::string(name), std::string(kind), std::move(schema), 0};
  descriptor_.table = state_->declare(*this, descriptor_);
}

HashShare TableGroupBase::share() const {
  return HashShare::of(state_->options().groups, state_->options().max_parallelism);
}

StoredTable* TableGroupBase::table_or_null(std::int64_t space) const {
  const auto it = tables_.find(space);
  return it == tables_.end() ? nullptr : it->second.get();
}

StoredTable& TableGroupBase::find_or_make(std::int64_t space) {
  auto it = tables_.find(space);
  if (it == tables_.end()) {
    const RowPrefix prefix{descriptor_.table, space, state_->options().max_parallelism, share()};
    const std::size_t expected = tables_.empty() ? expected_ : tables_.rbegin()->second->size();
    it = tables_.emplace(space, make(prefix, expected)).first;
  }
  latest_space_ = space;
  latest_ = it->second.get();
  return *latest_;
}

void TableGroupBase::drop(std::int64_t space) {
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

void TableGroupBase::note_dropped(const RowPrefix& prefix) {
  const runtime::KeyGroupRange groups = state_->options().groups;
  for (std::uint32_t g = groups.first.value; g <= groups.last.value; ++g) {
    dropped_prefixes_.push_back(prefix.of_group(runtime::KeyGroup(static_cast<std::uint16_t>(g))));
  }
}

void TableGroupBase::tell_removed(StoredTable& table) {
  table.tell_removed([&](const std::string& row) { state_->note_removed(row); });
}

std::string& TableGroupBase::missing_row(std::size_t index) {
  if (index == missing_.size()) missing_.emplace_back();
  missing_[index].clear();
  return missing_[index];
}

void TableGroupBase::fetch_all(std::int64_t space) {
  StoredTable& table = table_at(space);
  if (table.is_whole()) return;
  tell_removed(table);
  state_->fetch_all(table.prefix());
  table.set_whole();
}

void TableGroupBase::freeze() {
  frozen_prefixes_.swap(dropped_prefixes_);
  for (auto& [space, table] : tables_) {
    if (!table->is_whole()) tell_removed(*table);
    table->freeze();
  }
  for (auto& table : leaving_) table->freeze();
  encoding_space_ = INT64_MIN;
}

bool TableGroupBase::encode_frozen(RowBuffer& out, std::size_t max_rows) {
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

std::size_t TableGroupBase::memory_bytes() const {
  std::size_t bytes = spare_bytes();
  for (const auto& [space, table] : tables_) bytes += table->memory_bytes();
  return bytes;
}

std::size_t TableGroupBase::bytes_when_grown() const {
  std::size_t bytes = spare_bytes();
  for (const auto& [space, table] : tables_) {
    bytes += table->memory_bytes() * (table->is_nearly_full() ? 2 : 1);
  }
  return bytes;
}

std::size_t TableGroupBase::evict(bool everywhere, RowBuffer& out) {
  std::size_t evicted = 0;
  free_spare();
  if (is_pinned_) return 0;
  for (auto& [space, table] : tables_) {
    if (!everywhere && !table->is_nearly_full()) continue;
    evicted += table->evict(everywhere ? table->size() / 2 : table->size() / 4, out);
    table->shrink();
  }
  return evicted;
}

void TableGroupBase::tighten() {
  for (auto& [space, table] : tables_) table->tighten();
}

bool TableGroupBase::has_removals() const {
  if (!dropped_prefixes_.empty() || !leaving_.empty()) return true;
  return std::any_of(tables_.begin(), tables_.end(),
                     [](const auto& entry) { return entry.second->has_removals(); });
}

}  // namespace weir::state
