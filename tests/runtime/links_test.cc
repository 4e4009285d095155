// Links: the contract over ZeroMQ, and what they refuse, played by hand.
#include "weir/runtime/links.h"

#include <gtest/gtest.h>

#include <functional>
#include <map>
#include <random>

#include "links_contract.h"
#include "links_stage.h"
#include "recording_handler.h"

namespace weir::runtime {
namespace {

class ZmqWorkers {
 public:
  ZmqWorkers() : executor_(make_thread_executor(3, system_clock())) {}
  Transport& transport() { return zmq_transport(); }
  Clock& clock() { return system_clock(); }
  Executor& executor() { return *executor_; }
  std::string any_address() const { return "tcp://127.0.0.1:0"; }
  bool wait_until(const std::function<bool()>& is_true) {
    tests::RecordingHandler nobody;
    return nobody.wait_until(is_true);
  }
  void stop() { executor_->stop(); }

 private:
  std::unique_ptr<Executor> executor_;
};

}  // namespace
}  // namespace weir::runtime

namespace weir::tests {
INSTANTIATE_TYPED_TEST_SUITE_P(Zmq, LinksContract, runtime::ZmqWorkers);
}

namespace weir::runtime {
namespace {

TEST_F(LinksOnStage, ConnectToPeersOfGreaterNamesWithWhomTheyShareChannels) {
  EXPECT_EQ(stage_.connected, (std::map<std::string, std::string>{{"peer", "tcp://peer"}}));
}

TEST_F(LinksOnStage, RepeatHelloUntilItIsAnswered) {
  EXPECT_EQ(sent_frames().size(), 1u);
  pass(std::chrono::seconds(2));
  const auto frames = sent_frames();
  EXPECT_EQ(frames.size(), 5u);
  for (const Frame& frame : frames) {
    EXPECT_EQ(frame.kind, FrameKind::Hello);
    EXPECT_TRUE(frame.wants_answer);
    EXPECT_EQ(frame.protocol, kLinkProtocol);
    EXPECT_EQ(frame.job, "job-1");
    EXPECT_EQ(frame.epoch, 3u);
  }
  EXPECT_FALSE(links_->is_connected());
  say_hello();
  EXPECT_TRUE(links_->is_connected());
  EXPECT_EQ(producer_.count, 1);
  pass(std::chrono::seconds(2));
  for (const Frame& frame : sent_frames()) EXPECT_EQ(frame.kind, FrameKind::Ping);
}

TEST_F(LinksOnStage, SendNothingButHelloBeforeThePeerIsReady) {
  EXPECT_FALSE(out_->has_credit());
  out_->send(Element::of_watermark(EventTime(5)));
  send_batch();
  for (const Frame& frame : sent_frames()) EXPECT_EQ(frame.kind, FrameKind::Hello);
  Frame hello;
  hello.kind = FrameKind::Hello;
  hello.protocol = kLinkProtocol;
  stage_.sent.clear();
  deliver(hello);
  const auto frames = sent_frames();
  ASSERT_EQ(frames.size(), 2u);
  EXPECT_EQ(frames[0].kind, FrameKind::Watermark);
  EXPECT_EQ(frames[0].watermark, 5);
  EXPECT_EQ(frames[1].kind, FrameKind::Batch);
  for (std::size_t i = 0; i < 2; ++i) {
    EXPECT_EQ(frames[i].channel, 4u);
    EXPECT_EQ(frames[i].sequence, i + 1);
    EXPECT_EQ(frames[i].link_sequence, i + 1);
  }
  EXPECT_EQ(stage_.sent[1].second.payload.size(), batch_bytes(16).size());
}

TEST_F(LinksOnStage, RefuseAnotherProtocol) {
  Frame hello;
  hello.kind = FrameKind::Hello;
  hello.protocol = kLinkProtocol + 1;
  deliver(hello);
  expect_failure(absl::StatusCode::kFailedPrecondition, "link protocol 2");
}

TEST_F(LinksOnStage, DropFramesOfOtherJobsEpochsAndStrangers) {
  say_hello();
  Frame other_job = data(FrameKind::Idle);
  other_job.job = "job-2";
  deliver(other_job);
  Frame old = data(FrameKind::Idle);
  old.epoch = 2;
  deliver(old);
  Frame next = data(FrameKind::Idle);
  next.epoch = 4;
  deliver(next);
  stage_.deliver("stranger", "garbage");
  stage_.deliver("a", encoder_.encode(old));  // a peer without channels
  EXPECT_EQ(links_->dropped_frames(), 5u);
  Element element;
  EXPECT_FALSE(in_->receive(element));
  EXPECT_TRUE(failures_.empty());
}

TEST_F(LinksOnStage, ReceiveWhatIsInBand) {
  say_hello();
  deliver(data(FrameKind::Batch), batch_bytes(3));
  Frame watermark = data(FrameKind::Watermark);
  watermark.watermark = -7;
  deliver(watermark);
  Frame barrier = data(FrameKind::Barrier);
  barrier.checkpoint = 9;
  deliver(barrier);
  deliver(data(FrameKind::Idle));
  deliver(data(FrameKind::End));
  EXPECT_EQ(consumer_.count, 5);
  Element e;
  ASSERT_TRUE(in_->receive(e));
  ASSERT_EQ(e.kind, Element::Kind::kBatch);
  ASSERT_EQ(e.batch->size(), 3u);
  EXPECT_EQ(Batch<Numbered>::of(*e.batch)[2].number, 2);
  in_->give_back(std::move(e.batch), 0);
  ASSERT_TRUE(in_->receive(e) && e.kind == Element::Kind::kWatermark);
  EXPECT_EQ(e.watermark, EventTime(-7));
  ASSERT_TRUE(in_->receive(e) && e.kind == Element::Kind::kBarrier);
  EXPECT_EQ(e.checkpoint, CheckpointId(9));
  ASSERT_TRUE(in_->receive(e) && e.kind == Element::Kind::kIdle);
  ASSERT_TRUE(in_->receive(e) && e.kind == Element::Kind::kEnd);
  EXPECT_FALSE(in_->receive(e));
  deliver(data(FrameKind::Idle));
  expect_failure(absl::StatusCode::kDataLoss, "after the end");
}

TEST_F(LinksOnStage, AGapInTheLinkFails) {
  say_hello();
  deliver(data(FrameKind::Idle));
  ++link_sequence_;
  deliver(data(FrameKind::Idle));
  expect_failure(absl::StatusCode::kDataLoss, "1 frames of worker 'peer' were lost");
}

TEST_F(LinksOnStage, AFrameThatWasTheLastOneAndIsLostFailsWithTheNextPing) {
  say_hello();
  Frame ping;
  ping.link_sequence = 1;
  deliver(ping);
  EXPECT_TRUE(failures_.empty());
  ping.link_sequence = 3;  // 2 was an END, say
  deliver(ping);
  expect_failure(absl::StatusCode::kDataLoss, "lost");
}

TEST_F(LinksOnStage, ADuplicateFails) {
  say_hello();
  const Frame frame = data(FrameKind::Idle);
  deliver(frame);
  deliver(frame);
  expect_failure(absl::StatusCode::kDataLoss, "has come again");
}

TEST_F(LinksOnStage, AGapInTheChannelFails) {
  say_hello();
  ++sequence_;
  deliver(data(FrameKind::Idle));
  expect_failure(absl::StatusCode::kDataLoss, "frame 1 of channel 5 from worker 'peer' was lost");
}

TEST_F(LinksOnStage, AnUnknownChannelFails) {
  say_hello();
  Frame frame = data(FrameKind::Idle);
  frame.channel = 4;  // leads the other way
  deliver(frame);
  expect_failure(absl::StatusCode::kDataLoss, "channel 4");
}

TEST_F(LinksOnStage, GarbageFails) {
  say_hello();
  stage_.deliver("peer", "this is no frame at all, though it is long enough for one");
  expect_failure(absl::StatusCode::kDataLoss, "bad frame");
}

TEST_F(LinksOnStage, ABatchThatIsNoneFailsWhenItIsReceived) {
  say_hello();
  deliver(data(FrameKind::Batch), "no batch");
  EXPECT_TRUE(failures_.empty());
  Element element;
  EXPECT_FALSE(in_->receive(element));
  expect_failure(absl::StatusCode::kDataLoss, "no batch of opaque64");
}

TEST_F(LinksOnStage, ABatchWithoutBytesFails) {
  say_hello();
  deliver(data(FrameKind::Batch));
  expect_failure(absl::StatusCode::kDataLoss, "bad frame");
}

TEST_F(LinksOnStage, AFarExceededWindowFails) {
  say_hello();
  const std::string bytes = batch_bytes(16);
  std::size_t accepted = 0;
  while (failures_.empty() && accepted < 100) {
    deliver(data(FrameKind::Batch), bytes);
    ++accepted;
  }
  EXPECT_EQ(accepted, 15'000 / frame_cost(bytes.size()) + 1);
  expect_failure(absl::StatusCode::kResourceExhausted, "window of 10000 bytes");
}

TEST_F(LinksOnStage, CreditEndsAtTheWindowAndComesBack) {
  say_hello();
  std::size_t sent = 0;
  while (out_->has_credit()) {
    send_batch();
    ++sent;
  }
  const std::size_t cost = frame_cost(batch_bytes(16).size());
  EXPECT_EQ(sent, kWindow / cost + 1) << "exceeded by one batch at most";
  Frame credit;
  credit.kind = FrameKind::Credit;
  credit.channel = 4;
  credit.link_sequence = ++link_sequence_;
  credit.sequence = 1;
  credit.credit = cost;
  producer_.count = 0;
  deliver(credit);
  EXPECT_TRUE(out_->has_credit());
  EXPECT_EQ(producer_.count, 0) << "it is woken when there is room for half a window";
  credit.link_sequence = ++link_sequence_;
  credit.sequence = 2;
  credit.credit = (sent / 2) * cost;
  deliver(credit);
  EXPECT_EQ(producer_.count, 1);
  credit.link_sequence = ++link_sequence_;
  credit.sequence = 3;
  credit.credit = sent * cost;  // more than is out
  deliver(credit);
  expect_failure(absl::StatusCode::kDataLoss, "more credit");
}

TEST_F(LinksOnStage, GiveCreditBackInParts) {
  say_hello();
  const std::string bytes = batch_bytes(16);
  const std::size_t cost = frame_cost(bytes.size());
  for (int i = 0; i < 6; ++i) deliver(data(FrameKind::Batch), bytes);
  std::size_t given = 0, frames = 0;
  for (int i = 0; i < 6; ++i) {
    Element element;
    ASSERT_TRUE(in_->receive(element));
    EXPECT_EQ(stage_.sent.size(), frames) << "credit comes back with the batch";
    in_->give_back(std::move(element.batch), 0);
    for (; frames < stage_.sent.size(); ++frames) given += sent_frames()[frames].credit;
  }
  EXPECT_EQ(frames, 2u) << "each of at least a quarter of the window";
  EXPECT_EQ(given, 6 * cost);
  EXPECT_EQ(sent_frames()[1].sequence, 2u);
  EXPECT_EQ(sent_frames()[1].channel, 5u);
}

TEST_F(LinksOnStage, BatchesTooLargeForAFrameTravelInParts) {
  say_hello();
  // A record takes 64 bytes, a frame 4000: all 16 fit. Links with smaller frames do not.
  links_->stop();
  LinksOptions options{.job = "job-1", .epoch = Epoch(3), .name = "m"};
  options.max_frame_bytes = 300;
  auto links = *Links::open(options, stage_, clock_, *executor_,
                            [&](absl::Status status) { failures_.push_back(std::move(status)); });
  links->add_peer("peer", "tcp://peer");
  OutChannel& out =
      links->add_sender("peer", ChannelId(4), record_type<tests::Worded>(), 16, kWindow, producer_);
  ASSERT_TRUE(links->start().ok());
  say_hello();
  auto batch = out.take_batch();
  auto& typed = Batch<tests::Worded>::of(*batch);
  for (std::uint32_t i = 0; i < 16; ++i) typed[i] = {i, std::string(90, 'w')};
  typed.resize(16);
  out.send(Element::of_batch(std::move(batch)));
  std::int64_t next = 0;
  Batch<tests::Worded> part(16);
  for (const auto& [peer, message] : stage_.sent) {
    EXPECT_LE(message.payload.size(), 300u);
    ASSERT_TRUE(part.decode(message.payload));
    for (std::uint32_t i = 0; i < part.size(); ++i) EXPECT_EQ(part[i].number, next++);
  }
  EXPECT_EQ(next, 16);
  EXPECT_TRUE(failures_.empty());
  batch = out.take_batch();
  Batch<tests::Worded>::of(*batch)[0].word.assign(500, 'x');
  batch->resize(1);
  out.send(Element::of_batch(std::move(batch)));
  ASSERT_EQ(failures_.size(), 1u);
  EXPECT_NE(failures_[0].message().find("at most 300"), std::string::npos) << failures_[0];
  links->stop();
  executor_->stop();
}

TEST_F(LinksOnStage, SilenceIsDeath) {
  say_hello();
  pass(std::chrono::seconds(9));
  EXPECT_TRUE(failures_.empty());
  Frame ping;
  ping.link_sequence = ++link_sequence_;
  deliver(ping);
  pass(std::chrono::seconds(9));
  EXPECT_TRUE(failures_.empty());
  pass(std::chrono::seconds(2));
  expect_failure(absl::StatusCode::kUnavailable, "worker 'peer' has been silent for 10");
}

TEST_F(LinksOnStage, AWorkerThatStoodStillItselfBlamesNobodyForIt) {
  say_hello();
  clock_.advance(std::chrono::minutes(2));
  pass(MonotonicTime(0));
  EXPECT_TRUE(failures_.empty());
  pass(std::chrono::seconds(11));
  EXPECT_EQ(failures_.size(), 1u) << "but silence since then counts";
}

TEST_F(LinksOnStage, APeerThatNeverSaysHelloFails) {
  pass(std::chrono::seconds(119));
  EXPECT_TRUE(failures_.empty());
  stage_.cut("peer");
  EXPECT_TRUE(failures_.empty()) << "it may still come";
  pass(std::chrono::seconds(2));
  expect_failure(absl::StatusCode::kUnavailable, "silent");
}

TEST_F(LinksOnStage, ABrokenConnectionFails) {
  say_hello();
  stage_.cut("a");
  stage_.cut("stranger");
  EXPECT_TRUE(failures_.empty());
  stage_.cut("peer");
  expect_failure(absl::StatusCode::kUnavailable, "connection to worker 'peer' is broken");
}

TEST_F(LinksOnStage, PingOnlyWhenNothingElseIsSent) {
  say_hello();
  for (int i = 0; i < 10; ++i) {
    out_->send(Element::idle());
    pass(std::chrono::milliseconds(400));
  }
  for (const Frame& frame : sent_frames()) EXPECT_EQ(frame.kind, FrameKind::Idle);
  stage_.sent.clear();
  pass(std::chrono::seconds(5));
  EXPECT_GE(stage_.sent.size(), 9u);
}

TEST_F(LinksOnStage, SurviveFramesThatWereChanged) {
  std::mt19937_64 rng(11);
  for (int i = 0; i < 20'000; ++i) {
    Frame frame = data(FrameKind::Watermark);
    frame.job = "job-1";
    frame.epoch = 3;
    std::string head = encoder_.encode(frame);
    for (auto changes = 1 + rng() % 3; changes > 0; --changes) {
      head[rng() % head.size()] = static_cast<char>(rng());
    }
    if (rng() % 4 == 0) head.resize(rng() % head.size());
    const auto decoded = decode_frame(head);
    if (decoded) {
      EXPECT_LE(decoded->kind, FrameKind::MAX);
      EXPECT_LE(decoded->job.size(), head.size());
    }
  }
  EXPECT_FALSE(decode_frame(std::string(1 << 20, '\0')).has_value());
}

}  // namespace
}  // namespace weir::runtime
