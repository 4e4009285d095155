// FeedQueue: blocks of bytes from a feed's thread to the task's thread, bounded.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <string>

#include "weir/operators/feeds/byte_feed.h"
#include "weir/runtime/mutex.h"

namespace weir::operators {

class FeedQueue {
 public:
  // `on_data` is called by the thread that puts, `on_space` by the one that takes.
  FeedQueue(std::function<void()> on_data, std::function<void()> on_space)
      : on_data_(std::move(on_data)), on_space_(std::move(on_space)) {}

  // --- the feed's thread ---
  bool has_space() const;
  void put(std::string block);
  void end(absl::Status status);  // nothing follows; not OK: reading failed

  // --- the task's thread ---
  absl::StatusOr<SourceRead> take(char* out, std::size_t size);

 private:
  const std::function<void()> on_data_;
  const std::function<void()> on_space_;
  mutable runtime::Mutex mutex_;
  std::deque<std::string> blocks_ ABSL_GUARDED_BY(mutex_);
  std::size_t bytes_ ABSL_GUARDED_BY(mutex_) = 0;  // in blocks_, from taken_ on
  std::size_t taken_ ABSL_GUARDED_BY(mutex_) = 0;  // of the first block
  bool has_ended_ ABSL_GUARDED_BY(mutex_) = false;
  absl::Status status_ ABSL_GUARDED_BY(mutex_);
};

// The queue as a source; positions count the bytes taken.
std::unique_ptr<ByteSource> queue_source(FeedQueue& queue, std::string name);

}  // namespace weir::operators
