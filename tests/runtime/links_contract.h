// Channels between workers over a real or a simulated network: they must behave like channels.
// A world brings transport, clock and executor of each worker:
//   Transport& transport();  Clock& clock();  Executor& executor();  std::string any_address();
//   bool wait_until(condition);  void stop();   // no runnable runs any more
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "link_pumps.h"
#include "weir/runtime/links.h"

namespace weir::tests {

using runtime::ChannelId;
using runtime::Links;
using runtime::LinksOptions;

// The Links of one worker and what it has failed with.
class WorkerLinks {
 public:
  template <class World>
  WorkerLinks(World& world, const std::string& name, LinksOptions options = {}) {
    options.job = "job-1";
    options.epoch = runtime::Epoch(3);
    options.name = name;
    options.listen = world.any_address();
    auto opened = Links::open(options, world.transport(), world.clock(), world.executor(),
                              [this](absl::Status status) { note(std::move(status)); });
    EXPECT_TRUE(opened.ok()) << opened.status();
    links_ = *std::move(opened);
  }
  Links* operator->() { return links_.get(); }
  std::vector<absl::Status> failures() const {
    const std::lock_guard lock(mutex_);
    return failures_;
  }
  bool has_failed() const { return !failures().empty(); }

 private:
  void note(absl::Status status) {
    const std::lock_guard lock(mutex_);
    failures_.push_back(std::move(status));
  }
  mutable std::mutex mutex_;
  std::vector<absl::Status> failures_;
  std::unique_ptr<Links> links_;
};

inline void introduce(WorkerLinks& a, const std::string& a_name, WorkerLinks& b,
                      const std::string& b_name) {
  a->add_peer(b_name, b->address());
  b->add_peer(a_name, a->address());
}

// Declared last in a test: whatever happens, nothing runs when the rest is destroyed.
template <class World>
class StopAtEnd {
 public:
  explicit StopAtEnd(World& world) : world_(world) {}
  ~StopAtEnd() { world_.stop(); }

 private:
  World& world_;
};

template <class World>
class LinksContract : public ::testing::Test {
 protected:
  template <class T>
  void join(WorkerLinks& from, const std::string& from_name, WorkerLinks& to,
            const std::string& to_name, std::uint32_t id, Source<T>& source, Target<T>& target,
            std::size_t window = 16 << 10) {
    const auto& type = runtime::record_type<T>();
    source.connect(
        from->add_sender(to_name, ChannelId(id), type, Source<T>::kBatchSize, window, source));
    target.connect(
        to->add_receiver(from_name, ChannelId(id), type, Source<T>::kBatchSize, window, target));
  }
  void add(std::initializer_list<runtime::Runnable*> all) {
    for (runtime::Runnable* runnable : all) world_.executor().add(*runnable);
  }

