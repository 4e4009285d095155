// Deployment: the plan spread over tasks. Which tasks there are, which key groups each owns, and
// one channel per pair of tasks that exchange records. An immutable, printable value; making it is
// a pure function. task_graph.h builds the running objects from it.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "weir/runtime/ids.h"
#include "weir/runtime/plan.h"
#include "weir/runtime/row_store.h"

namespace weir::coordinator {

struct DeployedTask {
  runtime::TaskId id;       // dense, in the order of the plan's chains
  std::uint32_t chain = 0;  // of the plan
  std::uint32_t index = 0;  // 0 .. parallelism - 1
  std::uint32_t parallelism = 1;
  bool is_spout = false;
  bool is_keyed = false;            // some operator of the chain has keyed state
  runtime::KeyGroupRange groups{};  // what a keyed task owns
};

struct DeployedChannel {
  std::uint32_t edge = 0;  // of the plan
  runtime::TaskId from;
  runtime::TaskId to;
};

struct Deployment {
  std::vector<DeployedTask> tasks;
  // By edge, then producer, then consumer: the order of a task's inputs and of a router's targets.
  std::vector<DeployedChannel> channels;
};

Deployment make_deployment(const runtime::Plan& plan);

enum class Reach : std::uint8_t { kWithinWorker, kBetweenWorkers };

// Records in a batch of `edge`, where batches hold `batch_size` in general. Small records that are
// scattered over tasks travel in larger batches: what a batch costs besides its records is paid in
// cache lines that pass from core to core, and between workers in messages and in threads that wake
// one another.
std::uint32_t batch_size_of(const runtime::Plan& plan, const runtime::PlanEdge& edge,
                            std::uint32_t batch_size, Reach reach);

// Bytes that each channel between workers may hold, where others hold `channel_bytes`: as much more
// as keeps both ends from waiting for one another, within what all of a worker's may take. Both
// ends must say the same `channels`, those between workers in the whole deployment.
std::size_t window_between_workers(std::size_t channel_bytes, std::size_t channels,
                                   std::size_t workers);

// The key groups of task `index`: the inverse of task_of_group().
runtime::KeyGroupRange groups_of_task(std::uint32_t index, std::uint32_t parallelism,
                                      std::uint32_t max_parallelism);

// For people and golden tests.
std::string print_deployment(const runtime::Plan& plan, const Deployment& deployment);

}  // namespace weir::coordinator
