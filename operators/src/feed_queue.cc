#include "feed_queue.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "absl/strings/str_cat.h"

namespace weir::operators {
namespace {

class QueueSource final : public ByteSource {
 public:
  QueueSource(FeedQueue& queue, std::string name) : queue_(queue), name_(std::move(name)) {}

  absl::StatusOr<SourceRead> read(char* out, std::size_t size) override {
    absl::StatusOr<SourceRead> got = queue_.take(out, size);
    if (got.ok()) position_ += got->bytes;
    return got;
  }
  absl::Status seek(std::uint64_t offset) override {
    if (offset == position_) return absl::OkStatus();
    return absl::FailedPreconditionError(absl::StrCat(name_, " cannot be read again"));
  }
  std::uint64_t position() const override { return position_; }
  const std::string& name() const override { return name_; }

 private:
  FeedQueue& queue_;
  const std::string name_;
  std::uint64_t position_ = 0;
};

}  // namespace

bool FeedQueue::has_space() const {
  const runtime::MutexLock lock(mutex_);
  return bytes_ < ByteFeed::kMaxQueued;
}

void FeedQueue::put(std::string block) {
  if (block.empty()) return;
  {
    const runtime::MutexLock lock(mutex_);
    bytes_ += block.size();
    blocks_.push_back(std::move(block));
  }
  on_data_();
}

void FeedQueue::end(absl::Status status) {
  {
    const runtime::MutexLock lock(mutex_);
    has_ended_ = true;
    status_ = std::move(status);
  }
  on_data_();
}

absl::StatusOr<SourceRead> FeedQueue::take(char* out, std::size_t size) {
  std::size_t copied = 0;
  bool makes_space = false;
  {
    const runtime::MutexLock lock(mutex_);
    const bool was_full = bytes_ >= ByteFeed::kMaxQueued;
    while (copied < size && !blocks_.empty()) {
      const std::string& block = blocks_.front();
      const std::size_t n = std::min(size - copied, block.size() - taken_);
      std::memcpy(out + copied, block.data() + taken_, n);
      copied += n;
      taken_ += n;
      if (taken_ < block.size()) break;
      blocks_.pop_front();
      taken_ = 0;
    }
    bytes_ -= copied;
    makes_space = was_full && bytes_ < ByteFeed::kMaxQueued;
    if (copied == 0 && has_ended_) {
      if (!status_.ok()) return status_;
      return SourceRead{SourceState::kEnd, 0};
    }
  }
  if (makes_space) on_space_();
  return SourceRead{copied == 0 ? SourceState::kNotYet : SourceState::kData, copied};
}

std::unique_ptr<ByteSource> queue_source(FeedQueue& queue, std::string name) {
  return std::make_unique<QueueSource>(queue, std::move(name));
}

}  // namespace weir::operators
