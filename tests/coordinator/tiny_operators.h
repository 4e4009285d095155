// Operators small enough to be seen through: a spout of numbers, a keyed sum with state, and a sink
// that commits as a transactional one must. They log nothing and know no time.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "weir/runtime/codec.h"
#include "weir/runtime/key.h"
#include "weir/runtime/mutex.h"
#include "weir/runtime/operator.h"
#include "weir/runtime/plan.h"
#include "weir/runtime/topology.h"
#include "weir/state/table_group.h"

namespace weir::coordinator::testing {

using runtime::Batch;
using runtime::BatchBase;
using runtime::CheckpointId;

struct Pair {
  std::int64_t key = 0;
  std::int64_t value = 0;
  friend auto operator<=>(const Pair&, const Pair&) = default;
};
WEIR_RECORD(Pair, key, value);

// What has left the system: survives "crashes" of a job, as files would. Any thread.
class Outside {
 public:
  // Output that becomes visible with checkpoint `id` of sink task `index`; again is no harm.
  void stage(std::uint32_t index, CheckpointId id, std::vector<Pair> rows) {
    runtime::MutexLock lock(mutex_);
    staged_[{index, id.value}] = std::move(rows);
  }
  // Makes everything visible that `index` has staged up to `id`.
  void commit(std::uint32_t index, CheckpointId id) {
    runtime::MutexLock lock(mutex_);
    for (auto& [key, rows] : staged_) {
      if (key.first != index || key.second > id.value) continue;
      committed_.insert(committed_.end(), rows.begin(), rows.end());
      rows.clear();
    }
  }
  // A restarted sink throws away what the checkpoint does not cover.
  void forget_after(CheckpointId id) {
    runtime::MutexLock lock(mutex_);
    std::erase_if(staged_, [&](const auto& entry) { return entry.first.second > id.value; });
  }
  void fail_commits(bool fail) { fail_commits_ = fail; }
  bool fails_commits() const { return fail_commits_; }
  std::vector<Pair> committed() const {
    runtime::MutexLock lock(mutex_);
    std::vector<Pair> rows = committed_;
    std::sort(rows.begin(), rows.end());
    return rows;
  }

 private:
  std::atomic<bool> fail_commits_{false};
  mutable runtime::Mutex mutex_;
  std::map<std::pair<std::uint32_t, std::uint64_t>, std::vector<Pair>> staged_
      ABSL_GUARDED_BY(mutex_);
  std::vector<Pair> committed_ ABSL_GUARDED_BY(mutex_);
};

// Numbers 0 .. count-1, spread over the tasks by residue; each with key = number % keys, value =
// number.
class NumberSpout final : public runtime::SpoutOperator {
 public:
  struct Options {
    std::int64_t count = 1000;
    std::int64_t keys = 10;
    // Fails the attempt once this task has emitted so many; -1: never.
    std::int64_t fail_at = -1;
    std::uint32_t partitions = 0;  // 0: one per task
    bool endless = false;          // waits at the end, instead of ending
    std::function<void()> at_poll;
    std::function<void()> at_end;
  };
  explicit NumberSpout(Options options) : options_(std::move(options)) {}

  absl::Status open(runtime::OperatorContext& context) override {
    absl::Status status = SpoutOperator::open(context);
    batch_ = std::make_unique<Batch<Pair>>(context.batch_size);
    if (options_.partitions == 0) options_.partitions = context.parallelism;
    for (std::uint32_t p = context.task_index; p < options_.partitions; p += context.parallelism) {
      next_[p] = p;
    }
    for (const runtime::OperatorSnapshot* part : context.restored) {
      for (const auto& [id, bytes] : part->partition_states) {
        if (next_.count(id.value) != 0 && !runtime::decode_from(bytes, next_[id.value])) {
          return absl::DataLossError("bad position");
        }
      }
    }
    return status;
  }
  runtime::PollResult poll() override {
    using State = runtime::PollResult::State;
    if (options_.at_poll) options_.at_poll();
    for (auto& [partition, next] : next_) {
      if (next < options_.count) return emit(next);
    }
    if (options_.at_end) std::exchange(options_.at_end, nullptr)();
    return {options_.endless ? State::kWait : State::kEnd};
  }
  void snapshot(CheckpointId, runtime::OperatorSnapshot& out, runtime::IoWork&) override {
    for (const auto& [partition, next] : next_) {
      out.partition_states.emplace_back(runtime::PartitionId(partition),
                                        runtime::encode_to_string(next));
    }
  }

 private:
  runtime::PollResult emit(std::int64_t& next) {
    batch_->clear();
    batch_->has_hashes = true;
    while (!batch_->full() && next < options_.count) {
      if (options_.fail_at >= 0 && emitted_ >= options_.fail_at) {
        context().fail(absl::AbortedError("the test wants it"));
        return {};
      }
      const Pair pair{next % options_.keys, next};
      (*batch_)[batch_->size()] = pair;
      batch_->hashes()[batch_->size()] = runtime::key_hash(pair.key);
      batch_->resize(batch_->size() + 1);
      next += options_.partitions;
      ++emitted_;
    }
    context().metrics->records_out.add(batch_->size());
    output().push(*batch_);
    return {};
  }

