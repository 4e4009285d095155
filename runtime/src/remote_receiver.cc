#include <algorithm>

#include "payload_pool.h"
#include "remote_channel.h"

namespace weir::runtime {
namespace {

// Elements without records that may wait; a producer that is held back sends none.
constexpr std::size_t kMostWaiting = std::size_t{1} << 20;

}  // namespace

RemoteReceiver::RemoteReceiver(LinkSession& session, Link& link, ChannelId id,
                               const RecordType& type, std::uint32_t batch_size,
                               std::size_t window_bytes, Wakeable& consumer)
    : RemoteEnd(session, link, id, type, batch_size, window_bytes), consumer_(consumer) {}

std::string RemoteReceiver::name() const {
  return "channel " + std::to_string(id_.value) + " from worker '" + link_.peer() + "'";
}

absl::Status RemoteReceiver::check(const Frame& frame, std::string_view payload) {
  if (frame.sequence != ++arrived_) {
    return absl::DataLossError("frame " + std::to_string(arrived_) + " of " + name() +
                               " was lost: " + std::to_string(frame.sequence) + " has come");
  }
  if (has_ended_) return absl::DataLossError("a frame came after the end of " + name());
  if ((frame.kind == wire::FrameKind::Batch) == payload.empty()) {
    return absl::DataLossError("a bad frame has come on " + name());
  }
  return absl::OkStatus();
}

absl::Status RemoteReceiver::on_data(const Frame& frame, std::string_view payload) {
  const absl::Status status = check(frame, payload);
  if (!status.ok()) return status;
  Arrived arrived{frame.kind, frame.watermark, frame.checkpoint, {}};
  if (frame.kind == wire::FrameKind::Batch) {
    const std::size_t cost = frame_cost(payload.size());
    if (outstanding_.fetch_add(cost) + cost > window_ + session_.max_overshoot_bytes) {
      return absl::ResourceExhaustedError(name() + " exceeds its window of " +
                                          std::to_string(window_) + " bytes by far");
    }
    arrived.payload = PayloadPool::instance().take();
    arrived.payload.assign(payload);
  }
  if (frame.kind == wire::FrameKind::End) {
    has_ended_ = true;
    link_.close_channel();
  }
  std::size_t waiting = 0;
  {
    MutexLock lock(mutex_);
    queue_.push_back(std::move(arrived));
    waiting = queue_.size();
    ready_.store(true, std::memory_order_release);
  }
  if (waiting > kMostWaiting) {
    return absl::ResourceExhaustedError(name() + " has too many elements waiting");
  }
  consumer_.wake();
  return absl::OkStatus();
}

bool RemoteReceiver::receive(Element& out) {
  if (!ready_.load(std::memory_order_acquire)) return false;
  Arrived arrived;
  {
    MutexLock lock(mutex_);
    if (queue_.empty()) return false;
    arrived = std::move(queue_.front());
    queue_.pop_front();
    if (queue_.empty()) ready_.store(false, std::memory_order_release);
  }
  switch (arrived.kind) {
    case wire::FrameKind::Batch: return decode(arrived, out);
    case wire::FrameKind::Watermark:
      out = Element::of_watermark(EventTime(arrived.watermark));
      return true;
    case wire::FrameKind::Barrier:
      out = Element::of_barrier(CheckpointId(arrived.checkpoint));
      return true;
    case wire::FrameKind::Idle: out = Element::idle(); return true;
    default: out = Element::end(); return true;
  }
}

bool RemoteReceiver::decode(Arrived& arrived, Element& out) {
  std::unique_ptr<BatchBase> batch = empty_batch();
  if (!batch->decode(arrived.payload)) {
    session_.fail(
        absl::DataLossError("what came on " + name() + " is no batch of " + type_.schema()));
    return false;
  }
  lent_.emplace_back(batch.get(), frame_cost(arrived.payload.size()));
  PayloadPool::instance().give_back(std::move(arrived.payload));
  out = Element::of_batch(std::move(batch));
  return true;
}

void RemoteReceiver::give_back(std::unique_ptr<BatchBase> batch, std::size_t) {
  const auto lent = std::find_if(lent_.begin(), lent_.end(),
                                 [&](const auto& entry) { return entry.first == batch.get(); });
  WEIR_CHECK(lent != lent_.end(), "a channel gets back what was received");
  owed_ += lent->second;
  lent_.erase(lent);
  keep(std::move(batch));
  if (owed_ < window_ / 4) return;
  outstanding_.fetch_sub(owed_);
  Frame frame;
  frame.kind = wire::FrameKind::Credit;
  frame.channel = id_.value;
  frame.sequence = ++credits_;
  frame.credit = std::exchange(owed_, 0);
  link_.send(frame);
}

}  // namespace weir::runtime
