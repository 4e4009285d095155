// The thread behind a feed: one poll() loop over the descriptors and an eventfd, which the task's
// thread rings when there is space again or when the feed is to stop.
#include "weir/operators/feeds/byte_feed.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstring>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "feed_queue.h"
#include "line_connections.h"
#include "weir/runtime/check.h"

namespace weir::operators {
namespace {

constexpr std::size_t kReadBytes = std::size_t{64} << 10;

// Owns the eventfd and the thread; what is read is up to the derived class.
class ThreadFeed : public ByteFeed {
 public:
  ThreadFeed(std::string name, Wake wake)
      : name_(std::move(name)),
        bell_(::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)),
        queue_(std::move(wake), [this] { ring(); }) {
    WEIR_CHECK(bell_ >= 0, "no eventfd can be made: too many open files");
  }
  ~ThreadFeed() override { ::close(bell_); }
  ThreadFeed(const ThreadFeed&) = delete;
  ThreadFeed& operator=(const ThreadFeed&) = delete;

  std::unique_ptr<ByteSource> source() override { return queue_source(queue_, name_); }
  std::uint64_t refused() const override { return 0; }

 protected:
  void start() {
    thread_ = std::thread([this] { run(); });
  }
  // By the destructor of the derived class.
  void stop() {
    stop_.store(true);
    ring();
    if (thread_.joinable()) thread_.join();
  }
  // Adds what to wait for; reads what has come, false at the end.
  virtual void add_to(std::vector<::pollfd>& waits) const = 0;
  virtual bool handle(const ::pollfd* ready) = 0;

  FeedQueue& queue() { return queue_; }
  const std::string& name() const { return name_; }

 private:
  void ring() {
    const std::uint64_t one = 1;
    [[maybe_unused]] const ::ssize_t n = ::write(bell_, &one, sizeof(one));
  }
  void run() {
    std::vector<::pollfd> waits;
    while (!stop_.load()) {
      waits.assign(1, {bell_, POLLIN, 0});
      const bool has_space = queue_.has_space();
      if (has_space) add_to(waits);
      if (::poll(waits.data(), waits.size(), -1) < 0) continue;  // a signal
      std::uint64_t rings = 0;
      [[maybe_unused]] const ::ssize_t n = ::read(bell_, &rings, sizeof(rings));
      if (has_space && !stop_.load() && !handle(waits.data() + 1)) return;
    }
  }

  const std::string name_;
  const int bell_;
  FeedQueue queue_;
  std::atomic<bool> stop_{false};
  std::thread thread_;
};

class DescriptorFeed final : public ThreadFeed {
 public:
  DescriptorFeed(int descriptor, std::string name, Wake wake)
      : ThreadFeed(std::move(name), std::move(wake)), descriptor_(descriptor) {
    start();
  }
  ~DescriptorFeed() override { stop(); }

 private:
  void add_to(std::vector<::pollfd>& waits) const override {
    waits.push_back({descriptor_, POLLIN, 0});
  }
  bool handle(const ::pollfd* ready) override {
    if (ready->revents == 0) return true;
    std::string block(kReadBytes, '\0');
    const ::ssize_t n = ::read(descriptor_, block.data(), block.size());
    if (n < 0 && (errno == EINTR || errno == EAGAIN)) return true;
    if (n <= 0) {
      queue().end(n == 0 ? absl::OkStatus()
                         : absl::UnavailableError(
                               absl::StrCat("cannot read ", name(), ": ", std::strerror(errno))));
      return false;
    }
    block.resize(static_cast<std::size_t>(n));
    queue().put(std::move(block));
    return true;
  }

  const int descriptor_;
};

class TcpFeed final : public ThreadFeed {
 public:
  TcpFeed(std::string name, Wake wake) : ThreadFeed(std::move(name), std::move(wake)) {}
  ~TcpFeed() override { stop(); }

  absl::Status listen(std::uint16_t port) {
    const absl::Status status = connections_.listen(port);
    if (status.ok()) start();
    return status;
  }
  std::uint64_t refused() const override { return connections_.refused(); }
  std::uint16_t port() const override { return connections_.port(); }

 private:
  void add_to(std::vector<::pollfd>& waits) const override { connections_.add_to(waits); }
  bool handle(const ::pollfd* ready) override {
    connections_.handle(ready, queue());
    return true;
  }

  LineConnections connections_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<ByteFeed>> descriptor_feed(int descriptor, std::string name,
                                                          Wake wake) {
  return std::make_unique<DescriptorFeed>(descriptor, std::move(name), std::move(wake));
}

absl::StatusOr<std::unique_ptr<ByteFeed>> tcp_feed(std::uint16_t port, Wake wake) {
  auto feed = std::make_unique<TcpFeed>(absl::StrCat("127.0.0.1:", port), std::move(wake));
  if (absl::Status status = feed->listen(port); !status.ok()) return status;
  return feed;
}

}  // namespace weir::operators
