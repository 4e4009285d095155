// Link: one worker's way to one other worker: numbers frames, holds them back until the peer is
// ready, and knows when it was last heard.
//
// send() and say_hello() from any thread; what belongs to arriving frames from the endpoint's.
#pragma once

#include <atomic>
#include <deque>
#include <functional>
#include <string>
#include <utility>

#include "frame.h"
#include "weir/runtime/clock.h"
#include "weir/runtime/links.h"
#include "weir/runtime/mutex.h"

namespace weir::runtime {

// What the parts of one Links have in common.
struct LinkSession {
  std::string job;
  Epoch epoch;
  std::size_t max_frame_bytes;
  std::size_t max_overshoot_bytes;
  Clock& clock;
  Links::OnFailure on_failure;
  std::atomic<bool> has_failed{false};
  std::atomic<bool> is_over{false};

  // The first one counts.
  void fail(absl::Status status) {
    if (!is_over.load() && !has_failed.exchange(true)) on_failure(std::move(status));
  }
};

class Link {
 public:
  Link(LinkSession& session, std::string peer, std::string address)
      : session_(session), peer_(std::move(peer)), address_(std::move(address)) {}

  const std::string& peer() const { return peer_; }
  const std::string& address() const { return address_; }

  // A channel with the peer that has not seen its END. While there is one, losing the peer fails
  // the attempt.
  void open_channel() { open_channels_.fetch_add(1); }
  void close_channel() { open_channels_.fetch_sub(1); }
  bool has_open_channels() const { return open_channels_.load() != 0; }

  void start(Endpoint& endpoint, MonotonicTime now);
  // Nothing is sent from here on.
  void stop();

  // Numbers and sends; `frame` names kind, channel and what belongs to the kind.
  void send(Frame frame, std::string payload = {});
  void say_hello(bool wants_answer);
  // The peer has all its channels; what was held back goes out. False if that was known.
  bool become_ready();
  bool is_ready() const { return is_ready_.load(std::memory_order_acquire); }

  // A numbered frame has arrived.
  absl::Status count_arrival(std::uint64_t link_sequence);
  void note_heard(MonotonicTime now) { last_heard_.store(now, std::memory_order_relaxed); }
  MonotonicTime last_heard() const { return last_heard_.load(std::memory_order_relaxed); }
  MonotonicTime last_sent() const { return last_sent_.load(std::memory_order_relaxed); }

 private:
  void send_numbered(Frame& frame, std::string payload) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  LinkSession& session_;
  const std::string peer_;
  const std::string address_;
  std::atomic<int> open_channels_{0};
  std::atomic<bool> is_ready_{false};
  std::atomic<MonotonicTime> last_heard_{MonotonicTime(0)};
  std::atomic<MonotonicTime> last_sent_{MonotonicTime(0)};
  std::uint64_t arrived_ = 0;  // the endpoint's thread

  Mutex mutex_;
  Endpoint* endpoint_ ABSL_GUARDED_BY(mutex_) = nullptr;
  std::uint64_t sent_ ABSL_GUARDED_BY(mutex_) = 0;
  FrameEncoder encoder_ ABSL_GUARDED_BY(mutex_);
  std::deque<std::pair<Frame, std::string>> held_ ABSL_GUARDED_BY(mutex_);  // until it is ready
};

}  // namespace weir::runtime
