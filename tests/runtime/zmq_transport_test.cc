#include <gtest/gtest.h>
#include <unistd.h>

#include "support/raw_client.h"
#include "transport_contract.h"

namespace weir::runtime {
namespace {

using tests::port_of;
using tests::RawClient;
using tests::RecordingHandler;
using tests::shake_hands;

class ZmqWorld {
 public:
  Transport& transport() { return zmq_transport(); }
  std::string any_address() const { return "tcp://127.0.0.1:0"; }
  bool wait_until(const std::function<bool()>& is_true) {
    RecordingHandler nobody;
    return nobody.wait_until(is_true);
  }
};

}  // namespace
}  // namespace weir::runtime

namespace weir::tests {
INSTANTIATE_TYPED_TEST_SUITE_P(Zmq, TransportContract, runtime::ZmqWorld);
}

namespace weir::runtime {
namespace {

class ZmqTransport : public ::testing::Test {
 protected:
  std::unique_ptr<Endpoint> open(const std::string& name, MessageHandler& handler) {
    auto endpoint = zmq_transport().open(
        {.name = name, .listen = "tcp://127.0.0.1:0", .max_message_bytes = 1 << 20}, handler);
    EXPECT_TRUE(endpoint.ok()) << endpoint.status();
    return *std::move(endpoint);
  }
  // The endpoint still serves others.
  void expect_alive(Endpoint& server) {
    RecordingHandler heard;
    const auto client = zmq_transport().open({.name = "witness"}, heard);
    ASSERT_TRUE(client.ok());
    ASSERT_TRUE((*client)->connect("server", server.address()).ok());
    (*client)->send("server", {"well?", {}});
    EXPECT_TRUE(handler_.wait_until([&] {
      const auto all = handler_.messages();
      return std::any_of(all.begin(), all.end(), [](const auto& m) { return m.head == "well?"; });
    }));
  }
  RecordingHandler handler_;
};

TEST_F(ZmqTransport, NamesWhoHasTakenThePort) {
  const auto server = open("server", handler_);
  const auto again =
      zmq_transport().open({.name = "second", .listen = server->address()}, handler_);
  EXPECT_NE(again.status().message().find("process " + std::to_string(getpid())), std::string::npos)
      << again.status();
  EXPECT_NE(again.status().message().find(server->address()), std::string::npos);
}

TEST_F(ZmqTransport, SurvivesGarbage) {
  const auto server = open("server", handler_);
  std::mt19937_64 rng(3);
  for (int i = 0; i < 20; ++i) {
    const RawClient client(port_of(*server));
    ASSERT_TRUE(client.is_connected());
    std::string bytes(rng() % 3000 + 100, '\0');
    for (char& c : bytes) c = static_cast<char>(rng());
    if (i % 2 == 0) {  // what follows a greeting, too
      shake_hands(client);
    }
    client.write(bytes);
  }
  expect_alive(*server);
}

TEST_F(ZmqTransport, TakesMessagesOfForeignImplementations) {
  const auto server = open("server", handler_);
  const RawClient client(port_of(*server));
  shake_hands(client);
  client.write(std::string("\1\4head", 6) + std::string("\0\7payload", 9));
  ASSERT_TRUE(handler_.wait_until([&] { return handler_.message_count() == 1; }));
  EXPECT_EQ(handler_.messages()[0].peer, "intruder");
  EXPECT_EQ(handler_.messages()[0].head, "head");
  EXPECT_EQ(handler_.messages()[0].payload, "payload");
}

TEST_F(ZmqTransport, BreaksConnectionsThatAnnounceTooMuch) {
  const auto server = open("server", handler_);
  for (const std::uint64_t length :
       {std::uint64_t{(1 << 20) + 1}, std::uint64_t{1} << 31, std::uint64_t{1} << 40, UINT64_MAX}) {
    const RawClient client(port_of(*server));
    std::string frame(1, '\2');  // a long frame, the last part
    for (int shift = 56; shift >= 0; shift -= 8) frame += static_cast<char>(length >> shift);
    shake_hands(client);
    client.write(frame + "some bytes");
    client.wait_for_close();
  }
  EXPECT_EQ(handler_.message_count(), 0u);
  expect_alive(*server);
}

// Hears nothing more until it may.
class BusyHandler final : public MessageHandler {
 public:
  void on_message(std::string_view, std::string_view, std::string_view) override {
    std::unique_lock lock(mutex_);
    has_one_ = true;
    may_go_on_.notify_all();
    may_go_on_.wait(lock, [this] { return is_free_; });
    ++heard_;
  }
  void wait_for_one() {
    std::unique_lock lock(mutex_);
    may_go_on_.wait(lock, [this] { return has_one_; });
  }
  void set_free_after(std::chrono::milliseconds time) {
    std::unique_lock lock(mutex_);
    may_go_on_.wait_for(lock, time, [] { return false; });
    is_free_ = true;
    may_go_on_.notify_all();
  }
  std::size_t heard() const {
    const std::lock_guard lock(mutex_);
    return heard_;
  }

