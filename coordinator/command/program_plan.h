// Asks a program for its plan: `PROGRAM --print=wire-plan ARGUMENTS`. No shell; bounded in time and
// output.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "control_generated.h"
#include "weir/runtime/clock.h"

namespace weir::coordinator {

// The program's file: `program` itself if it names one, else the first of that name in PATH.
// kNotFound, kPermissionDenied.
absl::StatusOr<std::string> find_program(const std::string& program);

enum class Asked : std::uint8_t { kPlan, kPlanWithStates };

// kInvalidArgument: it is no Weir program, or refuses its arguments; the message holds what it
// says. kFailedPrecondition: built for another machine or protocol.
absl::StatusOr<wire::PlanSpecT> ask_for_plan(
    const std::string& path, const std::string& name, const std::vector<std::string>& arguments,
    Asked what = Asked::kPlan, runtime::MonotonicTime patience = std::chrono::seconds(20));

}  // namespace weir::coordinator
