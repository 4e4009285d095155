// The transport with keys: all that any transport does, and nobody gets a frame through who does
// not hold the right key.
#include <gtest/gtest.h>

#include <fstream>
#include <mutex>
#include <set>

#include "support/raw_client.h"
#include "transport_contract.h"
#include "weir/runtime/transport_keys.h"

namespace weir::tests {
namespace {

using runtime::Endpoint;
using runtime::KeyPair;

KeyPair new_pair() {
  const absl::StatusOr<KeyPair> pair = runtime::make_key_pair();
  EXPECT_TRUE(pair.ok()) << pair.status();
  return *pair;
}

// A cluster's keys, and the list of its clients.
class Cluster {
 public:
  Cluster() { let_in(client); }

  void let_in(const KeyPair& key) {
    const std::lock_guard lock(mutex_);
    clients_.insert(key.public_key);
  }
  void shut_out(const KeyPair& key) {
    const std::lock_guard lock(mutex_);
    clients_.erase(key.public_key);
  }
  std::unique_ptr<runtime::Transport> of(const KeyPair& own) {
    return runtime::make_zmq_transport({own, pair.public_key, [this](const std::string& key) {
                                          const std::lock_guard lock(mutex_);
                                          return std::string(clients_.count(key) != 0 ? "ann" : "");
                                        }});
  }

  const KeyPair pair = new_pair();
  const KeyPair client = new_pair();

 private:
  std::mutex mutex_;
  std::set<std::string> clients_;
};

class CurveWorld {
 public:
  runtime::Transport& transport() { return *transport_; }
  std::string any_address() const { return "tcp://127.0.0.1:0"; }
  bool wait_until(const std::function<bool()>& is_true) {
    RecordingHandler nobody;
    return nobody.wait_until(is_true);
  }

 private:
  Cluster cluster_;
  std::unique_ptr<runtime::Transport> transport_ = cluster_.of(cluster_.pair);
};

}  // namespace

INSTANTIATE_TYPED_TEST_SUITE_P(Curve, TransportContract, CurveWorld);

namespace {

// Hears why it is refused.
class Caller final : public runtime::MessageHandler {
 public:
  void on_message(std::string_view, std::string_view head, std::string_view) override {
    const std::lock_guard lock(mutex_);
    heard_ = head;
  }
  void on_refused(std::string_view, std::string_view why) override {
    const std::lock_guard lock(mutex_);
    why_ = why;
  }
  std::string why() const {
    const std::lock_guard lock(mutex_);
    return why_;
  }
  std::string heard() const {
    const std::lock_guard lock(mutex_);
    return heard_;
  }

 private:
  mutable std::mutex mutex_;
  std::string why_, heard_;
};

class CurveTransport : public ::testing::Test {
 protected:
  void SetUp() override {
    auto opened = member_->open({.name = "server", .listen = "tcp://127.0.0.1:0"}, heard_);
    ASSERT_TRUE(opened.ok()) << opened.status();
    server_ = *std::move(opened);
  }
  bool wait_until(const std::function<bool()>& is_true) { return heard_.wait_until(is_true); }
  // Calls the server until something comes of it: why it is refused, or "" if it is heard.
  std::string call(runtime::Transport& transport, const std::string& name) {
    Caller caller;
    const auto end = transport.open({.name = name}, caller);
    EXPECT_TRUE((*end)->connect("server", server_->address()).ok());
    EXPECT_TRUE(wait_until([&] {
      (*end)->send("server", {"from " + name, "and a payload"});
      const std::vector<Heard> all = heard_.messages();
      const bool is_heard =
          std::any_of(all.begin(), all.end(), [&](const Heard& each) { return each.peer == name; });
      return is_heard || !caller.why().empty();
    })) << name;
    return caller.why();
  }
  // A member is heard, and was the only one so far.
  void expect_undisturbed() {
    EXPECT_EQ(heard_.message_count(), 0U);
    EXPECT_EQ(call(*member_, "witness"), "");
    for (const Heard& message : heard_.messages()) EXPECT_EQ(message.peer, "witness");
  }

