// Random lives of jobs: whatever happens, and in whatever order, workers of two attempts are never
// free to act at the same time, nothing is committed that is not complete, and when the faults end
// the job finishes with all its input.
#include "job_life_world.h"

namespace weir::coordinator {
namespace {

TEST(JobLifeWorld, EveryLifeEndsWithAllInputCommittedOnce) {
  std::uint64_t faults = 0;
  std::uint64_t adoptions = 0;
  std::uint64_t epochs = 0;
  for (std::uint64_t seed = 1; seed <= 800; ++seed) {
    JobLifeWorld world(seed);
    world.run(/*faulty_steps=*/1500, /*most_steps=*/60'000);
    if (::testing::Test::HasFailure()) return;
    faults += world.faults();
    adoptions += world.adoptions();
    epochs += world.epochs();
  }
  // The world is as rough as it is meant to be.
  EXPECT_GT(faults, 15'000u);
  EXPECT_GT(adoptions, 1'000u);
  EXPECT_GT(epochs, 5'000u);
}

}  // namespace
}  // namespace weir::coordinator
