// A MessageHandler that keeps what it hears, and lets a test wait for it.
#pragma once

#include <chrono>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <string>
#include <vector>

#include "weir/runtime/transport.h"

namespace weir::tests {

struct Heard {
  std::string peer;
  std::string head;
  std::string payload;
};

class RecordingHandler final : public runtime::MessageHandler {
 public:
  void on_message(std::string_view peer, std::string_view head, std::string_view payload) override {
    const std::lock_guard lock(mutex_);
    is_aligned_ = is_aligned_ && reinterpret_cast<std::uintptr_t>(head.data()) % 8 == 0;
    messages_.push_back({std::string(peer), std::string(head), std::string(payload)});
    changed_.notify_all();
  }
  void on_unreachable(std::string_view peer) override {
    const std::lock_guard lock(mutex_);
    unreachable_.emplace_back(peer);
    changed_.notify_all();
  }

  std::vector<Heard> messages() const {
    const std::lock_guard lock(mutex_);
    return messages_;
  }
  std::vector<std::string> unreachable() const {
    const std::lock_guard lock(mutex_);
    return unreachable_;
  }
  std::size_t message_count() const {
    const std::lock_guard lock(mutex_);
    return messages_.size();
  }
  std::size_t unreachable_count() const {
    const std::lock_guard lock(mutex_);
    return unreachable_.size();
  }
  bool is_aligned() const {
    const std::lock_guard lock(mutex_);
    return is_aligned_;
  }
  // Until `is_true` holds, looked at after everything that is heard; false after a minute.
  bool wait_until(const std::function<bool()>& is_true) {
    std::unique_lock lock(mutex_);
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::minutes(1);
    for (;;) {
      lock.unlock();
      const bool holds = is_true();
      lock.lock();
      if (holds) return true;
      // Looks again now and then, since what is waited for may not be heard here.
      changed_.wait_for(lock, std::chrono::milliseconds(5));
      if (std::chrono::steady_clock::now() > deadline) return false;
    }
  }

 private:
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<Heard> messages_;
  std::vector<std::string> unreachable_;
  bool is_aligned_ = true;
};

}  // namespace weir::tests
