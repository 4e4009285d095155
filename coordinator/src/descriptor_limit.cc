#include "descriptor_limit.h"

#include <sys/resource.h>

#include <cerrno>

#include "absl/strings/str_cat.h"

namespace weir::coordinator {
namespace {

constexpr rlim_t kLeast = 64;

}  // namespace

absl::Status raise_descriptor_limit() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) {
    return absl::ErrnoToStatus(errno, "the limit of open files cannot be read");
  }
  limit.rlim_cur = limit.rlim_max;
  if (limit.rlim_max >= kLeast) {
    ::setrlimit(RLIMIT_NOFILE, &limit);  // if that is refused, what was allowed before has to do
    return absl::OkStatus();
  }
  return absl::ResourceExhaustedError(absl::StrCat(
      "this process may have ", limit.rlim_max, " files open, which is too few; allow at least ",
      kLeast, ", better 4096: ulimit -n 4096, or LimitNOFILE= of its systemd unit"));
}

}  // namespace weir::coordinator
