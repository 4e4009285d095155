#include "link.h"

namespace weir::runtime {

void Link::start(Endpoint& endpoint, MonotonicTime now) {
  note_heard(now);
  MutexLock lock(mutex_);
  endpoint_ = &endpoint;
}

void Link::stop() {
  MutexLock lock(mutex_);
  endpoint_ = nullptr;
  held_.clear();
}

void Link::send(Frame frame, std::string payload) {
  if (session_.has_failed.load(std::memory_order_relaxed)) return;
  MutexLock lock(mutex_);
  if (is_ready()) {
    send_numbered(frame, std::move(payload));
  } else {
    held_.emplace_back(frame, std::move(payload));
  }
}

void Link::send_numbered(Frame& frame, std::string payload) {
  if (endpoint_ == nullptr) return;
  frame.job = session_.job;
  frame.epoch = session_.epoch.value;
  frame.link_sequence = ++sent_;
  last_sent_.store(session_.clock.now(), std::memory_order_relaxed);
  endpoint_->send(peer_, {encoder_.encode(frame), std::move(payload)});
}

void Link::say_hello(bool wants_answer) {
  MutexLock lock(mutex_);
  if (endpoint_ == nullptr) return;
  Frame frame;
  frame.job = session_.job;
  frame.epoch = session_.epoch.value;
  frame.kind = wire::FrameKind::Hello;
  frame.protocol = kLinkProtocol;
  frame.wants_answer = wants_answer;
  endpoint_->send(peer_, {encoder_.encode(frame), {}});
}

bool Link::become_ready() {
  MutexLock lock(mutex_);
  if (is_ready()) return false;
  for (auto& [frame, payload] : held_) send_numbered(frame, std::move(payload));
  held_.clear();
  is_ready_.store(true, std::memory_order_release);
  return true;
}

absl::Status Link::count_arrival(std::uint64_t link_sequence) {
  if (link_sequence == ++arrived_) return absl::OkStatus();
  const std::string at = std::to_string(arrived_);
  if (link_sequence < arrived_) {
    return absl::DataLossError("frame " + std::to_string(link_sequence) + " of worker '" + peer_ +
                               "' has come again, expected was " + at);
  }
  return absl::DataLossError(std::to_string(link_sequence - arrived_) + " frames of worker '" +
                             peer_ + "' were lost from number " + at + " on");
}

}  // namespace weir::runtime
