// The two ends of a channel between workers: the producer's RemoteSender, the consumer's
// RemoteReceiver.
#pragma once

#include <atomic>
#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "link.h"
#include "weir/runtime/channel.h"
#include "weir/runtime/mutex.h"

namespace weir::runtime {

// What both ends have. The batches belong to the task whose end it is.
class RemoteEnd {
 public:
  Link& link() { return link_; }

 protected:
  RemoteEnd(LinkSession& session, Link& link, ChannelId id, const RecordType& type,
            std::uint32_t batch_size, std::size_t window_bytes)
      : session_(session),
        link_(link),
        id_(id),
        type_(type),
        batch_size_(batch_size),
        window_(window_bytes) {
    link_.open_channel();
  }
  ~RemoteEnd() = default;

  std::unique_ptr<BatchBase> empty_batch() {
    if (free_.empty()) return type_.make_batch(batch_size_);
    std::unique_ptr<BatchBase> batch = std::move(free_.back());
    free_.pop_back();
    return batch;
  }
  void keep(std::unique_ptr<BatchBase> batch) {
    batch->clear();
    free_.push_back(std::move(batch));
  }

  LinkSession& session_;
  Link& link_;
  const ChannelId id_;
  const RecordType& type_;
  const std::uint32_t batch_size_;
  const std::size_t window_;

 private:
  std::vector<std::unique_ptr<BatchBase>> free_;
};

// Batches stay with the producer: their content travels as bytes.
class RemoteSender final : public OutChannel, public RemoteEnd {
 public:
  RemoteSender(LinkSession& session, Link& link, ChannelId id, const RecordType& type,
               std::uint32_t batch_size, std::size_t window_bytes, Wakeable& producer);

  bool has_credit() const override {
    return in_flight_.load(std::memory_order_acquire) < window_ && link_.is_ready();
  }
  std::unique_ptr<BatchBase> take_batch() override;
  void send(Element element) override;

  // On the endpoint's thread.
  absl::Status on_credit(const Frame& frame);
  void wake_producer() { producer_.wake(); }

 private:
  void send_batch(const BatchBase& batch);
  void send_halves(const BatchBase& batch);
  Frame numbered(wire::FrameKind kind);

  Wakeable& producer_;

  // The producer's.
  std::uint64_t sent_ = 0;
  // The endpoint's thread.
  std::uint64_t credits_ = 0;

  std::atomic<std::size_t> in_flight_{0};  // cost of frames whose credit has not come back
};

// Frames wait as bytes, so that what waits takes no more memory than the window says.
class RemoteReceiver final : public InChannel, public RemoteEnd {
 public:
  RemoteReceiver(LinkSession& session, Link& link, ChannelId id, const RecordType& type,
                 std::uint32_t batch_size, std::size_t window_bytes, Wakeable& consumer);

  bool receive(Element& out) override;
  void give_back(std::unique_ptr<BatchBase> batch, std::size_t bytes) override;

  // On the endpoint's thread.
  absl::Status on_data(const Frame& frame, std::string_view payload);

 private:
  struct Arrived {
    wire::FrameKind kind;
    std::int64_t watermark;
    std::uint64_t checkpoint;
    std::string payload;
  };

  absl::Status check(const Frame& frame, std::string_view payload);
  // False if the bytes are no batch, which fails the attempt.
  bool decode(Arrived& arrived, Element& out);
  std::string name() const;

  Wakeable& consumer_;

  // The consumer's.
  std::vector<std::pair<const BatchBase*, std::size_t>> lent_;  // received, with their cost
  std::size_t owed_ = 0;                                        // credit not sent yet
  std::uint64_t credits_ = 0;
  // The endpoint's thread.
  std::uint64_t arrived_ = 0;
  bool has_ended_ = false;

  std::atomic<std::size_t> outstanding_{0};  // cost of frames whose credit has not been sent
  std::atomic<bool> ready_{false};           // the queue is not empty
  Mutex mutex_;
  std::deque<Arrived> queue_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace weir::runtime
