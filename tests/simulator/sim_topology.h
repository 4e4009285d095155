// The topology that simulated clusters run: two partitions, exchanges by key, windows, a bolt with
// timers and map state, three exactly-once outputs. Every record is a function of its number, so
// the committed lines of any two runs that lose and repeat nothing are equal.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "weir/runtime/plan.h"
#include "weir/runtime/storage.h"

namespace weir::simulation {

inline constexpr std::uint32_t kPartitions = 2;
// Records of each partition.
using Lengths = std::array<std::uint64_t, kPartitions>;

struct SimLoad {
  std::uint64_t records = 2000;
  std::uint64_t keys = 40;
  double rate = 100;  // records per second; 0: as fast as they are taken
  std::uint32_t parallelism = 2;
};

// Where the outputs are.
inline constexpr const char* kOutput = "/out";

// A plan that owns what it needs.
std::shared_ptr<const runtime::Plan> sim_plan(const SimLoad& load);

// All committed lines, sorted, each with the name of its output.
std::vector<std::string> committed_lines(runtime::Storage& storage);
// The largest checkpoint id that any published file carries; 0: none.
std::uint64_t newest_published(runtime::Storage& storage);

// What a run without faults commits; embedded, so by other means than the cluster.
std::vector<std::string> expected_lines(const SimLoad& load);
// The same of a run that reads only so much of each partition.
std::vector<std::string> expected_lines(const SimLoad& load, const Lengths& lengths);

// How much of each partition a run has read that has committed `lines`: by what its visits add up
// to. None if these are of no such run.
std::optional<Lengths> lengths_read(const SimLoad& load, const std::vector<std::string>& lines);

}  // namespace weir::simulation