  World world_;
};

inline std::string expected_marks(int batches) {
  std::string marks;
  for (int n = 1; n <= batches; ++n) {
    if (n % 10 == 0) marks += "w" + std::to_string(n) + " ";
    if (n == batches / 2) marks += "b7 ";
    if (n == batches / 3) marks += "i ";
  }
  return marks + "e";
}

TYPED_TEST_SUITE_P(LinksContract);

TYPED_TEST_P(LinksContract, CarryEverythingOnceAndInOrder) {
  Source<Numbered> source(1000);
  Target<Numbered> target;
  Source<Worded> worded_source(500);
  Target<Worded> worded_target;
  WorkerLinks a(this->world_, "a"), b(this->world_, "b");
  introduce(a, "a", b, "b");
  this->join(a, "a", b, "b", 0, source, target);
  this->join(b, "b", a, "a", 1, worded_source, worded_target);
  const StopAtEnd stop_at_end(this->world_);
  ASSERT_TRUE(a->start().ok() && b->start().ok());
  this->add({&source, &target, &worded_source, &worded_target});
  EXPECT_TRUE(this->world_.wait_until([&] { return target.is_done() && worded_target.is_done(); }));
  this->world_.stop();
  EXPECT_EQ(target.records(), 1000 * 16);
  EXPECT_EQ(target.marks(), expected_marks(1000));
  EXPECT_EQ(worded_target.records(), 500 * 16);
  EXPECT_EQ(worded_target.marks(), expected_marks(500));
  EXPECT_TRUE(a->is_connected() && b->is_connected());
  EXPECT_FALSE(a.has_failed() || b.has_failed());
}

TYPED_TEST_P(LinksContract, HoldBackWhatIsSentBeforeThePeerIsReady) {
  Source<Numbered> source(100);
  Target<Numbered> target;
  WorkerLinks a(this->world_, "a"), b(this->world_, "b");
  introduce(a, "a", b, "b");
  const auto& type = runtime::record_type<Numbered>();
  source.connect(a->add_sender("b", ChannelId(0), type, 16, 1 << 20, source));
  const StopAtEnd stop_at_end(this->world_);
  ASSERT_TRUE(a->start().ok());
  this->add({&source});
  EXPECT_FALSE(source.has_credit());
  target.connect(b->add_receiver("a", ChannelId(0), type, 16, 1 << 20, target));
  ASSERT_TRUE(b->start().ok());
  this->add({&target});
  EXPECT_TRUE(this->world_.wait_until([&] { return target.is_done(); }));
  this->world_.stop();
  EXPECT_EQ(target.marks(), expected_marks(100));
  EXPECT_FALSE(a.has_failed() || b.has_failed());
}

TYPED_TEST_P(LinksContract, ASlowConsumerHoldsProducersBackThroughHops) {
  constexpr std::size_t kWindow = 8 << 10;
  Source<Numbered> source(400);
  Relay relay;
  Target<Numbered> target;
  WorkerLinks a(this->world_, "a"), b(this->world_, "b"), c(this->world_, "c");
  introduce(a, "a", b, "b");
  introduce(b, "b", c, "c");
  const auto& type = runtime::record_type<Numbered>();
  source.connect(a->add_sender("b", ChannelId(0), type, 16, kWindow, source));
  relay.connect(b->add_receiver("a", ChannelId(0), type, 16, kWindow, relay),
                b->add_sender("c", ChannelId(1), type, 16, kWindow, relay));
  target.connect(c->add_receiver("b", ChannelId(1), type, 16, kWindow, target));
  target.set_open(false);
  const StopAtEnd stop_at_end(this->world_);
  ASSERT_TRUE(a->start().ok() && b->start().ok() && c->start().ok());
  this->add({&source, &relay, &target});
  // The second window is filled and the first at least to its half, since a producer is not woken
  // for less; each is exceeded by at most one batch. Then everything stands.
  const std::int64_t batch_bytes = 16 * (64 + 8);
  const std::int64_t least = 3 * static_cast<std::int64_t>(kWindow) / (batch_bytes + 80) / 2;
  EXPECT_TRUE(this->world_.wait_until([&] { return source.sent() >= least; }));
  EXPECT_LE(source.sent(), 2 * (static_cast<std::int64_t>(kWindow) / batch_bytes + 1));
  EXPECT_EQ(target.records(), 0);
  target.set_open(true);
  EXPECT_TRUE(this->world_.wait_until([&] { return target.is_done(); }));
  this->world_.stop();
  EXPECT_EQ(target.records(), 400 * 16);
  EXPECT_FALSE(a.has_failed() || b.has_failed() || c.has_failed());
}

TYPED_TEST_P(LinksContract, AFullChannelBlocksNoOther) {
  Source<Numbered> stuck(1000), free(1000);
  Target<Numbered> stuck_target, free_target;
  WorkerLinks a(this->world_, "a"), b(this->world_, "b");
  introduce(a, "a", b, "b");
  this->join(a, "a", b, "b", 0, stuck, stuck_target);
  this->join(a, "a", b, "b", 1, free, free_target);
  stuck_target.set_open(false);
  const StopAtEnd stop_at_end(this->world_);
  ASSERT_TRUE(a->start().ok() && b->start().ok());
  this->add({&stuck, &free, &stuck_target, &free_target});
  EXPECT_TRUE(this->world_.wait_until([&] { return free_target.is_done(); }));
  EXPECT_LT(stuck.sent(), 1000);
  EXPECT_EQ(stuck_target.records(), 0);
  stuck_target.set_open(true);
  EXPECT_TRUE(this->world_.wait_until([&] { return stuck_target.is_done(); }));
  this->world_.stop();
  EXPECT_FALSE(a.has_failed() || b.has_failed());
}

TYPED_TEST_P(LinksContract, TellTheLossOfAPeerOnce) {
  Source<Numbered> source(1'000'000);
  Target<Numbered> target;
  WorkerLinks a(this->world_, "a"), b(this->world_, "b");
  introduce(a, "a", b, "b");
  this->join(a, "a", b, "b", 0, source, target);
  target.set_open(false);
  const StopAtEnd stop_at_end(this->world_);
  ASSERT_TRUE(a->start().ok() && b->start().ok());
  this->add({&source, &target});
  ASSERT_TRUE(this->world_.wait_until([&] { return a->is_connected() && source.sent() > 0; }));
  b->stop();
  EXPECT_TRUE(this->world_.wait_until([&] { return a.has_failed(); }));
  this->world_.stop();
  ASSERT_EQ(a.failures().size(), 1u);
  EXPECT_TRUE(absl::IsUnavailable(a.failures()[0])) << a.failures()[0];
  EXPECT_NE(a.failures()[0].message().find("'b'"), std::string::npos);
  EXPECT_FALSE(b.has_failed()) << "it was stopped";
}

TYPED_TEST_P(LinksContract, APeerThatLeavesAfterTheEndIsNotMissed) {
  Source<Numbered> source(50), back(50);
  Target<Numbered> target, back_target;
  WorkerLinks a(this->world_, "a"), b(this->world_, "b"), c(this->world_, "c");
  introduce(a, "a", b, "b");
  introduce(a, "a", c, "c");
  this->join(a, "a", b, "b", 0, source, target);
  this->join(b, "b", a, "a", 1, back, back_target);
  Source<Numbered> still_open(1'000'000);
  Target<Numbered> still_open_target;
  this->join(a, "a", c, "c", 2, still_open, still_open_target);
  still_open_target.set_open(false);
  const StopAtEnd stop_at_end(this->world_);
  ASSERT_TRUE(a->start().ok() && b->start().ok() && c->start().ok());
  this->add({&source, &target, &back, &back_target, &still_open, &still_open_target});
  ASSERT_TRUE(this->world_.wait_until(
      [&] { return target.is_done() && back_target.is_done() && still_open.sent() > 0; }));
  b->stop();
  // Afterwards the loss of a peer that is still needed is told; that of b never was.
  c->stop();
  EXPECT_TRUE(this->world_.wait_until([&] { return a.has_failed(); }));
  this->world_.stop();
  ASSERT_EQ(a.failures().size(), 1u);
  EXPECT_NE(a.failures()[0].message().find("'c'"), std::string::npos) << a.failures()[0];
}

REGISTER_TYPED_TEST_SUITE_P(LinksContract, CarryEverythingOnceAndInOrder,
                            HoldBackWhatIsSentBeforeThePeerIsReady,
                            ASlowConsumerHoldsProducersBackThroughHops, AFullChannelBlocksNoOther,
                            TellTheLossOfAPeerOnce, APeerThatLeavesAfterTheEndIsNotMissed);

}  // namespace weir::tests
