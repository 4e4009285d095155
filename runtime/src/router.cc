#include "weir/runtime/router.h"

#include <numeric>

#include "streaming_copy.h"

namespace weir::runtime {

std::string_view grouping_name(Grouping grouping) {
  switch (grouping) {
    case Grouping::kForward: return "forward";
    case Grouping::kShuffle: return "shuffle";
    case Grouping::kKey: return "key";
    case Grouping::kPartialKey: return "partial_key";
    case Grouping::kBroadcast: return "broadcast";
    case Grouping::kGlobal: return "global";
    case Grouping::kCustom: return "custom";
  }
  return "unknown";
}

Router::Router(Grouping grouping, std::vector<OutChannel*> targets, std::uint32_t max_parallelism,
               CustomGrouping custom)
    : grouping_(grouping),
      targets_(std::move(targets)),
      custom_(std::move(custom)),
      pending_(targets_.size()),
      load_(targets_.size()),
      by_target_(targets_.size()) {
  WEIR_CHECK(!targets_.empty(), "a router has at least one target");
  const auto tasks = static_cast<std::uint32_t>(targets_.size());
  task_of_group_.resize(max_parallelism);
  for (std::uint32_t g = 0; g < max_parallelism; ++g) {
    task_of_group_[g] =
        task_of_group(KeyGroup(static_cast<std::uint16_t>(g)), tasks, max_parallelism);
  }
}

bool Router::has_credit() const {
  for (const OutChannel* channel : targets_) {
    if (!channel->has_credit()) return false;
  }
  return true;
}

void Router::push(BatchBase& batch) {
  if (batch.empty()) return;
  const auto tasks = static_cast<std::uint32_t>(targets_.size());
  if (grouping_ == Grouping::kBroadcast) {
    for (std::uint32_t t = 0; t < tasks; ++t) copy_all(t, batch);
  } else if (grouping_ == Grouping::kShuffle) {
    send_whole(*targets_[next_target_], batch, pending_[next_target_]);
    next_target_ = (next_target_ + 1) % tasks;
  } else if (tasks == 1 || grouping_ == Grouping::kGlobal) {
    send_whole(*targets_[0], batch, pending_[0]);
  } else {
    scatter(batch);
  }
}

// A batch that is well filled goes as it is, by exchange of memory; small ones are gathered.
void Router::send_whole(OutChannel& to, BatchBase& batch, std::unique_ptr<BatchBase>& pending) {
  const auto target = static_cast<std::uint32_t>(&pending - pending_.data());
  if (batch.size() * 2 < batch.capacity()) {
    copy_all(target, batch);
    return;
  }
  flush_target(target);
  std::unique_ptr<BatchBase> out = to.take_batch();
  if (out->capacity() != batch.capacity()) {
    pending = std::move(out);
    copy_all(target, batch);
    return;
  }
  out->swap(batch);
  to.send(Element::of_batch(std::move(out)));
}

void Router::copy_all(std::uint32_t target, const BatchBase& batch) {
  if (chosen_.size() < batch.size()) chosen_.resize(batch.size());
  std::iota(chosen_.begin(), chosen_.begin() + batch.size(), 0u);
  append(target, batch, chosen_.data(), batch.size());
}

void Router::choose_targets(const BatchBase& batch) {
  const std::uint32_t n = batch.size();
  const auto tasks = static_cast<std::uint32_t>(targets_.size());
  const std::uint64_t groups = task_of_group_.size();
  const std::uint64_t* hashes = batch.hashes();
  if (grouping_ == Grouping::kCustom) {
    custom_(batch, tasks, chosen_.data());
    for (std::uint32_t i = 0; i < n; ++i) {
      if (chosen_[i] >= tasks) chosen_[i] %= tasks;
    }
    return;
  }
  WEIR_CHECK(batch.has_hashes, "a keyed edge carries key hashes");
  if (grouping_ == Grouping::kKey) {
    for (std::uint32_t i = 0; i < n; ++i) {
      chosen_[i] = task_of_group_[(static_cast<unsigned __int128>(hashes[i]) * groups) >> 64];
    }
    return;
  }
  for (std::uint32_t i = 0; i < n; ++i) {  // kPartialKey: power of two choices
    const auto a = static_cast<std::uint32_t>((hashes[i] >> 32) % tasks);
    const auto b = static_cast<std::uint32_t>((hashes[i] & 0xffffffffu) % tasks);
    chosen_[i] = load_[a] <= load_[b] ? a : b;
    ++load_[chosen_[i]];
  }
}

void Router::scatter(const BatchBase& batch) {
  const std::uint32_t n = batch.size();
  if (chosen_.size() < n) chosen_.resize(n);
  choose_targets(batch);
  for (std::vector<std::uint32_t>& index : by_target_) {
    if (index.size() < n) index.resize(n);
  }
  std::vector<std::uint32_t>& counts = counts_;
  counts.assign(targets_.size(), 0);
  for (std::uint32_t i = 0; i < n; ++i) {
    const std::uint32_t t = chosen_[i];
    by_target_[t][counts[t]++] = i;
  }
  for (std::uint32_t t = 0; t < targets_.size(); ++t) {
    if (counts[t] != 0) append(t, batch, by_target_[t].data(), counts[t]);
  }
}

void Router::append(std::uint32_t target, const BatchBase& batch, const std::uint32_t* index,
                    std::uint32_t count) {
  while (count != 0) {
    std::unique_ptr<BatchBase>& pending = pending_[target];
    if (pending == nullptr) pending = targets_[target]->take_batch();
    const std::uint32_t room = pending->capacity() - pending->size();
    const std::uint32_t take = count < room ? count : room;
    pending->append_selected(batch, index, take, targets_[target]->copy_to());
    pending_records_ += take;
    index += take;
    count -= take;
    if (pending->full()) flush_target(target);
  }
}

void Router::flush_target(std::uint32_t target) {
  std::unique_ptr<BatchBase>& pending = pending_[target];
  if (pending == nullptr || pending->empty()) return;
  pending_records_ -= pending->size();
  if (targets_[target]->copy_to() == CopyTo::kMemory) stream_fence();
  targets_[target]->send(Element::of_batch(std::move(pending)));
}

void Router::flush() {
  if (pending_records_ == 0) return;
  for (std::uint32_t t = 0; t < targets_.size(); ++t) flush_target(t);
}

void Router::send_watermark(EventTime watermark) {
  flush();
  for (OutChannel* channel : targets_) channel->send(Element::of_watermark(watermark));
}

void Router::send_barrier(CheckpointId id) {
  flush();
  for (OutChannel* channel : targets_) channel->send(Element::of_barrier(id));
}

void Router::send_idle() {
  flush();
  for (OutChannel* channel : targets_) channel->send(Element::idle());
}

void Router::send_end() {
  flush();
  for (OutChannel* channel : targets_) channel->send(Element::end());
}

}  // namespace weir::runtime