  Options options_;
  std::map<std::uint32_t, std::int64_t> next_;  // by partition
  std::int64_t emitted_ = 0;
  std::unique_ptr<Batch<Pair>> batch_;
};

// Per key the sum of all values; emitted for each key at the end.
class KeyedSum final : public runtime::Operator {
 public:
  absl::Status open(runtime::OperatorContext& context) override {
    absl::Status status = Operator::open(context);
    sums_.declare(context, "sums", "value");
    batch_ = std::make_unique<Batch<Pair>>(context.batch_size);
    return status;
  }
  void push(BatchBase& erased) override {
    const Batch<Pair>& in = Batch<Pair>::of(erased);
    context().metrics->records_in.add(in.size());
    auto& table = sums_.at(0);
    for (std::uint32_t i = 0; i < in.size(); ++i) {
      table.upsert(in.hashes()[i], in[i].key) += in[i].value;
    }
  }
  void snapshot(CheckpointId, runtime::OperatorSnapshot& out, runtime::IoWork&) override {
    out.states.push_back(sums_.descriptor());
  }
  void finish() override {
    batch_->clear();
    sums_.at(0).for_each([&](std::int64_t key, std::int64_t sum) {
      (*batch_)[batch_->size()] = {key, sum};
      batch_->resize(batch_->size() + 1);
      if (batch_->full()) flush_batch();
    });
    flush_batch();
  }

 private:
  void flush_batch() {
    if (!batch_->empty()) output().push(*batch_);
    batch_->clear();
  }

  state::TableGroup<std::int64_t, std::int64_t> sums_;
  std::unique_ptr<Batch<Pair>> batch_;
};

// Exactly once: rows are staged at the barrier and made visible by the commit.
class OutsideSink final : public runtime::Operator {
 public:
  explicit OutsideSink(std::shared_ptr<Outside> outside) : outside_(std::move(outside)) {}

  absl::Status open(runtime::OperatorContext& context) override {
    outside_->forget_after(context.restored_checkpoint);
    return Operator::open(context);
  }
  void push(BatchBase& erased) override {
    const Batch<Pair>& in = Batch<Pair>::of(erased);
    context().metrics->records_in.add(in.size());
    rows_.insert(rows_.end(), in.records(), in.records() + in.size());
  }
  void snapshot(CheckpointId id, runtime::OperatorSnapshot&, runtime::IoWork& io) override {
    io.push_back([outside = outside_, index = context().task_index, id,
                  rows = std::exchange(rows_, {})]() mutable {
      outside->stage(index, id, std::move(rows));
      return absl::OkStatus();
    });
  }
  void committed(CheckpointId id, runtime::IoWork& io) override {
    io.push_back([outside = outside_, index = context().task_index, id]() -> absl::Status {
      if (outside->fails_commits()) return absl::UnavailableError("no commits today");
      outside->commit(index, id);
      return absl::OkStatus();
    });
  }

 private:
  std::shared_ptr<Outside> outside_;
  std::vector<Pair> rows_;
};

// numbers -> [by key] sums -> out, into `outside`.
struct TinyJob {
  NumberSpout::Options numbers;
  std::shared_ptr<Outside> outside = std::make_shared<Outside>();
  bool keep_state = true;  // without: numbers -> out

  void build(runtime::Topology& t) const {
    using runtime::Grouping;
    using runtime::Vertex;
    const runtime::RecordType* type = &runtime::record_type<Pair>();
    const auto add = [&](const char* name, const char* kind, runtime::VertexKind role,
                         runtime::OperatorFactory make) -> Vertex& {
      Vertex v;
      v.name = name;
      v.kind = kind;
      v.role = role;
      v.make = std::move(make);
      v.outputs = {type};
      return t.add(std::move(v));
    };
    const auto join = [&](const Vertex& from, const Vertex& to, Grouping grouping) {
      runtime::Edge edge;
      edge.from = from.id;
      edge.to = to.id;
      edge.grouping = grouping;
      edge.type = type;
      t.connect(std::move(edge));
    };
    const Vertex* last =
        &add("numbers", "numbers", runtime::VertexKind::kSpout,
             [options = numbers] { return std::make_unique<NumberSpout>(options); });
    if (keep_state) {
      Vertex& sums = add("sums", "sum", runtime::VertexKind::kBolt,
                         [] { return std::make_unique<KeyedSum>(); });
      sums.is_keyed = true;
      join(*last, sums, Grouping::kKey);
      last = &sums;
    }
    const Vertex& sink = add("out", "outside", runtime::VertexKind::kSink,
                             [out = outside] { return std::make_unique<OutsideSink>(out); });
    join(*last, sink, Grouping::kForward);
  }

  // What must have been committed once the job has finished.
  std::vector<Pair> expected() const {
    std::map<std::int64_t, std::int64_t> sums;
    std::vector<Pair> rows;
    for (std::int64_t n = 0; n < numbers.count; ++n) {
      sums[n % numbers.keys] += n;
      if (!keep_state) rows.push_back({n % numbers.keys, n});
    }
    if (keep_state) {
      for (const auto& [key, sum] : sums) rows.push_back({key, sum});
    }
    std::sort(rows.begin(), rows.end());
    return rows;
  }
};

}  // namespace weir::coordinator::testing
