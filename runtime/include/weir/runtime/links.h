// Links: all channels of one worker to other workers, over one data endpoint.
//
//   task -> OutChannel -> frame, numbered -> Link (one per peer) -> Endpoint ~~~> Endpoint -> Links
//        -> InChannel -> task;  credit frames travel the other way
//
// A channel has a window of bytes: the producer has credit while less than that is on its way; the
// consumer gives credit back as it goes on. So a slow consumer holds its own producers back and no
// other channel. Every frame is numbered twice, within its channel and within its link. A gap, a
// duplicate, a bad frame, or a peer that cannot be reached or is silent for `peer_timeout` fails
// the attempt, once; no record is ever asked for again. Frames of another job or epoch are dropped.
// Frames begin to flow between two workers when both have said Hello, which each does when it has
// all its channels; what is sent before waits. Page: docs/reference/wire-protocol.md.
//
// open(), add_*(), start() in this order from one thread; the channels are used by their tasks;
// stop() when no task uses them any more. Destroyed after the executor has stopped (or forgotten
// it).
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "weir/runtime/channel.h"
#include "weir/runtime/clock.h"
#include "weir/runtime/executor.h"
#include "weir/runtime/transport.h"

namespace weir::runtime {

using ChannelId = Id<struct ChannelTag, std::uint32_t>;  // one channel of a deployment, dense

struct LinksOptions {
  std::string job;
  Epoch epoch;
  std::string name;                          // of this worker, as its peers know it
  std::string listen = "tcp://127.0.0.1:0";  // as in EndpointOptions
  std::size_t max_frame_bytes = std::size_t{64} << 20;
  // How far a producer may exceed its window before it counts as broken.
  std::size_t max_overshoot_bytes = std::size_t{1} << 30;
  MonotonicTime ping_interval{500'000'000};      // when there is nothing else to send
  MonotonicTime peer_timeout{10'000'000'000};    // silence that counts as death
  MonotonicTime hello_timeout{120'000'000'000};  // until every peer must have said Hello
};

class Link;
class RemoteSender;
class RemoteReceiver;
struct Frame;
struct LinkSession;

class Links final : public MessageHandler {
 public:
  // The first failure of the attempt; from any thread, once. Must not call back into Links.
  using OnFailure = std::function<void(absl::Status)>;

  // Listens. Everything is borrowed.
  static absl::StatusOr<std::unique_ptr<Links>> open(LinksOptions options, Transport& transport,
                                                     Clock& clock, Executor& executor,
                                                     OnFailure on_failure);
  ~Links() override;

  // Where peers find this worker.
  const std::string& address() const;

  void add_peer(const std::string& name, const std::string& address);
  // `type` must be encodable, `peer` added. `window_bytes` is the same at both ends.
  OutChannel& add_sender(const std::string& peer, ChannelId channel, const RecordType& type,
                         std::uint32_t batch_size, std::size_t window_bytes, Wakeable& producer);
  InChannel& add_receiver(const std::string& peer, ChannelId channel, const RecordType& type,
                          std::uint32_t batch_size, std::size_t window_bytes, Wakeable& consumer);
  // Connects to the peers: of two workers the one whose name is less does it.
  absl::Status start();
  // Closes the endpoint. Nothing is reported or delivered afterwards, and only then may producers
  // and consumers go: one that has seen the end may yet be woken for it.
  void stop();

  // Whether all peers have said Hello.
  bool is_connected() const;
  // Frames of other jobs and epochs, and those of strangers.
  std::uint64_t dropped_frames() const { return dropped_.load(std::memory_order_relaxed); }

  void on_message(std::string_view peer, std::string_view head, std::string_view payload) override;
  void on_unreachable(std::string_view peer) override;

 private:
  class Heart;  // says Hello and Ping, and listens for silence

  Links(LinksOptions options, Clock& clock, Executor& executor, OnFailure on_failure);
  Link* find(std::string_view peer);
  void on_frame(Link& link, const Frame& frame, std::string_view payload);
  void on_hello(Link& link, const Frame& frame);
  void on_credit(Link& link, const Frame& frame);
  void on_data(Link& link, const Frame& frame, std::string_view payload);
  // When it wants to be called next.
  MonotonicTime tick();

  // Fixed after start().
  const LinksOptions options_;
  Clock& clock_;
  Executor& executor_;
  std::unique_ptr<LinkSession> session_;
  std::unique_ptr<Endpoint> endpoint_;
  std::map<std::string, std::unique_ptr<Link>, std::less<>> links_;  // by peer
  std::map<ChannelId, std::unique_ptr<RemoteSender>> senders_;
  std::map<ChannelId, std::unique_ptr<RemoteReceiver>> receivers_;
  std::unique_ptr<Heart> heart_;

  MonotonicTime last_tick_{0};  // the executor's
  std::atomic<bool> is_started_{false};
  std::atomic<bool> is_stopped_{false};
  std::atomic<std::uint64_t> dropped_{0};
};

}  // namespace weir::runtime
