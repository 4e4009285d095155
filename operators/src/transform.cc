#include "weir/operators/transform.h"

#include <cstring>

namespace weir::operators {

void copy_times(const runtime::BatchBase& from, runtime::BatchBase& to) {
  to.partition = from.partition;
  to.has_times = from.has_times;
  to.runs() = from.runs();
  if (from.has_times) {
    std::memcpy(to.times(), from.times(), from.size() * sizeof(std::int64_t));
  }
}

void copy_columns(const runtime::BatchBase& from, runtime::BatchBase& to) {
  copy_times(from, to);
  to.has_hashes = from.has_hashes;
  if (from.has_hashes) {
    std::memcpy(to.hashes(), from.hashes(), from.size() * sizeof(std::uint64_t));
  }
}

}  // namespace weir::operators
