// Everything in the calling thread, one step at a time, in an order drawn from a seed.
#include <algorithm>
#include <deque>
#include <map>
#include <random>
#include <vector>

#include "weir/runtime/executor.h"

namespace weir::runtime {
namespace {

class SingleExecutor final : public Executor {
 public:
  SingleExecutor(std::uint64_t seed, Clock& clock, ManualClock* manual)
      : clock_(clock), manual_(manual), random_(seed) {}

  std::string_view name() const override { return "single"; }

  void submit_io(std::function<void()> job) override { io_.push_back(std::move(job)); }
  void notify() override { notified_ = true; }
  void stop() override {
    while (!io_.empty()) run_io();
    ready_.clear();
    timers_.clear();
  }

  void drive(MonotonicTime deadline) override {
    while (!notified_) {
      fire_timers();
      if (clock_.now() >= deadline) break;
      if (ready_.empty() && io_.empty()) {
        if (!wait_for_time(deadline)) break;
        continue;
      }
      step();
    }
    notified_ = false;
  }

 protected:
  void enqueue(Runnable& runnable) override { ready_.push_back(&runnable); }
  bool has_waiting() const override { return true; }
  void wake_later(Runnable& runnable, MonotonicTime at) override { timers_.emplace(at, &runnable); }

 private:
  // One runnable or one I/O job.
  void step() {
    const std::size_t choices = ready_.size() + (io_.empty() ? 0 : 1);
    const std::size_t pick = choices == 1 ? 0 : random_() % choices;
    if (pick == ready_.size()) {
      run_io();
      return;
    }
    Runnable* runnable = ready_[pick];
    ready_.erase(ready_.begin() + static_cast<std::ptrdiff_t>(pick));
    run_queued(*runnable);
  }

  void run_io() {
    std::function<void()> job = std::move(io_.front());
    io_.pop_front();
    job();
  }

  void fire_timers() {
    while (!timers_.empty() && timers_.begin()->first <= clock_.now()) {
      Runnable* runnable = timers_.begin()->second;
      timers_.erase(timers_.begin());
      runnable->wake();
    }
  }

  // Nothing is runnable: lets time pass until the next timer or `deadline`. False if neither
  // exists, in which case only the caller can make progress.
  bool wait_for_time(MonotonicTime deadline) {
    const MonotonicTime next =
        timers_.empty() ? deadline : std::min(deadline, timers_.begin()->first);
    if (next == MonotonicTime::max()) return false;
    if (manual_ != nullptr) {
      manual_->advance(std::max(next - clock_.now(), MonotonicTime(0)));
      return true;
    }
    pause_until(next);
    return true;
  }

  void pause_until(MonotonicTime at);

  Clock& clock_;
  ManualClock* const manual_;
  std::mt19937_64 random_;
  std::vector<Runnable*> ready_;
  std::deque<std::function<void()>> io_;
  std::multimap<MonotonicTime, Runnable*> timers_;
  bool notified_ = false;
};

void SingleExecutor::pause_until(MonotonicTime at) {
  const MonotonicTime left = at - clock_.now();
  if (left <= MonotonicTime(0)) return;
  timespec time{static_cast<time_t>(left.count() / 1'000'000'000),
                static_cast<long>(left.count() % 1'000'000'000)};
  nanosleep(&time, nullptr);  // a signal ends it early; drive() looks again
}

}  // namespace

std::unique_ptr<Executor> make_single_executor(std::uint64_t seed, Clock& clock,
                                               ManualClock* manual) {
  return std::make_unique<SingleExecutor>(seed, clock, manual);
}

}  // namespace weir::runtime
