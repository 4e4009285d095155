#include "weir/runtime/executor.h"

#include "weir/runtime/check.h"

namespace weir::runtime {

// Every wake() writes the state, even where it leaves it as it is. So the exchange that begins a
// run either reads that write, and run() sees what the waker stored before; or it comes first, and
// the waker finds the runnable running. A waker that only looked could find it queued while its own
// stores are still on their way to memory: run() would miss them, and nobody would run it again.
void Runnable::wake() {
  Executor* executor = executor_.load(std::memory_order_acquire);
  if (executor == nullptr) return;
  std::uint8_t state = state_.load(std::memory_order_relaxed);
  for (;;) {
    if (state == kFinished) return;
    std::uint8_t next = state;
    if (state == kIdle) next = kQueued;
    if (state == kRunning) next = kRunningWoken;
    if (!state_.compare_exchange_weak(state, next)) continue;
    if (state == kIdle) executor->enqueue(*this);
    return;
  }
}

void Executor::add(Runnable& runnable) {
  WEIR_CHECK(runnable.executor_.load() == nullptr, "a runnable is added once");
  runnable.place_ = added_.fetch_add(1, std::memory_order_relaxed);
  runnable.executor_.store(this, std::memory_order_release);
  runnable.wake();
}

void Executor::retire(Runnable& runnable) { runnable.state_.store(Runnable::kFinished); }

void Executor::run_queued(Runnable& runnable) {
  runnable.state_.exchange(Runnable::kRunning);
  RunResult result = runnable.run();
  while (result.state == RunState::kMore && !has_waiting()) {
    runnable.state_.exchange(Runnable::kRunning);
    result = runnable.run();
  }
  if (result.state == RunState::kDone) {
    runnable.state_.store(Runnable::kFinished);
    return;
  }
  if (result.state == RunState::kMore) {
    runnable.state_.exchange(Runnable::kQueued);
    enqueue(runnable);
    return;
  }
  if (result.wake_at != MonotonicTime::max()) wake_later(runnable, result.wake_at);
  std::uint8_t expected = Runnable::kRunning;
  if (runnable.state_.compare_exchange_strong(expected, Runnable::kIdle)) return;
  runnable.state_.exchange(Runnable::kQueued);  // woken while it ran
  enqueue(runnable);
}

}  // namespace weir::runtime
