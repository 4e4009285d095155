#include "weir/runtime/check.h"

#include <cstdio>
#include <cstdlib>

namespace weir::runtime {

void check_failed(const char* condition, const char* file, int line, const char* message) {
  std::fprintf(stderr, "weir: broken invariant: %s (%s) at %s:%d. This is a fault of Weir itself; ",
               message, condition, file, line);
  std::fprintf(stderr, "the job goes on from its last checkpoint when it is started again.\n");
  std::fflush(stderr);
  std::abort();
}

}  // namespace weir::runtime
