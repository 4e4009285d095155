// A channel: one producer task to one consumer task, in order, bounded in bytes. Its two faces, and
// the channel in memory that has both; between processes each face has its own end (links.h).
//
// The bound is kept by credit: the producer asks has_credit() before it takes on more input, and
// finishes what it has begun; so a channel exceeds its capacity by the output of one input batch at
// most. Watermarks, barriers and END travel in band and need no credit.
// The producer calls the OutChannel, the consumer the InChannel; the two may be on different
// threads. Batches are reused, so a steady flow allocates nothing.
#pragma once

#include <atomic>
#include <cstdint>
#include <deque>
#include <memory>
#include <vector>

#include "weir/runtime/batch.h"
#include "weir/runtime/ids.h"
#include "weir/runtime/mutex.h"
#include "weir/runtime/time.h"

namespace weir::runtime {

// What moves between tasks; only batches carry user data.
struct Element {
  enum class Kind : std::uint8_t { kBatch, kWatermark, kBarrier, kEnd, kIdle };

  Kind kind = Kind::kBatch;
  std::unique_ptr<BatchBase> batch;
  EventTime watermark;
  CheckpointId checkpoint;

  static Element of_batch(std::unique_ptr<BatchBase> b) {
    return {Kind::kBatch, std::move(b), {}, {}};
  }
  static Element of_watermark(EventTime w) { return {Kind::kWatermark, nullptr, w, {}}; }
  static Element of_barrier(CheckpointId id) { return {Kind::kBarrier, nullptr, {}, id}; }
  static Element end() { return {Kind::kEnd, nullptr, {}, {}}; }
  // The producer's inputs are all idle: its watermark holds nobody back until it sends again.
  static Element idle() { return {Kind::kIdle, nullptr, {}, {}}; }
};

// Something that can be told that it may have work; from any thread, at any time.
class Wakeable {
 public:
  virtual ~Wakeable() = default;
  virtual void wake() = 0;
};

// The producer's face.
class OutChannel {
 public:
  virtual ~OutChannel() = default;
  // Whether the producer may take on more input.
  virtual bool has_credit() const = 0;
  // An empty batch to be filled and sent.
  virtual std::unique_ptr<BatchBase> take_batch() = 0;
  // How it is best filled: a consumer in this process reads it from memory, as a rule on another
  // core.
  virtual CopyTo copy_to() const { return CopyTo::kCache; }
  virtual void send(Element element) = 0;
};

// The consumer's face.
class InChannel {
 public:
  virtual ~InChannel() = default;
  // False if there is nothing to receive now.
  virtual bool receive(Element& out) = 0;
  // The consumer is done with a received batch, which had `bytes` bytes when it was received.
  virtual void give_back(std::unique_ptr<BatchBase> batch, std::size_t bytes) = 0;
};

class Channel final : public OutChannel, public InChannel {
 public:
  Channel(const RecordType& type, std::uint32_t batch_size, std::size_t capacity_bytes,
          Wakeable& producer, Wakeable& consumer);
  CopyTo copy_to() const override { return CopyTo::kMemory; }

  bool has_credit() const override {
    return in_flight_.load(std::memory_order_acquire) < capacity_;
  }
  std::unique_ptr<BatchBase> take_batch() override;
  void send(Element element) override;

  bool receive(Element& out) override;
  void give_back(std::unique_ptr<BatchBase> batch, std::size_t bytes) override;

  std::size_t bytes_in_flight() const { return in_flight_.load(std::memory_order_relaxed); }

 private:
  const RecordType& type_;
  const std::uint32_t batch_size_;
  const std::size_t capacity_;
  Wakeable& producer_;
  Wakeable& consumer_;
  std::atomic<std::size_t> in_flight_{0};  // bytes sent and not given back
  std::atomic<bool> ready_{false};         // the queue is not empty

  Mutex mutex_;
  std::deque<Element> queue_ ABSL_GUARDED_BY(mutex_);
  std::vector<std::unique_ptr<BatchBase>> free_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace weir::runtime
