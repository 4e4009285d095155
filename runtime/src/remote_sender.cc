#include <numeric>

#include "payload_pool.h"
#include "remote_channel.h"

namespace weir::runtime {

RemoteSender::RemoteSender(LinkSession& session, Link& link, ChannelId id, const RecordType& type,
                           std::uint32_t batch_size, std::size_t window_bytes, Wakeable& producer)
    : RemoteEnd(session, link, id, type, batch_size, window_bytes), producer_(producer) {}

std::unique_ptr<BatchBase> RemoteSender::take_batch() { return empty_batch(); }

Frame RemoteSender::numbered(wire::FrameKind kind) {
  Frame frame;
  frame.kind = kind;
  frame.channel = id_.value;
  frame.sequence = ++sent_;
  return frame;
}

void RemoteSender::send(Element element) {
  switch (element.kind) {
    case Element::Kind::kBatch:
      send_batch(*element.batch);
      keep(std::move(element.batch));
      return;
    case Element::Kind::kWatermark: {
      Frame frame = numbered(wire::FrameKind::Watermark);
      frame.watermark = element.watermark.micros();
      link_.send(frame);
      return;
    }
    case Element::Kind::kBarrier: {
      Frame frame = numbered(wire::FrameKind::Barrier);
      frame.checkpoint = element.checkpoint.value;
      link_.send(frame);
      return;
    }
    case Element::Kind::kIdle: link_.send(numbered(wire::FrameKind::Idle)); return;
    case Element::Kind::kEnd:
      link_.send(numbered(wire::FrameKind::End));
      link_.close_channel();
      return;
  }
}

void RemoteSender::send_batch(const BatchBase& batch) {
  std::string payload = PayloadPool::instance().take();
  batch.encode(payload);
  if (payload.size() > session_.max_frame_bytes) {
    if (batch.size() > 1) return send_halves(batch);
    session_.fail(absl::ResourceExhaustedError(
        "a record takes " + std::to_string(payload.size()) + " bytes; between workers at most " +
        std::to_string(session_.max_frame_bytes) + " can travel"));
    return;
  }
  in_flight_.fetch_add(frame_cost(payload.size()), std::memory_order_acq_rel);
  link_.send(numbered(wire::FrameKind::Batch), std::move(payload));
}

// Records are so large that the batch does not fit into a frame.
void RemoteSender::send_halves(const BatchBase& batch) {
  std::vector<std::uint32_t> index(batch.size());
  std::iota(index.begin(), index.end(), 0u);
  const std::uint32_t half = batch.size() / 2;
  const std::unique_ptr<BatchBase> part = type_.make_batch(batch_size_);
  part->append_selected(batch, index.data(), half);
  send_batch(*part);
  part->clear();
  part->append_selected(batch, index.data() + half, batch.size() - half);
  send_batch(*part);
}

absl::Status RemoteSender::on_credit(const Frame& frame) {
  if (frame.sequence != ++credits_) {
    return absl::DataLossError("credit of channel " + std::to_string(id_.value) + " was lost");
  }
  std::size_t before = in_flight_.load(std::memory_order_acquire);
  if (frame.credit > before) {
    return absl::DataLossError("worker '" + link_.peer() +
                               "' gives back more credit than it got, on channel " +
                               std::to_string(id_.value));
  }
  before = in_flight_.fetch_sub(frame.credit, std::memory_order_acq_rel);
  // Not for each bit of credit: a producer that is woken finds room for half a window.
  if (before > window_ / 2 && before - frame.credit <= window_ / 2) producer_.wake();
  return absl::OkStatus();
}

}  // namespace weir::runtime
