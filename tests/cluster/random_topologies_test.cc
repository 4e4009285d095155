// Random topologies on clusters of real processes: what comes out is what the same program commits
// by itself. WEIR_RANDOM_TOPOLOGIES=N takes seeds 1 to N (200 is what the embedded suite takes);
// several run side by side.
#include <deque>
#include <random>

#include "cluster/weir_command.h"
#include "support/committed_lines.h"
#include "support/committed_rows.h"

namespace weir::tests {
namespace {

struct Place {
  int workers;
  int slots;  // of each
};

class RandomTopologiesOnACluster : public WeirCommand, public testing::WithParamInterface<Place> {
 protected:
  static constexpr std::size_t kSideBySide = 3;

  struct Running {
    std::uint64_t seed;
    int parallelism;
    std::unique_ptr<Command> command;
  };
  static std::uint64_t seeds() { return number_from_environment("WEIR_RANDOM_TOPOLOGIES", 6); }
  std::string output(std::uint64_t seed) { return dir_ / ("job" + std::to_string(seed)); }
  Running start_job(std::uint64_t seed, int parallelism) {
    return {seed, parallelism,
            start({"run", bin("random_job"), "--name", "job" + std::to_string(seed), "-p",
                   std::to_string(parallelism), "--", "--topology", std::to_string(seed),
                   "--output", output(seed), "--checkpoint-interval", "20ms"})};
  }
  // Lines of all sinks, sorted, each with the name of its sink.
  static std::vector<std::string> committed(const std::string& folder) {
    std::vector<std::string> lines;
    for (const auto& sink : std::filesystem::directory_iterator(folder)) {
      for (const std::string& line : csv_lines(sink.path())) {
        lines.push_back(sink.path().filename().string() + ": " + line);
      }
    }
    std::sort(lines.begin(), lines.end());
    return lines;
  }
  std::vector<std::string> expected(std::uint64_t seed) {
    const std::string folder = dir_ / ("alone" + std::to_string(seed));
    run_alone({bin("random_job"), "--topology", std::to_string(seed), "--output", folder,
               "--executor", "single"});
    return committed(folder);
  }
  // Returns the number of lines.
  std::size_t finish(Running running) {
    const Ran ran = running.command->wait();
    EXPECT_EQ(ran.code, 0) << "topology " << running.seed << ": " << ran.out << ran.err;
    if (ran.code != 0) return 0;
    const std::vector<std::string> want = expected(running.seed);
    EXPECT_EQ(difference(committed(output(running.seed)), want), "")
        << "topology " << running.seed << " at parallelism " << running.parallelism;
    return want.size();
  }
};

TEST_P(RandomTopologiesOnACluster, CommitWhatTheProgramCommitsAlone) {
  const int slots = GetParam().workers * GetParam().slots;
  up({"--workers", std::to_string(GetParam().workers), "--slots",
      std::to_string(GetParam().slots)});
  std::mt19937_64 random(static_cast<std::uint64_t>(GetParam().workers));
  std::deque<Running> running;
  std::size_t lines = 0;
  for (std::uint64_t seed = 1; seed <= seeds() && !HasFailure(); ++seed) {
    if (running.size() == kSideBySide) {
      lines += finish(std::move(running.front()));
      running.pop_front();
    }
    const int parallelism = 1 + static_cast<int>(random() % static_cast<std::uint64_t>(slots));
    running.push_back(start_job(seed, parallelism));
  }
  for (Running& job : running) lines += finish(std::move(job));
  EXPECT_GT(lines, seeds() * 30);
}

INSTANTIATE_TEST_SUITE_P(Workers, RandomTopologiesOnACluster,
                         testing::Values(Place{1, 6}, Place{2, 3}, Place{3, 2}),
                         [](const auto& p) { return std::to_string(p.param.workers); });

}  // namespace
}  // namespace weir::tests
