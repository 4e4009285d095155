// What a job needs before it starts: valid options, and an executor that fits them.
#pragma once

#include <memory>

#include "weir/coordinator/embedded_job.h"

namespace weir::coordinator {

// InvalidArgument for a value that makes no sense.
absl::Status validate(const JobOptions& options);

std::unique_ptr<runtime::Executor> make_executor(const JobOptions& options, runtime::Clock& clock);

}  // namespace weir::coordinator
