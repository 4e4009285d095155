// Producers and consumers of channels for tests: runnables that stand where tasks would.
#pragma once

#include <gtest/gtest.h>

#include <atomic>
#include <mutex>
#include <string>
#include <vector>

#include "weir/runtime/batch.h"
#include "weir/runtime/channel.h"
#include "weir/runtime/executor.h"
#include "weir/runtime/record.h"

namespace weir::tests {

struct Numbered {
  std::int64_t number = 0;
  std::int64_t filler[7] = {};
};

struct Worded {
  std::int64_t number = 0;
  std::string word;
};
WEIR_RECORD(Worded, number, word);

inline void set_record(Numbered& record, std::int64_t number) { record.number = number; }
inline void set_record(Worded& record, std::int64_t number) {
  record.number = number;
  record.word.assign(static_cast<std::size_t>(number % 50), static_cast<char>('a' + number % 26));
}
inline bool is_intact(const Numbered&) { return true; }
inline bool is_intact(const Worded& record) {
  Worded expected;
  set_record(expected, record.number);
  return record.word == expected.word;
}

// Sends `batches` batches of numbered records while it has credit, with a watermark after each
// tenth, a barrier in the middle and END after the last.
template <class T>
class Source final : public runtime::Runnable {
 public:
  static constexpr std::uint32_t kBatchSize = 16;

  explicit Source(std::int64_t batches) : batches_(batches) {}
  void connect(runtime::OutChannel& to) { to_ = &to; }

  runtime::RunResult run() override {
    for (int quantum = 0; quantum < 8; ++quantum) {
      if (!to_->has_credit()) return {runtime::RunState::kBlocked};
      if (sent_ == batches_) {
        to_->send(runtime::Element::end());
        is_done_ = true;
        return {runtime::RunState::kDone};
      }
      send_batch();
    }
    return {runtime::RunState::kMore};
  }
  std::int64_t sent() const { return sent_; }
  bool is_done() const { return is_done_; }
  bool has_credit() const { return to_->has_credit(); }

 private:
  void send_batch() {
    auto batch = to_->take_batch();
    auto& typed = runtime::Batch<T>::of(*batch);
    EXPECT_TRUE(typed.empty());
    for (std::uint32_t i = 0; i < kBatchSize; ++i) {
      set_record(typed[i], sent_ * kBatchSize + i);
      typed.hashes()[i] = static_cast<std::uint64_t>(sent_);
    }
    typed.has_hashes = true;
    typed.resize(kBatchSize);
    to_->send(runtime::Element::of_batch(std::move(batch)));
    const std::int64_t n = ++sent_;
    if (n % 10 == 0) to_->send(runtime::Element::of_watermark(runtime::EventTime(n)));
    if (n == batches_ / 2) to_->send(runtime::Element::of_barrier(runtime::CheckpointId(7)));
    if (n == batches_ / 3) to_->send(runtime::Element::idle());
  }

  const std::int64_t batches_;
  runtime::OutChannel* to_ = nullptr;
  std::atomic<std::int64_t> sent_{0};
  std::atomic<bool> is_done_{false};
};

// Receives while its gate is open, and checks that everything is there, once and in order.
template <class T>
class Target final : public runtime::Runnable {
 public:
  void connect(runtime::InChannel& from) { from_ = &from; }
  void set_open(bool is_open) {
    is_open_ = is_open;
    wake();
  }

  runtime::RunResult run() override {
    for (int quantum = 0; quantum < 8; ++quantum) {
      runtime::Element element;
      if (!is_open_ || !from_->receive(element)) return {runtime::RunState::kBlocked};
      note(element);
      if (element.kind == runtime::Element::Kind::kBatch) {
        const std::size_t bytes = element.batch->bytes();
        from_->give_back(std::move(element.batch), bytes);
      }
      if (is_done_) return {runtime::RunState::kDone};
    }
    return {runtime::RunState::kMore};
  }
  std::int64_t records() const { return records_; }
  bool is_done() const { return is_done_; }
  // In a row: "w10 i w20 b7 ... e", a batch is not noted.
  std::string marks() const {
    const std::lock_guard lock(mutex_);
    return marks_;
  }

 private:
  void note(const runtime::Element& element) {
    using Kind = runtime::Element::Kind;
    const std::lock_guard lock(mutex_);
    switch (element.kind) {
      case Kind::kBatch: check(runtime::Batch<T>::of(*element.batch)); return;
      case Kind::kWatermark:
        EXPECT_EQ(records_, element.watermark.micros() * Source<T>::kBatchSize);
        marks_ += "w" + std::to_string(element.watermark.micros()) + " ";
        return;
      case Kind::kBarrier: marks_ += "b" + std::to_string(element.checkpoint.value) + " "; return;
      case Kind::kIdle: marks_ += "i "; return;
      case Kind::kEnd:
        marks_ += "e";
        is_done_ = true;
        return;
    }
  }
  void check(const runtime::Batch<T>& batch) {
    EXPECT_TRUE(batch.has_hashes);
    EXPECT_FALSE(batch.has_times);
    for (std::uint32_t i = 0; i < batch.size(); ++i) {
      ASSERT_EQ(batch[i].number, records_ + i);
      EXPECT_TRUE(is_intact(batch[i]));
      EXPECT_EQ(batch.hashes()[i],
                static_cast<std::uint64_t>(batch[i].number) / Source<T>::kBatchSize);
    }
    records_ += batch.size();
  }

  runtime::InChannel* from_ = nullptr;
  std::atomic<bool> is_open_{true};
  std::atomic<bool> is_done_{false};
  std::atomic<std::int64_t> records_{0};
  mutable std::mutex mutex_;
  std::string marks_;
};

// Passes elements on while there is credit, as a task in the middle does.
class Relay final : public runtime::Runnable {
 public:
  void connect(runtime::InChannel& from, runtime::OutChannel& to) {
    from_ = &from;
    to_ = &to;
  }
  runtime::RunResult run() override {
    for (int quantum = 0; quantum < 8; ++quantum) {
      runtime::Element element;
      if (!to_->has_credit() || !from_->receive(element)) return {runtime::RunState::kBlocked};
      const bool is_last = element.kind == runtime::Element::Kind::kEnd;
      if (element.kind == runtime::Element::Kind::kBatch) {
        const std::size_t bytes = element.batch->bytes();
        auto out = to_->take_batch();
        out->swap(*element.batch);
        from_->give_back(std::move(element.batch), bytes);
        element.batch = std::move(out);
      }
      to_->send(std::move(element));
      if (is_last) return {runtime::RunState::kDone};
    }
    return {runtime::RunState::kMore};
  }

 private:
  runtime::InChannel* from_ = nullptr;
  runtime::OutChannel* to_ = nullptr;
};

}  // namespace weir::tests
