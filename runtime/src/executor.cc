#include "weir/runtime/executor.h"

#include "weir/runtime/check.h"

namespace weir::runtime {

void Runnable::wake() {
  Executor* executor = executor_.load(std::memory_order_acquire);
  if (executor == nullptr) return;
  std::uint8_t state = state_.load(std::memory_order_seq_cst);
  for (;;) {
    switch (state) {
      case kIdle:
        if (state_.compare_exchange_weak(state, kQueued)) {
          executor->enqueue(*this);
          return;
        }
        break;
      case kRunning:
        if (state_.compare_exchange_weak(state, kRunningWoken)) return;
        break;
      default: return;  // queued, already woken, or finished
    }
  }
}

void Executor::add(Runnable& runnable) {
  WEIR_CHECK(runnable.executor_.load() == nullptr, "a runnable is added once");
  runnable.executor_.store(this, std::memory_order_release);
  runnable.wake();
}

void Executor::retire(Runnable& runnable) { runnable.state_.store(Runnable::kFinished); }

void Executor::run_queued(Runnable& runnable) {
  runnable.state_.store(Runnable::kRunning);
  RunResult result = runnable.run();
  while (result.state == RunState::kMore && !has_waiting()) {
    runnable.state_.store(Runnable::kRunning);
    result = runnable.run();
  }
  if (result.state == RunState::kDone) {
    runnable.state_.store(Runnable::kFinished);
    return;
  }
  if (result.state == RunState::kMore) {
    runnable.state_.store(Runnable::kQueued);
    enqueue(runnable);
    return;
  }
  if (result.wake_at != MonotonicTime::max()) wake_later(runnable, result.wake_at);
  std::uint8_t expected = Runnable::kRunning;
  if (runnable.state_.compare_exchange_strong(expected, Runnable::kIdle)) return;
  runnable.state_.store(Runnable::kQueued);  // woken while it ran
  enqueue(runnable);
}

}  // namespace weir::runtime
