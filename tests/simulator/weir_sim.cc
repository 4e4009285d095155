// weir_sim [--first] --seeds A..B | --replay SEED: simulated clusters, one per seed. Exit code 0:
// every oracle was content. With --first it ends at the first one that is not.
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>

#include "simulator/simulated_cluster.h"

namespace weir::simulation {
namespace {

void print(std::uint64_t seed, const SimResult& result) {
  std::string faults;
  for (const auto& [kind, count] : result.faults) {
    faults += (faults.empty() ? "" : ", ") + std::to_string(count) + " " + kind;
  }
  std::printf("seed %llu: %s; %.0f s simulated, %llu steps, digest %016llx, %u restarts; %s\n",
              static_cast<unsigned long long>(seed),
              result.failure.empty() ? "ok" : result.failure.c_str(), result.simulated_seconds,
              static_cast<unsigned long long>(result.steps),
              static_cast<unsigned long long>(result.digest), result.restarts,
              faults.empty() ? "no faults" : faults.c_str());
  std::fflush(stdout);
}

int run(int argc, char** argv) {
  std::uint64_t first = 1, last = 100;
  bool is_replay = false;
  const bool ends_at_first = argc > 1 && std::strcmp(argv[1], "--first") == 0;
  for (int i = ends_at_first ? 2 : 1; i + 1 < argc; i += 2) {
    if (std::strcmp(argv[i], "--seeds") == 0) {
      char* end = nullptr;
      first = std::strtoull(argv[i + 1], &end, 10);
      last = std::strncmp(end, "..", 2) == 0 ? std::strtoull(end + 2, nullptr, 10) : first;
    } else if (std::strcmp(argv[i], "--replay") == 0) {
      first = last = std::strtoull(argv[i + 1], nullptr, 10);
      is_replay = true;
    }
  }
  std::uint64_t failed = 0, faults = 0, restarts = 0;
  for (std::uint64_t seed = first; seed <= last; ++seed) {
    if (ends_at_first) {  // an invariant may end the program
      std::printf("seed %llu\n", static_cast<unsigned long long>(seed));
      std::fflush(stdout);
    }
    const SimResult result = run_seed(seed);
    for (const auto& [kind, count] : result.faults) faults += count;
    restarts += result.restarts;
    if (!result.failure.empty()) ++failed;
    if (is_replay || !result.failure.empty()) print(seed, result);
    if (is_replay) std::printf("%s", result.history.c_str());
    if (failed > 0 && ends_at_first) return 1;
  }
  std::printf("%llu seeds, %llu failed; %llu faults, %llu restarts\n",
              static_cast<unsigned long long>(last - first + 1),
              static_cast<unsigned long long>(failed), static_cast<unsigned long long>(faults),
              static_cast<unsigned long long>(restarts));
  return failed == 0 ? 0 : 1;
}

}  // namespace
}  // namespace weir::simulation

int main(int argc, char** argv) { return weir::simulation::run(argc, argv); }
