#include "weir/operators/feeds/feed_spout.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <condition_variable>
#include <mutex>
#include <thread>

#include "feed_queue.h"
#include "spout_probe.h"
#include "weir/operators/text/line_reader.h"

namespace weir::operators {
namespace {

// Counts wakes; a wait ends with the next one that has not been waited for.
class Bell {
 public:
  Wake ring() {
    return [this] {
      const std::lock_guard<std::mutex> lock(mutex_);
      ++rings_;
      condition_.notify_all();
    };
  }
  void wait() {
    std::unique_lock<std::mutex> lock(mutex_);
    condition_.wait(lock, [&] { return rings_ > heard_; });
    heard_ = rings_;
  }

 private:
  std::mutex mutex_;
  std::condition_variable condition_;
  int rings_ = 0;
  int heard_ = 0;
};

void send_all(int descriptor, const std::string& text) {
  for (std::size_t at = 0; at < text.size();) {
    const ::ssize_t n = ::write(descriptor, text.data() + at, text.size() - at);
    ASSERT_GT(n, 0);
    at += static_cast<std::size_t>(n);
  }
}

TEST(FeedQueue, IsFullAtItsBoundAndTellsWhenItNoLongerIs) {
  int data = 0;
  int space = 0;
  FeedQueue queue([&] { ++data; }, [&] { ++space; });
  EXPECT_TRUE(queue.has_space());
  queue.put(std::string(ByteFeed::kMaxQueued, 'x'));
  EXPECT_EQ(data, 1);
  EXPECT_FALSE(queue.has_space());
  std::string out(10, '\0');
  EXPECT_EQ(queue.take(out.data(), out.size())->bytes, 10u);
  EXPECT_EQ(space, 1);
  EXPECT_TRUE(queue.has_space());
  queue.end(absl::OkStatus());
  std::string rest(2 * ByteFeed::kMaxQueued, '\0');
  EXPECT_EQ(queue.take(rest.data(), rest.size())->bytes, ByteFeed::kMaxQueued - 10);
  EXPECT_EQ(queue.take(rest.data(), rest.size())->state, SourceState::kEnd);
}

TEST(DescriptorFeed, GivesEveryLineOfALongInput) {
  int ends[2];
  ASSERT_EQ(::pipe(ends), 0);
  std::string text;
  for (int i = 0; i < 400'000; ++i) text += "line " + std::to_string(i) + "\n";
  ASSERT_GT(text.size(), 4 * ByteFeed::kMaxQueued);
  Bell bell;
  auto feed = descriptor_feed(ends[0], "pipe", bell.ring());
  ASSERT_TRUE(feed.ok());
  std::thread writer([&] {
    send_all(ends[1], text);
    ::close(ends[1]);
  });
  LineReader reader((*feed)->source());
  std::vector<std::string> lines(100);
  std::string seen;
  for (ReadStep step = ReadStep::kRecord; step != ReadStep::kEnd;) {
    std::size_t count = 0;
    step = reader.read(lines, count);
    for (std::size_t i = 0; i < count; ++i) seen += lines[i] + "\n";
    ASSERT_NE(step, ReadStep::kFailed) << reader.status();
    if (step == ReadStep::kNotYet) bell.wait();
  }
  writer.join();
  ::close(ends[0]);
  EXPECT_EQ(seen, text);
}

TEST(DescriptorFeed, StopsWhileItWaitsForInputOrSpace) {
  int ends[2];
  ASSERT_EQ(::pipe(ends), 0);
  {
    auto feed = descriptor_feed(ends[0], "pipe", [] {});
  }  // nothing has come
  Bell bell;
  {
    auto feed = descriptor_feed(ends[0], "pipe", bell.ring());
    send_all(ends[1], "x\n");
    bell.wait();  // something waits to be taken
  }
  ::close(ends[0]);
  ::close(ends[1]);
}

int connect_to(std::uint16_t port) {
  const int socket = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  ::sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(port);
  EXPECT_EQ(::connect(socket, reinterpret_cast<::sockaddr*>(&address), sizeof(address)), 0);
  return socket;
}

TEST(TcpFeed, KeepsLinesOfManyConnectionsWhole) {
  Bell bell;
  auto feed = tcp_feed(0, bell.ring());
  ASSERT_TRUE(feed.ok()) << feed.status();
  LineReader reader((*feed)->source());
  std::vector<std::thread> writers;
  for (int w = 0; w < 4; ++w) {
    writers.emplace_back([&, w] {
      const int socket = connect_to((*feed)->port());
      for (int i = 0; i < 2000; ++i) {
        const std::string line = std::to_string(w) + ":" + std::to_string(i);
        send_all(socket, line.substr(0, 2));
        send_all(socket, line.substr(2) + (i == 1999 ? "" : "\n"));
      }
      ::close(socket);
    });
  }
  std::map<std::string, int> next;
  std::vector<std::string> lines(64);
  for (std::size_t seen = 0; seen < 8000;) {
    std::size_t count = 0;
    const ReadStep step = reader.read(lines, count);
    for (std::size_t i = 0; i < count; ++i) {
      EXPECT_EQ(lines[i].substr(2), std::to_string(next[lines[i].substr(0, 1)]++));
    }
    seen += count;
    if (count == 0 && step == ReadStep::kNotYet) bell.wait();
  }
  for (std::thread& writer : writers) writer.join();
  EXPECT_EQ((*feed)->refused(), 0u);
}

TEST(TcpFeed, EndsAConnectionWhoseLineHasNoEnd) {
  Bell bell;
  auto feed = tcp_feed(0, bell.ring());
  ASSERT_TRUE(feed.ok());
  const int socket = connect_to((*feed)->port());
  const std::string text(kMaxTcpLine + (std::size_t{1} << 17), 'x');
  std::size_t sent = 0;
  for (::ssize_t n = 1; n > 0 && sent < text.size(); sent += static_cast<std::size_t>(n)) {
    n = ::send(socket, text.data(), text.size() - sent, MSG_NOSIGNAL);
    if (n < 0) break;
  }
  char byte = 0;
  EXPECT_LE(::recv(socket, &byte, 1, 0), 0);  // hung up
  EXPECT_EQ((*feed)->refused(), 1u);
  ::close(socket);
}

TEST(TcpFeed, NamesThePortThatIsTaken) {
  auto feed = tcp_feed(0, [] {});
  ASSERT_TRUE(feed.ok());
  const std::uint16_t port = (*feed)->port();
  const auto second = tcp_feed(port, [] {});
  ASSERT_FALSE(second.ok());
  const std::string message(second.status().message());
  EXPECT_NE(message.find("127.0.0.1:" + std::to_string(port)), std::string::npos) << message;
  EXPECT_NE(message.find("taken by another program"), std::string::npos) << message;
}

TEST(FeedSpout, SaysThatItCannotBeReadAgain) {
  static_assert(!decltype(tcp_lines(1))::kReplayable);
  static_assert(FileSpout<std::string, LineRecords>::kReplayable);
  EXPECT_NE(stdin_lines().describe().find("at most once"), std::string::npos);
  EXPECT_EQ(tcp_lines(7001).describe().find("127.0.0.1:7001"), 0u);
}

TEST(FeedSpout, DeliversLinesAndCountsThemInItsPosition) {
  SpoutProbe probe(tcp_lines(0));
  const std::uint64_t before = 40;
  ASSERT_TRUE(probe.open(&before).ok());
  EXPECT_EQ(probe.poll().state, Poll::State::kWait);
  EXPECT_EQ(probe.position(), 40u);
}

}  // namespace
}  // namespace weir::operators
