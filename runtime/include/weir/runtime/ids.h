// Strong identifiers. A bare integer never names a task, a checkpoint or a key group.
#pragma once

#include <compare>
#include <cstdint>

namespace weir::runtime {

// One distinct integer type per Tag; explicit in both directions.
template <class Tag, class Rep>
struct Id {
  Rep value{};

  constexpr Id() = default;
  constexpr explicit Id(Rep v) : value(v) {}
  friend constexpr auto operator<=>(Id, Id) = default;
};

using VertexId = Id<struct VertexTag, std::uint32_t>;        // a vertex of a topology
using TaskId = Id<struct TaskTag, std::uint32_t>;            // one task of a deployment, dense
using PartitionId = Id<struct PartitionTag, std::uint32_t>;  // one partition of a spout
using CheckpointId =
    Id<struct CheckpointTag, std::uint64_t>;             // rises for ever within a job, from 1
using Epoch = Id<struct EpochTag, std::uint64_t>;        // fencing epoch of an attempt, from 1
inline constexpr std::uint32_t kMostKeyGroups = 32768;   // the largest max_parallelism
using KeyGroup = Id<struct KeyGroupTag, std::uint16_t>;  // 0 .. max_parallelism - 1

}  // namespace weir::runtime
