// PlanSpec: what a topology program says of itself when it is asked for its plan
// (`program --print=wire-plan`). All that the coordinator knows of a topology: it never runs user
// code.
#pragma once

#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "control_generated.h"
#include "weir/coordinator/embedded_job.h"
#include "weir/runtime/plan.h"

namespace weir::coordinator {

wire::PlanSpecT plan_spec_of(const runtime::Plan& plan, const JobOptions& options);

// The bytes that the program prints, and back. Decoding verifies everything first:
// kInvalidArgument if it is no plan of Weir, kFailedPrecondition if program and reader were built
// for different protocols or machines.
std::string encode_plan_spec(const wire::PlanSpecT& spec);
absl::StatusOr<wire::PlanSpecT> decode_plan_spec(std::string_view bytes);

// The machine this program was built for, "x86_64".
const char* machine_name();

}  // namespace weir::coordinator
