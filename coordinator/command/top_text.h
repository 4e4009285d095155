// The screen of weir top: what changed between two looks at a job.
#pragma once

#include <chrono>
#include <string>

#include "control_generated.h"

namespace weir::coordinator {

// `before` may be the same look: rates are 0 then. `between`: the time that lies between them.
std::string top_text(const wire::JobInfoT& before, const wire::JobInfoT& now,
                     std::chrono::nanoseconds between);

// All jobs, one line each.
std::string top_jobs_text(const wire::JobsT& before, const wire::JobsT& now,
                          std::chrono::nanoseconds between);

}  // namespace weir::coordinator
