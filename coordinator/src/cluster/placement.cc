#include "cluster/placement.h"

#include <algorithm>

#include "weir/runtime/check.h"

namespace weir::coordinator {
namespace {

// One slot after the other, to whoever gives the fewest so far; where that is equal, to whoever has
// more left.
std::vector<PlacedWorker> spread(std::uint32_t needed, const std::vector<FreeSlots>& free) {
  std::vector<PlacedWorker> placed;
  for (const FreeSlots& offer : free) placed.push_back({offer.supervisor, 0});
  for (; needed > 0; --needed) {
    std::size_t best = free.size();
    for (std::size_t i = 0; i < free.size(); ++i) {
      if (placed[i].slots == free[i].slots) continue;
      const bool is_better =
          best == free.size() || placed[i].slots < placed[best].slots ||
          (placed[i].slots == placed[best].slots && free[i].slots > free[best].slots);
      if (is_better) best = i;
    }
    WEIR_CHECK(best < free.size(), "slots were counted before");
    ++placed[best].slots;
  }
  return placed;
}

// The smallest supervisor that has room for all that is left, else the largest.
std::vector<PlacedWorker> pack(std::uint32_t needed, std::vector<FreeSlots> free) {
  std::stable_sort(free.begin(), free.end(),
                   [](const FreeSlots& a, const FreeSlots& b) { return a.slots > b.slots; });
  std::vector<PlacedWorker> placed;
  while (needed > 0) {
    auto chosen = free.begin();
    for (auto it = free.begin(); it != free.end() && it->slots >= needed; ++it) chosen = it;
    WEIR_CHECK(chosen != free.end(), "slots were counted before");
    const std::uint32_t taken = std::min(needed, chosen->slots);
    placed.push_back({chosen->supervisor, taken});
    needed -= taken;
    free.erase(chosen);
  }
  return placed;
}

}  // namespace

Placement place(std::uint32_t needed, std::vector<FreeSlots> free, PlacementPolicy policy) {
  std::sort(free.begin(), free.end(),
            [](const FreeSlots& a, const FreeSlots& b) { return a.supervisor < b.supervisor; });
  std::uint64_t offered = 0;
  for (const FreeSlots& offer : free) offered += offer.slots;
  if (offered < needed) return {{}, static_cast<std::uint32_t>(needed - offered)};
  Placement out;
  out.workers = policy == PlacementPolicy::kSpread ? spread(needed, free) : pack(needed, free);
  std::erase_if(out.workers, [](const PlacedWorker& worker) { return worker.slots == 0; });
  std::sort(
      out.workers.begin(), out.workers.end(),
      [](const PlacedWorker& a, const PlacedWorker& b) { return a.supervisor < b.supervisor; });
  return out;
}

std::vector<std::uint32_t> worker_of_tasks(const std::vector<std::uint32_t>& index_of_task,
                                           const std::vector<PlacedWorker>& workers) {
  std::vector<std::uint32_t> worker_of_slot;
  for (std::uint32_t w = 0; w < workers.size(); ++w) {
    worker_of_slot.insert(worker_of_slot.end(), workers[w].slots, w);
  }
  WEIR_CHECK(!worker_of_slot.empty(), "a placement has slots");
  std::vector<std::uint32_t> out;
  for (const std::uint32_t index : index_of_task) {
    out.push_back(worker_of_slot[index % worker_of_slot.size()]);
  }
  return out;
}

}  // namespace weir::coordinator
