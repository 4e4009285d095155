#include "weir/runtime/channel.h"

namespace weir::runtime {

Channel::Channel(const RecordType& type, std::uint32_t batch_size, std::size_t capacity_bytes,
                 Wakeable& producer, Wakeable& consumer)
    : type_(type),
      batch_size_(batch_size),
      capacity_(capacity_bytes),
      producer_(producer),
      consumer_(consumer) {}

std::unique_ptr<BatchBase> Channel::take_batch() {
  {
    MutexLock lock(mutex_);
    if (!free_.empty()) {
      std::unique_ptr<BatchBase> batch = std::move(free_.back());
      free_.pop_back();
      return batch;
    }
  }
  return type_.make_batch(batch_size_);
}

void Channel::send(Element element) {
  if (element.batch != nullptr) {
    in_flight_.fetch_add(element.batch->bytes(), std::memory_order_acq_rel);
  }
  {
    MutexLock lock(mutex_);
    queue_.push_back(std::move(element));
    ready_.store(true, std::memory_order_release);
  }
  consumer_.wake();
}

bool Channel::receive(Element& out) {
  if (!ready_.load(std::memory_order_acquire)) return false;
  MutexLock lock(mutex_);
  if (queue_.empty()) return false;
  out = std::move(queue_.front());
  queue_.pop_front();
  if (queue_.empty()) ready_.store(false, std::memory_order_release);
  return true;
}

void Channel::give_back(std::unique_ptr<BatchBase> batch, std::size_t bytes) {
  batch->clear();
  {
    MutexLock lock(mutex_);
    free_.push_back(std::move(batch));
  }
  const std::size_t before = in_flight_.fetch_sub(bytes, std::memory_order_acq_rel);
  WEIR_CHECK(before >= bytes, "a channel gets back what was sent");
  if (before >= capacity_ && before - bytes < capacity_) producer_.wake();
}

}  // namespace weir::runtime
