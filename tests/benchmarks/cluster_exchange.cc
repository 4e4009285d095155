#include "cluster_exchange.h"

#include <zmq.h>

#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <vector>

#include "two_processes.h"
#include "weir/runtime/key.h"
#include "weir/runtime/links.h"
#include "weir/runtime/router.h"

namespace weir::bench {
namespace {

using namespace runtime;

struct Parcel {
  std::uint64_t key;
  std::uint64_t value;
  std::uint64_t filler[6];
};
static_assert(sizeof(Parcel) == kExchangeRecordBytes);

// What a batch takes on the wire: its head, hashes and records.
constexpr std::size_t kMessageBytes =
    16 + kExchangeBatch * (sizeof(std::uint64_t) + sizeof(Parcel));

[[noreturn]] void give_up(const char* why) {
  std::fprintf(stderr, "bench_cluster: %s\n", why);
  _exit(1);
}
void require(bool holds, const char* why) {
  if (!holds) give_up(why);
}

std::string seconds_text(MonotonicTime time) {
  return std::to_string(std::chrono::duration<double>(time).count());
}

// Makes records and routes them by key, as a chain that ends in key_by does.
class Producer final : public Runnable {
 public:
  explicit Producer(std::uint64_t records) : left_(records) {}
  void connect(std::vector<OutChannel*> targets) {
    router_ = std::make_unique<Router>(Grouping::kKey, std::move(targets), 128, CustomGrouping{});
  }
  RunResult run() override {
    for (int quantum = 0; quantum < 64; ++quantum) {
      if (!router_->has_credit()) return {RunState::kBlocked};
      if (left_ == 0) {
        router_->send_end();
        return {RunState::kDone};
      }
      make_batch();
      router_->push(batch_);
    }
    return {RunState::kMore};
  }

 private:
  void make_batch() {
    batch_.clear();
    const auto n = static_cast<std::uint32_t>(std::min<std::uint64_t>(left_, kExchangeBatch));
    for (std::uint32_t i = 0; i < n; ++i) {
      Parcel& parcel = batch_[i];
      parcel.key = next_ * 0x9E3779B97F4A7C15u >> 48;
      parcel.value = next_++;
      batch_.hashes()[i] = KeyTraits<std::uint64_t>::hash(parcel.key);
    }
    batch_.has_hashes = true;
    batch_.resize(n);
    left_ -= n;
  }

  std::uint64_t left_;
  std::uint64_t next_ = 0;
  Batch<Parcel> batch_{kExchangeBatch};
  std::unique_ptr<Router> router_;
};

// Adds values up; the last one that ends says so.
class Consumer final : public Runnable {
 public:
  Consumer(Executor& executor, std::atomic<std::uint32_t>& open, std::atomic<std::int64_t>& first)
      : executor_(executor), open_(open), first_(first) {}
  void connect(InChannel& from) { from_ = &from; }
  RunResult run() override {
    for (int quantum = 0; quantum < 64; ++quantum) {
      Element element;
      if (!from_->receive(element)) return {RunState::kBlocked};
      if (element.kind == Element::Kind::kEnd) {
        if (open_.fetch_sub(1) == 1) executor_.notify();
        return {RunState::kDone};
      }
      if (records == 0) note_first();
      const auto& batch = Batch<Parcel>::of(*element.batch);
      for (std::uint32_t i = 0; i < batch.size(); ++i) sum += batch[i].value;
      records += batch.size();
      from_->give_back(std::move(element.batch), 0);
    }
    return {RunState::kMore};
  }
  std::uint64_t sum = 0;
  std::uint64_t records = 0;

 private:
  void note_first() {
    std::int64_t none = 0;
    first_.compare_exchange_strong(none, system_clock().now().count());
  }

