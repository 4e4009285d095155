#include <gtest/gtest.h>

#include <condition_variable>
#include <mutex>
#include <string>
#include <vector>

#include "weir/runtime/transport.h"

namespace weir::runtime {
namespace {

// What an endpoint has heard; wait() returns when there is enough of it.
class Heard final : public MessageHandler {
 public:
  void on_message(std::string_view peer, std::string_view head, std::string_view payload) override {
    const std::lock_guard lock(mutex_);
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(head.data()) % 8, 0u);
    lines_.push_back(std::string(peer) + ": " + std::string(head) + "/" + std::string(payload));
    changed_.notify_all();
  }
  void on_unreachable(std::string_view peer) override {
    const std::lock_guard lock(mutex_);
    lines_.push_back("no " + std::string(peer));
    changed_.notify_all();
  }
  std::vector<std::string> wait(std::size_t count) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return lines_.size() >= count; });
    return lines_;
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<std::string> lines_;
};

std::unique_ptr<Endpoint> open(const std::string& name, const std::string& listen, Heard& heard) {
  auto endpoint = zmq_transport().open({.name = name, .listen = listen}, heard);
  EXPECT_TRUE(endpoint.ok()) << endpoint.status();
  return *std::move(endpoint);
}

TEST(ZmqTransport, CarriesMessagesBothWaysInOrder) {
  Heard at_server, at_client;
  const auto server = open("server", "tcp://127.0.0.1:0", at_server);
  const auto client = open("client", "", at_client);
  ASSERT_TRUE(client->connect("server", server->address()).ok());
  const std::string large(1 << 20, 'x');
  client->send("server", {"first", "one"});
  client->send("server", {"second", ""});
  client->send("server", {"third", large});
  const auto lines = at_server.wait(3);
  EXPECT_EQ(lines[0], "client: first/one");
  EXPECT_EQ(lines[1], "client: second/");
  EXPECT_EQ(lines[2], "client: third/" + large);
  server->send("client", {"answer", "bytes"});
  EXPECT_EQ(at_client.wait(1)[0], "server: answer/bytes");
}

TEST(ZmqTransport, DeliversToAPeerThatComesLater) {
  Heard at_server, at_client;
  std::string address;
  {
    Heard nobody;
    address = open("server", "tcp://127.0.0.1:0", nobody)->address();
  }
  const auto client = open("client", "", at_client);
  ASSERT_TRUE(client->connect("server", address).ok());
  client->send("server", {"early", ""});
  const auto server = open("server", address, at_server);
  EXPECT_EQ(at_server.wait(1)[0], "client: early/");
}

TEST(ZmqTransport, SaysThatAPeerIsUnknown) {
  Heard heard;
  const auto endpoint = open("server", "tcp://127.0.0.1:0", heard);
  endpoint->send("nobody", {"hello", ""});
  EXPECT_EQ(heard.wait(1)[0], "no nobody");
}

TEST(ZmqTransport, NamesTheOwnerOfAPortThatIsTaken) {
  Heard heard;
  const auto endpoint = open("server", "tcp://127.0.0.1:0", heard);
  const auto second = zmq_transport().open({.name = "other", .listen = endpoint->address()}, heard);
  ASSERT_EQ(second.status().code(), absl::StatusCode::kAlreadyExists);
  EXPECT_NE(second.status().message().find("is taken by process"), absl::string_view::npos)
      << second.status();
}

TEST(ZmqTransport, RefusesWhatIsNoAddressAndASecondOneForAPeer) {
  Heard heard;
  const auto endpoint = open("client", "", heard);
  EXPECT_EQ(endpoint->connect("server", "localhost").code(), absl::StatusCode::kInvalidArgument);
  EXPECT_TRUE(endpoint->connect("server", "tcp://127.0.0.1:9").ok());
  EXPECT_TRUE(endpoint->connect("server", "tcp://127.0.0.1:9").ok());
  EXPECT_EQ(endpoint->connect("server", "tcp://127.0.0.1:10").code(),
            absl::StatusCode::kFailedPrecondition);
}

TEST(ZmqTransport, BreaksAConnectionThatSendsTooLargeMessages) {
  Heard at_server, at_large, at_small;
  auto server = zmq_transport().open(
      {.name = "server", .listen = "tcp://127.0.0.1:0", .max_message_bytes = 1000}, at_server);
  ASSERT_TRUE(server.ok());
  const auto large = open("large", "", at_large);
  const auto small = open("small", "", at_small);
  ASSERT_TRUE(large->connect("server", (*server)->address()).ok());
  ASSERT_TRUE(small->connect("server", (*server)->address()).ok());
  large->send("server", {"head", std::string(100'000, 'x')});
  small->send("server", {"fits", ""});
  EXPECT_EQ(at_server.wait(1)[0], "small: fits/");
}

}  // namespace
}  // namespace weir::runtime
