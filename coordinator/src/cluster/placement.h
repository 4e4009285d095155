// Placement: which supervisor gives how many slots to a job, and which worker runs which task. Pure
// functions. All slots of a job at one supervisor are one worker process.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace weir::coordinator {

enum class PlacementPolicy : std::uint8_t {
  kSpread,  // evenly over all supervisors
  kPack,    // as few supervisors as possible: fewer links, less of the cluster touched
};

struct FreeSlots {
  std::string supervisor;
  std::uint32_t slots = 0;
};

struct PlacedWorker {
  std::string supervisor;
  std::uint32_t slots = 0;  // at least 1
  friend bool operator==(const PlacedWorker&, const PlacedWorker&) = default;
};

struct Placement {
  std::vector<PlacedWorker> workers;  // by supervisor name; empty if slots are missing
  std::uint32_t missing = 0;          // slots that the cluster lacks now
};

Placement place(std::uint32_t needed, std::vector<FreeSlots> free, PlacementPolicy policy);

// Slot `i` runs task `i` of every chain (index mod number of slots), so forward edges stay in one
// process. `index_of_task`: by task id, the task's index within its chain. Result: by task id, the
// position in `workers`.
std::vector<std::uint32_t> worker_of_tasks(const std::vector<std::uint32_t>& index_of_task,
                                           const std::vector<PlacedWorker>& workers);

}  // namespace weir::coordinator