  Cluster cluster_;
  std::unique_ptr<runtime::Transport> member_ = cluster_.of(cluster_.pair);
  RecordingHandler heard_;
  std::unique_ptr<Endpoint> server_;
};

TEST_F(CurveTransport, KeysAreWhatTheyLookLike) {
  const KeyPair pair = new_pair();
  EXPECT_TRUE(runtime::is_key(pair.public_key));
  EXPECT_EQ(runtime::public_key_of(pair.secret_key), pair.public_key);
  EXPECT_NE(pair.secret_key, new_pair().secret_key);
  for (const char* none : {"", "too short", "0123456789012345678901234567890123456789\n"}) {
    EXPECT_FALSE(runtime::is_key(none)) << none;
    EXPECT_EQ(runtime::public_key_of(none), "") << none;
  }
  EXPECT_FALSE(runtime::is_key(std::string(40, '\x7F')));
}

TEST_F(CurveTransport, AClientOnTheListIsHeardUnderAClientsNameOnly) {
  const auto client = cluster_.of(cluster_.client);
  EXPECT_EQ(call(*client, "c:1"), "");
  EXPECT_EQ(heard_.messages()[0].peer, "c:1");
  // Under the name of a supervisor its key is good, but what it says is passed over.
  Caller caller;
  const auto end = client->open({.name = "s:east"}, caller);
  ASSERT_TRUE((*end)->connect("server", server_->address()).ok());
  (*end)->send("server", {"I am a supervisor", {}});
  (*end)->send("server", {"truly", {}});
  EXPECT_EQ(call(*client, "c:2"), "");
  for (const Heard& message : heard_.messages()) EXPECT_EQ(message.peer.substr(0, 2), "c:");
}

// One after the other, so that each is waited for: the socket has looked ahead then.
TEST_F(CurveTransport, NoMessageOfAMemberIsPassedOver) {
  RecordingHandler answers;
  const auto end = *member_->open({.name = "a"}, answers);
  ASSERT_TRUE(end->connect("server", server_->address()).ok());
  for (std::size_t i = 0; i < 3000; ++i) {
    end->send("server", {std::to_string(i), i % 3 == 0 ? std::string(i, 'p') : std::string()});
    if (i % 10 == 0) server_->send("a", {"", {}});  // looks at the socket from another thread
  }
  ASSERT_TRUE(wait_until([&] { return heard_.message_count() == 3000; })) << heard_.message_count();
  const std::vector<Heard> all = heard_.messages();
  for (std::size_t i = 0; i < all.size(); ++i) ASSERT_EQ(all[i].head, std::to_string(i));
}

TEST_F(CurveTransport, StrangersKeysGetNothingThrough) {
  EXPECT_EQ(call(*cluster_.of(new_pair()), "c:1"), "it does not know the key of this side");
  expect_undisturbed();
}

TEST_F(CurveTransport, AClientThatIsTakenOffTheListStaysOut) {
  const auto client = cluster_.of(cluster_.client);
  EXPECT_EQ(call(*client, "c:1"), "");
  cluster_.shut_out(cluster_.client);
  EXPECT_EQ(call(*client, "c:2"), "it does not know the key of this side");
}

TEST_F(CurveTransport, WithoutKeysNothingGetsThrough) {
  EXPECT_EQ(call(runtime::zmq_transport(), "c:1"),
            "it wants keys, and there are none on this side");
  expect_undisturbed();
}

TEST_F(CurveTransport, AnotherClustersMemberIsRefusedAndRefuses) {
  Cluster other;
  EXPECT_EQ(call(*other.of(other.pair), "s:east"),
            "its key is not the one that this side knows, or it has none");
  expect_undisturbed();
}

TEST_F(CurveTransport, NoServerWithoutKeysIsBelieved) {
  RecordingHandler nobody;
  const auto impostor =
      runtime::zmq_transport().open({.name = "server", .listen = "tcp://127.0.0.1:0"}, nobody);
  Caller caller;
  const auto end = member_->open({.name = "s:east"}, caller);
  ASSERT_TRUE((*end)->connect("server", (*impostor)->address()).ok());
  (*end)->send("server", {"a secret", {}});
  EXPECT_TRUE(wait_until([&] { return !caller.why().empty(); }));
  EXPECT_EQ(caller.why(), "its key is not the one that this side knows, or it has none");
  EXPECT_EQ(nobody.message_count(), 0U);
}

TEST_F(CurveTransport, ARefusedCallerComesInOnceItIsOnTheList) {
  const KeyPair late = new_pair();
  const auto client = cluster_.of(late);
  Caller caller;
  const auto end = client->open({.name = "c:late"}, caller);
  ASSERT_TRUE((*end)->connect("server", server_->address()).ok());
  (*end)->send("server", {"hello", {}});
  ASSERT_TRUE(wait_until([&] { return !caller.why().empty(); }));
  cluster_.let_in(late);
  EXPECT_TRUE(wait_until([&] {
    (*end)->send("server", {"hello", {}});
    return heard_.message_count() > 0;
  }));
}

TEST_F(CurveTransport, OnlyMembersListen) {
  const auto refused =
      cluster_.of(cluster_.client)->open({.name = "server", .listen = "tcp://127.0.0.1:0"}, heard_);
  EXPECT_TRUE(absl::IsPermissionDenied(refused.status())) << refused.status();
}

TEST_F(CurveTransport, OtherMechanismsGetNothingThrough) {
  for (const char* mechanism : {"NULL", "PLAIN", "GSSAPI", "CURVE"}) {
    const RawClient client(port_of(*server_));
    client.write(greeting_of(mechanism));
    client.read_bytes(64);  // or fewer: whom it does not want it may send away at once
    // What each would say next, then a message, all without waiting for an answer.
    client.write(std::string("\4\x29\5READY\xBSocket-Type\0\0\0\6DEALER\x8Identity\0\0\0\0", 43) +
                 std::string("\4\x12\5HELLO\4user\6secret", 20));
    client.write(std::string("\1\4head", 6) + std::string("\0\7payload", 9));
    client.wait_for_close();
  }
  expect_undisturbed();
}

std::size_t resident_bytes() {
  std::ifstream in("/proc/self/statm");
  std::size_t pages = 0;
  in >> pages >> pages;
  return pages * static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
}

TEST_F(CurveTransport, StrangersCostLittleAndDisturbNobody) {
  RecordingHandler answers;
  const auto friendly = member_->open({.name = "friend"}, answers);
  ASSERT_TRUE((*friendly)->connect("server", server_->address()).ok());
  (*friendly)->send("server", {"0", std::string(1 << 20, 'p')});
  ASSERT_TRUE(wait_until([&] { return heard_.message_count() == 1; }));
  std::mt19937_64 rng(11);
  const std::size_t before = resident_bytes();
  std::vector<std::unique_ptr<RawClient>> strangers;
  for (std::size_t i = 1; i <= 300; ++i) {
    strangers.push_back(std::make_unique<RawClient>(port_of(*server_)));
    ASSERT_TRUE(strangers.back()->is_connected());
    strangers.back()->write(hostile_bytes(i, rng));
    (*friendly)->send("server", {std::to_string(i), "between them"});
  }
  ASSERT_TRUE(wait_until([&] { return heard_.message_count() == 301; }));
  const std::size_t after = resident_bytes();
  EXPECT_LT(after, before + (std::size_t{16} << 20)) << "from " << before << " to " << after;
  RecordProperty("bytes_for_300_strangers", std::to_string(after - std::min(before, after)));
  for (std::size_t i = 0; i <= 300; ++i) {
    const Heard message = heard_.messages()[i];
    ASSERT_EQ(message.peer, "friend");
    ASSERT_EQ(message.head, std::to_string(i));
  }
  EXPECT_EQ(answers.unreachable_count(), 0U);
  // Handshakes time out: those who said nothing are sent away.
  for (const auto& stranger : strangers) stranger->wait_for_close();
}

}  // namespace
}  // namespace weir::tests
