#include "weir/runtime/links.h"

#include <algorithm>

#include "frame.h"
#include "link.h"
#include "remote_channel.h"

namespace weir::runtime {

class Links::Heart final : public Runnable {
 public:
  explicit Heart(Links& links) : links_(links) {}
  RunResult run() override {
    if (links_.is_stopped_.load()) return {RunState::kDone};
    return {RunState::kBlocked, links_.tick()};
  }

 private:
  Links& links_;
};

Links::Links(LinksOptions options, Clock& clock, Executor& executor, OnFailure on_failure)
    : options_(std::move(options)), clock_(clock), executor_(executor) {
  session_.reset(new LinkSession{options_.job, options_.epoch, options_.max_frame_bytes,
                                 options_.max_overshoot_bytes, clock, std::move(on_failure)});
}

absl::StatusOr<std::unique_ptr<Links>> Links::open(LinksOptions options, Transport& transport,
                                                   Clock& clock, Executor& executor,
                                                   OnFailure on_failure) {
  std::unique_ptr<Links> links(
      new Links(std::move(options), clock, executor, std::move(on_failure)));
  absl::StatusOr<std::unique_ptr<Endpoint>> endpoint = transport.open(
      {links->options_.name, links->options_.listen, links->options_.max_frame_bytes}, *links);
  if (!endpoint.ok()) return endpoint.status();
  links->endpoint_ = *std::move(endpoint);
  return links;
}

Links::~Links() { stop(); }

const std::string& Links::address() const { return endpoint_->address(); }

void Links::add_peer(const std::string& name, const std::string& address) {
  WEIR_CHECK(!is_started_.load(), "peers are added before the start");
  const bool is_new = links_.emplace(name, std::make_unique<Link>(*session_, name, address)).second;
  WEIR_CHECK(is_new, "a peer is added once");
}

OutChannel& Links::add_sender(const std::string& peer, ChannelId channel, const RecordType& type,
                              std::uint32_t batch_size, std::size_t window_bytes,
                              Wakeable& producer) {
  WEIR_CHECK(!is_started_.load(), "channels are added before the start");
  WEIR_CHECK(type.is_encodable(), "records that have no binary form do not travel");
  const auto [at, is_new] = senders_.emplace(
      channel, std::make_unique<RemoteSender>(*session_, *links_.at(peer), channel, type,
                                              batch_size, window_bytes, producer));
  WEIR_CHECK(is_new, "a channel has one sender");
  return *at->second;
}

InChannel& Links::add_receiver(const std::string& peer, ChannelId channel, const RecordType& type,
                               std::uint32_t batch_size, std::size_t window_bytes,
                               Wakeable& consumer) {
  WEIR_CHECK(!is_started_.load(), "channels are added before the start");
  WEIR_CHECK(type.is_encodable(), "records that have no binary form do not travel");
  const auto [at, is_new] = receivers_.emplace(
      channel, std::make_unique<RemoteReceiver>(*session_, *links_.at(peer), channel, type,
                                                batch_size, window_bytes, consumer));
  WEIR_CHECK(is_new, "a channel has one receiver");
  return *at->second;
}

absl::Status Links::start() {
  std::erase_if(links_, [](const auto& entry) { return !entry.second->has_open_channels(); });
  for (const auto& [peer, link] : links_) {
    link->start(*endpoint_, clock_.now());
    if (options_.name > peer) continue;
    const absl::Status status = endpoint_->connect(peer, link->address());
    if (!status.ok()) return status;
  }
  last_tick_ = clock_.now();
  is_started_.store(true, std::memory_order_release);
  heart_ = std::make_unique<Heart>(*this);
  executor_.add(*heart_);
  return absl::OkStatus();
}

void Links::stop() {
  if (is_stopped_.exchange(true)) return;
  session_->is_over.store(true);
  if (is_started_.load()) {
    for (const auto& [peer, link] : links_) link->stop();
    heart_->wake();
  }
  endpoint_.reset();
}

bool Links::is_connected() const {
  return is_started_.load() && std::all_of(links_.begin(), links_.end(), [](const auto& entry) {
           return entry.second->is_ready();
         });
}

Link* Links::find(std::string_view peer) {
  const auto found = links_.find(peer);
  return found == links_.end() ? nullptr : found->second.get();
}

MonotonicTime Links::tick() {
  const MonotonicTime now = clock_.now();
  // If this process itself has stood still, its peers are not to blame for the silence.
  const MonotonicTime late = now - last_tick_ - 2 * options_.ping_interval;
  last_tick_ = now;
  for (const auto& [peer, link] : links_) {
    if (late > MonotonicTime(0)) link->note_heard(std::min(now, link->last_heard() + late));
    if (!link->is_ready()) {
      link->say_hello(true);
    } else if (now - link->last_sent() >= options_.ping_interval) {
      link->send({});
    }
    const MonotonicTime patience =
        link->is_ready() ? options_.peer_timeout : options_.hello_timeout;
    if (now - link->last_heard() > patience && link->has_open_channels()) {
      session_->fail(absl::UnavailableError(
          "worker '" + peer + "' has been silent for " +
          std::to_string((now - link->last_heard()) / MonotonicTime(1'000'000)) + " ms"));
    }
  }
  return now + options_.ping_interval;
}

void Links::on_unreachable(std::string_view peer) {
  if (!is_started_.load(std::memory_order_acquire)) return;
  const Link* link = find(peer);
  if (link == nullptr || !link->is_ready() || !link->has_open_channels()) return;
  session_->fail(
      absl::UnavailableError("the connection to worker '" + std::string(peer) + "' is broken"));
}

void Links::on_message(std::string_view peer, std::string_view head, std::string_view payload) {
  if (!is_started_.load(std::memory_order_acquire) || session_->has_failed.load()) return;
  Link* link = find(peer);
  const std::optional<Frame> frame = link == nullptr ? std::nullopt : decode_frame(head);
  if (link != nullptr && !frame) {
    session_->fail(absl::DataLossError("a bad frame has come from worker '" + link->peer() + "'"));
    return;
  }
  if (link == nullptr || frame->job != options_.job || frame->epoch != options_.epoch.value) {
    dropped_.fetch_add(1, std::memory_order_relaxed);
    return;
  }
  link->note_heard(clock_.now());
  on_frame(*link, *frame, payload);
}

void Links::on_frame(Link& link, const Frame& frame, std::string_view payload) {
  if (frame.kind == wire::FrameKind::Hello) return on_hello(link, frame);
  const absl::Status status = link.count_arrival(frame.link_sequence);
  if (!status.ok()) return session_->fail(status);
  switch (frame.kind) {
    case wire::FrameKind::Ping: return;
    case wire::FrameKind::Credit: return on_credit(link, frame);
    default: return on_data(link, frame, payload);
  }
}

void Links::on_hello(Link& link, const Frame& frame) {
  if (frame.protocol != kLinkProtocol) {
    return session_->fail(absl::FailedPreconditionError(
        "worker '" + link.peer() + "' speaks link protocol " + std::to_string(frame.protocol) +
        ", this one " + std::to_string(kLinkProtocol) + "; start both from the same program"));
  }
  if (frame.wants_answer) link.say_hello(false);
  if (!link.become_ready()) return;
  for (const auto& [id, sender] : senders_) {
    if (&sender->link() == &link) sender->wake_producer();
  }
}

void Links::on_credit(Link& link, const Frame& frame) {
  const auto found = senders_.find(ChannelId(frame.channel));
  if (found == senders_.end() || &found->second->link() != &link) {
    return session_->fail(
        absl::DataLossError("worker '" + link.peer() + "' gives credit for channel " +
                            std::to_string(frame.channel) + ", which does not lead there"));
  }
  const absl::Status status = found->second->on_credit(frame);
  if (!status.ok()) session_->fail(status);
}

void Links::on_data(Link& link, const Frame& frame, std::string_view payload) {
  const auto found = receivers_.find(ChannelId(frame.channel));
  if (found == receivers_.end() || &found->second->link() != &link) {
    return session_->fail(absl::DataLossError("worker '" + link.peer() + "' sends on channel " +
                                              std::to_string(frame.channel) +
                                              ", which does not come from there"));
  }
  const absl::Status status = found->second->on_data(frame, payload);
  if (!status.ok()) session_->fail(status);
}

}  // namespace weir::runtime
