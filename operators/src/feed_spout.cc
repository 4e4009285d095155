#include "weir/operators/feeds/feed_spout.h"

#include <unistd.h>

#include <utility>

#include "absl/strings/str_cat.h"

namespace weir::operators {

absl::StatusOr<std::unique_ptr<ByteFeed>> FeedOrigin::open(Wake wake) const {
  if (kind == Kind::kTcp) return tcp_feed(port, std::move(wake));
  return descriptor_feed(STDIN_FILENO, "standard input", std::move(wake));
}

std::string FeedOrigin::describe() const {
  return kind == Kind::kTcp ? absl::StrCat("127.0.0.1:", port) : "standard input";
}

}  // namespace weir::operators
