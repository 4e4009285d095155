#include "coordinator/src/cluster/placement.h"

#include <gtest/gtest.h>

#include <numeric>
#include <random>

namespace weir::coordinator {
namespace {

using Workers = std::vector<PlacedWorker>;

TEST(Placement, SpreadsEvenly) {
  const Placement placed = place(5, {{"b", 4}, {"a", 4}, {"c", 1}}, PlacementPolicy::kSpread);
  EXPECT_EQ(placed.workers, (Workers{{"a", 2}, {"b", 2}, {"c", 1}}));
  EXPECT_EQ(placed.missing, 0u);
}

TEST(Placement, SpreadPrefersTheEmptierSupervisor) {
  EXPECT_EQ(place(1, {{"a", 1}, {"b", 3}}, PlacementPolicy::kSpread).workers, (Workers{{"b", 1}}));
}

TEST(Placement, PacksIntoTheSmallestThatFits) {
  const std::vector<FreeSlots> free = {{"a", 8}, {"b", 2}, {"c", 4}};
  EXPECT_EQ(place(3, free, PlacementPolicy::kPack).workers, (Workers{{"c", 3}}));
  EXPECT_EQ(place(9, free, PlacementPolicy::kPack).workers, (Workers{{"a", 8}, {"b", 1}}));
}

TEST(Placement, SaysHowManySlotsAreMissing) {
  for (const PlacementPolicy policy : {PlacementPolicy::kSpread, PlacementPolicy::kPack}) {
    const Placement placed = place(7, {{"a", 2}, {"b", 1}}, policy);
    EXPECT_TRUE(placed.workers.empty());
    EXPECT_EQ(placed.missing, 4u);
    EXPECT_EQ(place(1, {}, policy).missing, 1u);
  }
}

TEST(Placement, GivesWhatIsNeededAndNoMoreThanThereIs) {
  std::mt19937_64 random(7);
  for (int round = 0; round < 2000; ++round) {
    std::vector<FreeSlots> free;
    std::uint32_t offered = 0;
    for (std::uint32_t i = 0; i < random() % 6; ++i) {
      free.push_back({"s" + std::to_string(i), static_cast<std::uint32_t>(random() % 5)});
      offered += free.back().slots;
    }
    const auto needed = static_cast<std::uint32_t>(1 + random() % 12);
    const auto policy = random() % 2 == 0 ? PlacementPolicy::kSpread : PlacementPolicy::kPack;
    const Placement placed = place(needed, free, policy);
    ASSERT_EQ(placed.missing, needed > offered ? needed - offered : 0);
    std::uint32_t sum = 0;
    for (const PlacedWorker& worker : placed.workers) {
      sum += worker.slots;
      ASSERT_GT(worker.slots, 0u);
      for (const FreeSlots& offer : free) {
        if (offer.supervisor == worker.supervisor) {
          ASSERT_LE(worker.slots, offer.slots);
        }
      }
    }
    ASSERT_EQ(sum, placed.missing == 0 ? needed : 0);
  }
}

TEST(Placement, SlotRunsTaskOfItsIndexOfEveryChain) {
  // Chains of parallelism 3, 1 and 3 on slots {0, 1} and {2}.
  EXPECT_EQ(worker_of_tasks({0, 1, 2, 0, 0, 1, 2}, {{"a", 2}, {"b", 1}}),
            (std::vector<std::uint32_t>{0, 0, 1, 0, 0, 0, 1}));
  // Fewer slots than tasks: they wrap around.
  EXPECT_EQ(worker_of_tasks({0, 1, 2, 3}, {{"a", 1}, {"b", 1}}),
            (std::vector<std::uint32_t>{0, 1, 0, 1}));
}

}  // namespace
}  // namespace weir::coordinator