  Executor& executor_;
  std::atomic<std::uint32_t>& open_;
  std::atomic<std::int64_t>& first_;
  InChannel* from_ = nullptr;
};

std::unique_ptr<Links> open_links(const char* name, Executor& executor) {
  auto links = Links::open({.job = "bench", .epoch = Epoch(1), .name = name}, zmq_transport(),
                           system_clock(), executor, [](absl::Status status) {
                             std::fprintf(stderr, "%s\n", status.ToString().c_str());
                             _exit(1);
                           });
  require(links.ok(), "no links");
  return *std::move(links);
}

double send_over_links(const Exchange& exchange, const Side& other) {
  const auto executor = make_tbb_executor(1, system_clock());
  const auto links = open_links("a", *executor);
  other.say(links->address());
  links->add_peer("b", other.hear());
  Producer producer(exchange.records);
  std::vector<OutChannel*> targets;
  for (std::uint32_t t = 0; t < exchange.targets; ++t) {
    targets.push_back(&links->add_sender("b", ChannelId(t), record_type<Parcel>(), kExchangeBatch,
                                         exchange.channel_bytes, producer));
  }
  producer.connect(std::move(targets));
  require(links->start().ok(), "links do not start");
  executor->add(producer);
  const double seconds = std::stod(other.hear());  // all have arrived
  executor->stop();
  links->stop();
  return seconds;
}

void receive_over_links(const Exchange& exchange, const Side& other) {
  const auto executor = make_tbb_executor(1, system_clock());
  const auto links = open_links("b", *executor);
  other.say(links->address());
  links->add_peer("a", other.hear());
  std::atomic<std::uint32_t> open{exchange.targets};
  std::atomic<std::int64_t> first{0};
  std::vector<std::unique_ptr<Consumer>> consumers;
  for (std::uint32_t t = 0; t < exchange.targets; ++t) {
    consumers.push_back(std::make_unique<Consumer>(*executor, open, first));
    consumers[t]->connect(links->add_receiver("a", ChannelId(t), record_type<Parcel>(),
                                              kExchangeBatch, exchange.channel_bytes,
                                              *consumers[t]));
  }
  require(links->start().ok(), "links do not start");
  for (const auto& consumer : consumers) executor->add(*consumer);
  while (open.load() != 0) executor->drive(MonotonicTime::max());
  const MonotonicTime took = system_clock().now() - MonotonicTime(first.load());
  executor->stop();
  links->stop();
  std::uint64_t sum = 0, records = 0;
  for (const auto& consumer : consumers) {
    sum += consumer->sum;
    records += consumer->records;
  }
  require(records == exchange.records && sum == records * (records - 1) / 2, "records are wrong");
  other.say(seconds_text(took));
}

double push_messages(std::uint64_t messages, const Side& other) {
  void* context = zmq_ctx_new();
  void* socket = zmq_socket(context, ZMQ_PUSH);
  require(zmq_connect(socket, other.hear().c_str()) == 0, "cannot connect");
  const std::string content(kMessageBytes, 'x');
  for (std::uint64_t i = 0; i < messages; ++i) {
    require(zmq_send(socket, content.data(), content.size(), 0) >= 0, "cannot send");
  }
  const double seconds = std::stod(other.hear());
  zmq_close(socket);
  zmq_ctx_term(context);
  return seconds;
}

void pull_messages(std::uint64_t messages, const Side& other) {
  void* context = zmq_ctx_new();
  void* socket = zmq_socket(context, ZMQ_PULL);
  require(zmq_bind(socket, "tcp://127.0.0.1:*") == 0, "cannot bind");
  char address[256];
  std::size_t size = sizeof address;
  zmq_getsockopt(socket, ZMQ_LAST_ENDPOINT, address, &size);
  other.say(address);
  MonotonicTime first{0};
  zmq_msg_t message;
  zmq_msg_init(&message);
  std::uint64_t sum = 0;
  for (std::uint64_t i = 0; i < messages; ++i) {
    require(zmq_msg_recv(&message, socket, 0) == static_cast<int>(kMessageBytes), "bad message");
    if (i == 0) first = system_clock().now();
    sum += static_cast<const unsigned char*>(zmq_msg_data(&message))[i % kMessageBytes];
  }
  require(sum == messages * 'x', "bytes are wrong");
  other.say(seconds_text(system_clock().now() - first));
  zmq_msg_close(&message);
}

}  // namespace

void bare_exchange(const Exchange& exchange, Run& run) {
  const std::uint64_t messages = exchange.records * kExchangeRecordBytes / kMessageBytes;
  run.values[0] =
      run_two_processes([&](const Side& other) { run.seconds = push_messages(messages, other); },
                        [&](const Side& other) { pull_messages(messages, other); });
}

void links_exchange(const Exchange& exchange, Run& run) {
  run.values[0] =
      run_two_processes([&](const Side& other) { run.seconds = send_over_links(exchange, other); },
                        [&](const Side& other) { receive_over_links(exchange, other); });
  run.tally.outputs = exchange.records;
}

}  // namespace weir::bench
