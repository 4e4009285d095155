// A stage for one Links: the test is the network and the peer, on a clock that it moves.
#pragma once

#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "frame.h"
#include "link_pumps.h"
#include "weir/runtime/links.h"

namespace weir::runtime {

using tests::Numbered;
using wire::FrameKind;

// A transport whose other side is the test: what is sent is kept, what arrives is made up.
class StageTransport final : public Transport {
 public:
  absl::StatusOr<std::unique_ptr<Endpoint>> open(const EndpointOptions&,
                                                 MessageHandler& handler) override {
    handler_ = &handler;
    return std::make_unique<StageEndpoint>(*this);
  }
  void deliver(const std::string& peer, const std::string& head, const std::string& payload = {}) {
    handler_->on_message(peer, head, payload);
  }
  void cut(const std::string& peer) { handler_->on_unreachable(peer); }
  std::vector<std::pair<std::string, Message>> sent;
  std::map<std::string, std::string> connected;

 private:
  class StageEndpoint final : public Endpoint {
   public:
    explicit StageEndpoint(StageTransport& stage) : stage_(stage) {}
    const std::string& address() const override { return address_; }
    absl::Status connect(const std::string& peer, const std::string& address) override {
      stage_.connected[peer] = address;
      return absl::OkStatus();
    }
    void send(std::string_view peer, Message message) override {
      stage_.sent.emplace_back(peer, std::move(message));
    }

   private:
    StageTransport& stage_;
    std::string address_ = "stage";
  };
  MessageHandler* handler_ = nullptr;
};

class Woken final : public Wakeable {
 public:
  void wake() override { ++count; }
  int count = 0;
};

// Worker "m" with a channel 4 to and a channel 5 from "peer".
class LinksOnStage : public ::testing::Test {
 protected:
  static constexpr std::size_t kWindow = 10'000;

  void SetUp() override {
    LinksOptions options{.job = "job-1", .epoch = Epoch(3), .name = "m"};
    options.max_overshoot_bytes = 5000;
    options.max_frame_bytes = 4000;
    links_ = *Links::open(options, stage_, clock_, *executor_,
                          [this](absl::Status status) { failures_.push_back(std::move(status)); });
    links_->add_peer("peer", "tcp://peer");
    links_->add_peer("a", "tcp://a");
    out_ =
        &links_->add_sender("peer", ChannelId(4), record_type<Numbered>(), 16, kWindow, producer_);
    in_ = &links_->add_receiver("peer", ChannelId(5), record_type<Numbered>(), 16, kWindow,
                                consumer_);
    ASSERT_TRUE(links_->start().ok());
    pass(MonotonicTime(0));
  }
  void TearDown() override {
    links_->stop();
    executor_->stop();
  }

  // Lets time pass, with what happens in it.
  void pass(MonotonicTime time) { executor_->drive(clock_.now() + time + MonotonicTime(1)); }
  void deliver(Frame frame, const std::string& payload = {}) {
    if (frame.job.empty()) frame.job = "job-1";
    if (frame.epoch == 0) frame.epoch = 3;
    stage_.deliver("peer", encoder_.encode(frame), payload);
  }
  void say_hello() {
    Frame hello;
    hello.kind = FrameKind::Hello;
    hello.protocol = kLinkProtocol;
    hello.wants_answer = true;
    deliver(hello);
    stage_.sent.clear();
  }
  // The next numbered frame on channel 5, unless it is changed.
  Frame data(FrameKind kind) {
    Frame frame;
    frame.kind = kind;
    frame.channel = 5;
    frame.link_sequence = ++link_sequence_;
    frame.sequence = ++sequence_;
    return frame;
  }
  static std::string batch_bytes(std::uint32_t records) {
    Batch<Numbered> batch(16);
    batch.resize(records);
    for (std::uint32_t i = 0; i < records; ++i) batch[i].number = i;
    std::string bytes;
    batch.encode(bytes);
    return bytes;
  }
  void send_batch(std::uint32_t records = 16) {
    auto batch = out_->take_batch();
    batch->resize(records);
    out_->send(Element::of_batch(std::move(batch)));
  }
  std::vector<Frame> sent_frames() const {
    std::vector<Frame> frames;
    for (const auto& [peer, message] : stage_.sent) {
      EXPECT_EQ(peer, "peer");
      const auto frame = decode_frame(message.head);
      EXPECT_TRUE(frame.has_value());
      frames.push_back(*frame);
    }
    return frames;
  }
  // The attempt has failed once, for that reason.
  void expect_failure(absl::StatusCode code, std::string_view words) {
    ASSERT_EQ(failures_.size(), 1u);
    EXPECT_EQ(failures_[0].code(), code) << failures_[0];
    EXPECT_NE(std::string(failures_[0].message()).find(words), std::string::npos) << failures_[0];
    // Nothing that follows matters.
    deliver(data(FrameKind::Idle));
    stage_.cut("peer");
    pass(MonotonicTime(60'000'000'000));
    EXPECT_EQ(failures_.size(), 1u);
  }

  ManualClock clock_;
  std::unique_ptr<Executor> executor_ = make_single_executor(1, clock_, &clock_);
  StageTransport stage_;
  Woken producer_, consumer_;
  std::vector<absl::Status> failures_;
  FrameEncoder encoder_;
  std::uint64_t link_sequence_ = 0;
  std::uint64_t sequence_ = 0;
  std::unique_ptr<Links> links_;
  OutChannel* out_ = nullptr;
  InChannel* in_ = nullptr;
};

}  // namespace weir::runtime
