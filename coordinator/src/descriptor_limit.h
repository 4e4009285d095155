// How many files and connections this process may have open.
#pragma once

#include "absl/status/status.h"

namespace weir::coordinator {

// Raises the limit as far as the system allows without asking anybody. kResourceExhausted, with
// what to do, if that is too few even to begin with.
absl::Status raise_descriptor_limit();

}  // namespace weir::coordinator