 private:
  mutable std::mutex mutex_;
  std::condition_variable may_go_on_;
  bool has_one_ = false;
  bool is_free_ = false;
  std::size_t heard_ = 0;
};

// ZeroMQ ends the process if one of its heartbeats is due on a connection that has broken while
// what it brought waits to be read: as after a pause of this process.
TEST_F(ZmqTransport, OutlivesAPeerThatLeavesWhileItsMessagesWait) {
  BusyHandler busy;
  const auto server = open("server", busy);
  {
    RawClient client(port_of(*server));
    shake_hands(client);
    std::string messages;
    for (int i = 0; i < 4000; ++i) messages += std::string("\1\4head", 6) + std::string("\0\1x", 3);
    client.write(messages);
    busy.wait_for_one();
    client.reset();
  }
  busy.set_free_after(std::chrono::milliseconds(2500));
  EXPECT_TRUE(handler_.wait_until([&] { return busy.heard() >= 1000; }));
}

TEST_F(ZmqTransport, IgnoresMessagesOfManyParts) {
  const auto server = open("server", handler_);
  const RawClient client(port_of(*server));
  std::string parts;
  for (int i = 0; i < 50; ++i) parts += std::string("\1\1x", 3);
  shake_hands(client);
  client.write(parts + std::string("\0\1x", 3) + std::string("\0\3end", 5));
  ASSERT_TRUE(handler_.wait_until([&] { return handler_.message_count() == 1; }));
  EXPECT_EQ(handler_.messages()[0].head, "end");
}

TEST_F(ZmqTransport, SendsFromManyThreadsKeepTheOrderOfEach) {
  const auto server = open("server", handler_);
  RecordingHandler nobody;
  const auto client = zmq_transport().open({.name = "client"}, nobody);
  ASSERT_TRUE((*client)->connect("server", server->address()).ok());
  constexpr std::size_t kThreads = 4, kEach = 2000;
  std::vector<std::thread> threads;
  for (std::size_t t = 0; t < kThreads; ++t) {
    threads.emplace_back([&, t] {
      for (std::size_t i = 0; i < kEach; ++i) {
        (*client)->send("server", {std::to_string(t), std::to_string(i)});
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  ASSERT_TRUE(handler_.wait_until([&] { return handler_.message_count() == kThreads * kEach; }));
  std::vector<std::size_t> next(kThreads);
  for (const auto& message : handler_.messages()) {
    EXPECT_EQ(message.payload, std::to_string(next[std::stoul(message.head)]++));
  }
}

TEST_F(ZmqTransport, WhatWasSentBeforeTheEndLeaves) {
  const auto server = open("server", handler_);
  for (int i = 0; i < 5; ++i) {
    RecordingHandler nobody;
    const auto client = zmq_transport().open({.name = "client" + std::to_string(i)}, nobody);
    ASSERT_TRUE((*client)->connect("server", server->address()).ok());
    (*client)->send("server", {"last words", std::string(100'000, 'w')});
  }
  EXPECT_TRUE(handler_.wait_until([&] { return handler_.message_count() == 5; }));
}

}  // namespace
}  // namespace weir::runtime
