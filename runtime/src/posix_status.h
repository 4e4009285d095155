// From errno to a status that says what failed, on which path, why, and what to do about it.
#pragma once

#include <string>
#include <string_view>

#include "absl/status/status.h"

namespace weir::runtime {

// `what` as in "cannot create"; `error` is an errno value.
absl::Status posix_status(int error, std::string_view what, const std::string& path);

}  // namespace weir::runtime
