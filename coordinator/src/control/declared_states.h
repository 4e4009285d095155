// What the operators of a program declare: states, and partitions of spouts. Asked of the program
// itself (`program --print=wire-states`), since only it knows the types.
#pragma once

#include "absl/status/status.h"
#include "control_generated.h"
#include "weir/runtime/plan.h"

namespace weir::coordinator {

// Fills in states and partitions of the operators of `spec`, which is plan_spec_of(plan). Keyed
// operators are opened for that, over no rows, and receive nothing; an error or exception out of
// their open() is returned with the operator's name.
absl::Status declare_states(const runtime::Plan& plan, wire::PlanSpecT& spec);

}  // namespace weir::coordinator
