#include "payload_pool.h"

namespace weir::runtime {
namespace {

constexpr std::size_t kMostKept = std::size_t{8} << 20;
constexpr std::size_t kLeastKept = 1024;  // less is not worth keeping

}  // namespace

PayloadPool& PayloadPool::instance() {
  static PayloadPool* const pool = new PayloadPool;  // threads of ZeroMQ may outlive main
  return *pool;
}

std::string PayloadPool::take() {
  std::string payload;
  const MutexLock lock(mutex_);
  if (free_.empty()) return payload;
  payload = std::move(free_.back());
  free_.pop_back();
  bytes_ -= payload.capacity();
  return payload;
}

void PayloadPool::give_back(std::string payload) {
  const std::size_t bytes = payload.capacity();
  if (bytes < kLeastKept) return;
  payload.clear();
  const MutexLock lock(mutex_);
  if (bytes_ + bytes > kMostKept) return;
  bytes_ += bytes;
  free_.push_back(std::move(payload));
}

}  // namespace weir::runtime
