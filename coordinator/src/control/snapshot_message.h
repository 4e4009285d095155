// Snapshots of tasks as they travel from workers to the coordinator.
#pragma once

#include "control_generated.h"
#include "weir/runtime/snapshot.h"

namespace weir::coordinator {

wire::TaskSnapshotT to_wire(const runtime::TaskSnapshot& snapshot);
runtime::TaskSnapshot from_wire(const wire::TaskSnapshotT& snapshot);

}  // namespace weir::coordinator
