// What every Transport must do. A world is a transport with a way to let time pass:
//   Transport& transport();  std::string any_address();
//   bool wait_until(condition);   // lets things happen until it holds; false if it never does
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <string>

#include "recording_handler.h"
#include "weir/runtime/transport.h"

namespace weir::tests {

using runtime::Endpoint;
using runtime::Message;

template <class World>
class TransportContract : public ::testing::Test {
 protected:
  std::unique_ptr<Endpoint> open(const std::string& name, runtime::MessageHandler& handler,
                                 const std::string& listen = "any") {
    auto endpoint = world_.transport().open(
        {.name = name, .listen = listen == "any" ? world_.any_address() : listen}, handler);
    EXPECT_TRUE(endpoint.ok()) << endpoint.status();
    return *std::move(endpoint);
  }

  World world_;
  RecordingHandler a_;
  RecordingHandler b_;
};

TYPED_TEST_SUITE_P(TransportContract);

TYPED_TEST_P(TransportContract, DeliversWholeMessagesInOrder) {
  auto& world = this->world_;
  auto& b = this->b_;
  const auto from = this->open("a", this->a_, "");
  const auto to = this->open("b", b);
  EXPECT_EQ(from->address(), "");
  ASSERT_TRUE(from->connect("b", to->address()).ok());
  constexpr int kMessages = 500;
  for (int i = 0; i < kMessages; ++i) {
    const std::size_t bytes = i % 50 == 0 ? 1'000'000 : static_cast<std::size_t>(i * 7);
    from->send("b", {"head " + std::to_string(i), std::string(bytes, static_cast<char>(i))});
  }
  ASSERT_TRUE(world.wait_until([&] { return b.message_count() == kMessages; }));
  const auto heard = b.messages();
  for (int i = 0; i < kMessages; ++i) {
    const std::size_t bytes = i % 50 == 0 ? 1'000'000 : static_cast<std::size_t>(i * 7);
    ASSERT_EQ(heard[static_cast<std::size_t>(i)].peer, "a");
    ASSERT_EQ(heard[static_cast<std::size_t>(i)].head, "head " + std::to_string(i));
    ASSERT_EQ(heard[static_cast<std::size_t>(i)].payload, std::string(bytes, static_cast<char>(i)));
  }
  EXPECT_TRUE(b.is_aligned());
  EXPECT_EQ(this->a_.unreachable_count(), 0u);
}

TYPED_TEST_P(TransportContract, AnswersThoseWhoHaveConnected) {
  const auto client = this->open("client", this->a_, "");
  const auto server = this->open("server", this->b_);
  ASSERT_TRUE(client->connect("server", server->address()).ok());
  client->send("server", {"question", {}});
  ASSERT_TRUE(this->world_.wait_until([&] { return this->b_.message_count() == 1; }));
  server->send("client", {"answer", "with payload"});
  ASSERT_TRUE(this->world_.wait_until([&] { return this->a_.message_count() == 1; }));
  EXPECT_EQ(this->a_.messages()[0].peer, "server");
  EXPECT_EQ(this->a_.messages()[0].head, "answer");
  EXPECT_EQ(this->a_.messages()[0].payload, "with payload");
}

TYPED_TEST_P(TransportContract, BothMayConnectAtTheSameTime) {
  const auto a = this->open("a", this->a_);
  const auto b = this->open("b", this->b_);
  ASSERT_TRUE(a->connect("b", b->address()).ok());
  ASSERT_TRUE(b->connect("a", a->address()).ok());
  for (int i = 0; i < 50; ++i) {
    a->send("b", {std::to_string(i), {}});
    b->send("a", {std::to_string(i), {}});
  }
  ASSERT_TRUE(this->world_.wait_until(
      [&] { return this->a_.message_count() == 50 && this->b_.message_count() == 50; }));
  for (std::size_t i = 0; i < 50; ++i) {
    EXPECT_EQ(this->a_.messages()[i].head, std::to_string(i));
    EXPECT_EQ(this->b_.messages()[i].head, std::to_string(i));
  }
}

TYPED_TEST_P(TransportContract, ConnectsToAPeerThatIsNotThereYet) {
  std::string address;
  {
    RecordingHandler nobody;
    address = this->open("b", nobody)->address();
  }
  const auto a = this->open("a", this->a_, "");
  ASSERT_TRUE(a->connect("b", address).ok());
  const auto b = this->open("b", this->b_, address);
  EXPECT_EQ(b->address(), address);
  // What is sent before the connection stands may be lost, so it is repeated.
  ASSERT_TRUE(this->world_.wait_until([&] {
    a->send("b", {"again", {}});
    return this->b_.message_count() > 0;
  }));
}

TYPED_TEST_P(TransportContract, SaysThatAStrangerCannotBeReached) {
  const auto a = this->open("a", this->a_);
  a->send("stranger", {"hello", {}});
  ASSERT_TRUE(this->world_.wait_until([&] { return this->a_.unreachable_count() == 1; }));
  EXPECT_EQ(this->a_.unreachable()[0], "stranger");
}

TYPED_TEST_P(TransportContract, SaysThatAPeerHasGone) {
  const auto a = this->open("a", this->a_);
  auto b = this->open("b", this->b_);
  ASSERT_TRUE(a->connect("b", b->address()).ok());
  a->send("b", {"hello", {}});
  ASSERT_TRUE(this->world_.wait_until([&] { return this->b_.message_count() == 1; }));
  b.reset();
  ASSERT_TRUE(this->world_.wait_until([&] { return this->a_.unreachable_count() >= 1; }));
  EXPECT_EQ(this->a_.unreachable()[0], "b");
}

TYPED_TEST_P(TransportContract, SaysThatAClientHasGone) {
  auto client = this->open("client", this->a_, "");
  const auto server = this->open("server", this->b_);
  ASSERT_TRUE(client->connect("server", server->address()).ok());
  client->send("server", {"hello", {}});
  ASSERT_TRUE(this->world_.wait_until([&] { return this->b_.message_count() == 1; }));
  client.reset();
  ASSERT_TRUE(this->world_.wait_until([&] {
    server->send("client", {"still there?", {}});
    return this->b_.unreachable_count() >= 1;
  }));
}

TYPED_TEST_P(TransportContract, FollowsAPeerToAnotherAddress) {
  const auto a = this->open("a", this->a_, "");
  auto b = this->open("b", this->b_);
  ASSERT_TRUE(a->connect("b", b->address()).ok());
  a->send("b", {"one", {}});
  ASSERT_TRUE(this->world_.wait_until([&] { return this->b_.message_count() == 1; }));
  RecordingHandler second;
  const auto moved = this->open("b", second);
  ASSERT_TRUE(a->connect("b", moved->address()).ok());
  a->send("b", {"two", {}});
  ASSERT_TRUE(this->world_.wait_until([&] { return second.message_count() == 1; }));
  EXPECT_EQ(second.messages()[0].head, "two");
  EXPECT_EQ(this->b_.message_count(), 1u);
}

TYPED_TEST_P(TransportContract, ANewPeerOfTheSameNameTakesOver) {
  const auto server = this->open("server", this->b_);
  RecordingHandler old_handler;
  auto old_client = this->open("client", old_handler, "");
  ASSERT_TRUE(old_client->connect("server", server->address()).ok());
  old_client->send("server", {"old", {}});
  ASSERT_TRUE(this->world_.wait_until([&] { return this->b_.message_count() == 1; }));
  const auto client = this->open("client", this->a_, "");
  ASSERT_TRUE(client->connect("server", server->address()).ok());
  client->send("server", {"new", {}});
  ASSERT_TRUE(this->world_.wait_until([&] { return this->b_.message_count() == 2; }));
  server->send("client", {"answer", {}});
  ASSERT_TRUE(this->world_.wait_until([&] { return this->a_.message_count() == 1; }));
  EXPECT_EQ(old_handler.message_count(), 0u);
}

TYPED_TEST_P(TransportContract, RefusesATakenAddress) {
  const auto a = this->open("a", this->a_);
  const auto again = this->world_.transport().open({.name = "b", .listen = a->address()}, this->b_);
  EXPECT_EQ(again.status().code(), absl::StatusCode::kAlreadyExists) << again.status();
}

TYPED_TEST_P(TransportContract, RefusesBadNamesAndAddresses) {
  auto& transport = this->world_.transport();
  const std::string any = this->world_.any_address();
  EXPECT_TRUE(
      absl::IsInvalidArgument(transport.open({.name = "", .listen = any}, this->a_).status()));
  EXPECT_TRUE(absl::IsInvalidArgument(
      transport.open({.name = std::string(256, 'n'), .listen = any}, this->a_).status()));
  EXPECT_TRUE(absl::IsInvalidArgument(
      transport.open({.name = "a", .listen = "nonsense"}, this->a_).status()));
  const auto a = this->open("a", this->a_);
  for (const char* address : {"", "nonsense", "tcp://", "tcp://host", "tcp://127.0.0.1:0"}) {
    EXPECT_TRUE(absl::IsInvalidArgument(a->connect("b", address))) << address;
  }
}

REGISTER_TYPED_TEST_SUITE_P(TransportContract, DeliversWholeMessagesInOrder,
                            AnswersThoseWhoHaveConnected, BothMayConnectAtTheSameTime,
                            ConnectsToAPeerThatIsNotThereYet, SaysThatAStrangerCannotBeReached,
                            SaysThatAPeerHasGone, SaysThatAClientHasGone,
                            FollowsAPeerToAnotherAddress, ANewPeerOfTheSameNameTakesOver,
                            RefusesATakenAddress, RefusesBadNamesAndAddresses);

}  // namespace weir::tests
