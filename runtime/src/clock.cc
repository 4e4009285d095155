#include "weir/runtime/clock.h"

namespace weir::runtime {
namespace {

class SystemClock final : public Clock {
 public:
  MonotonicTime now() const override {
    return std::chrono::duration_cast<MonotonicTime>(
        std::chrono::steady_clock::now().time_since_epoch());
  }
  std::chrono::microseconds wall_now() const override {
    return std::chrono::duration_cast<std::chrono::microseconds>(
        std::chrono::system_clock::now().time_since_epoch());
  }
};

}  // namespace

Clock& system_clock() {
  static SystemClock clock;
  return clock;
}

}  // namespace weir::runtime
