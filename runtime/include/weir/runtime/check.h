// WEIR_CHECK(condition, message): a broken invariant of the engine itself. Stays on in release and
// ends the process, since nothing that follows could be trusted. Never for bad input.
#pragma once

namespace weir::runtime {

// Prints condition, place and message to stderr and aborts.
[[noreturn]] void check_failed(const char* condition, const char* file, int line,
                               const char* message);

}  // namespace weir::runtime

#define WEIR_CHECK(condition, message) \
  (__builtin_expect(!!(condition), 1)  \
       ? static_cast<void>(0)          \
       : ::weir::runtime::check_failed(#condition, __FILE__, __LINE__, (message)))
