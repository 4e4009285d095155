// collect<T>(): committed records in memory, for tests and for programs that go on with the
// results.
//
//   auto rows = weir::collect<Row>();
//   stream.sink("rows", rows);
//   ... run ...
//   rows.records()      // what has been committed, task by task, in the order of each
//
// Exactly once as long as the process lives: records become visible when their checkpoint is
// complete. A restart in the same process with the same handle goes on from there; one handle
// serves one job.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "weir/operators/sink.h"
#include "weir/runtime/mutex.h"

namespace weir::operators {

// Copies share the records. Reading: any thread.
template <class T>
class Collector : public Sink<T> {
 public:
  static constexpr runtime::Delivery kDelivery = runtime::Delivery::kExactlyOnce;

  Collector() : shared_(std::make_shared<Shared>()) {}

  // A copy of all committed records.
  std::vector<T> records() const {
    const runtime::MutexLock lock(shared_->mutex);
    std::vector<T> all;
    for (const auto& [task, part] : shared_->tasks) {
      all.insert(all.end(), part.committed.begin(), part.committed.end());
    }
    return all;
  }
  std::size_t size() const {
    const runtime::MutexLock lock(shared_->mutex);
    std::size_t n = 0;
    for (const auto& [task, part] : shared_->tasks) n += part.committed.size();
    return n;
  }

  const char* kind() const { return "collect"; }

  absl::Status open(const SinkContext& context) {
    context_ = context;
    const runtime::MutexLock lock(shared_->mutex);
    if (context.restored.value != 0) return absl::OkStatus();
    for (auto& [task, part] : shared_->tasks) {
      if (!part.committed.empty()) {
        return absl::AlreadyExistsError(
            "this collect<T>() holds the records of an earlier run; make a new one for each run");
      }
      if (task % context_.parallelism == context_.task_index) part.sealed.clear();
    }
    written_.clear();
    return absl::OkStatus();
  }

  // Commits what the restored checkpoint has sealed; what was sealed later will come again.
  absl::Status restore(const std::vector<std::string>&) {
    const runtime::MutexLock lock(shared_->mutex);
    for (auto& [task, part] : shared_->tasks) {
      if (task % context_.parallelism != context_.task_index) continue;
      part.commit(context_.restored.value);
      part.sealed.clear();
    }
    return absl::OkStatus();
  }

  void write(const runtime::Batch<T>& batch) {
    written_.insert(written_.end(), batch.records(), batch.records() + batch.size());
  }
  void seal(runtime::CheckpointId id, std::string&, runtime::IoWork&) {
    const runtime::MutexLock lock(shared_->mutex);
    Part& part = shared_->tasks[context_.task_index];
    part.sealed[id.value] = std::exchange(written_, {});
  }
  void commit(runtime::CheckpointId id, runtime::IoWork&) {
    const runtime::MutexLock lock(shared_->mutex);
    shared_->tasks[context_.task_index].commit(id.value);
  }

 private:
  // What one task has handed over.
  struct Part {
    std::map<std::uint64_t, std::vector<T>> sealed;  // by checkpoint
    std::vector<T> committed;

    void commit(std::uint64_t id) {
      while (!sealed.empty() && sealed.begin()->first <= id) {
        for (T& record : sealed.begin()->second) committed.push_back(std::move(record));
        sealed.erase(sealed.begin());
      }
    }
  };
  struct Shared {
    runtime::Mutex mutex;
    std::map<std::uint32_t, Part> tasks ABSL_GUARDED_BY(mutex);
  };

  std::shared_ptr<Shared> shared_;
  SinkContext context_;
  std::vector<T> written_;  // since the last seal
};

template <class T>
Collector<T> collect() {
  return Collector<T>();
}

}  // namespace weir::operators

namespace weir {
using operators::collect;
using operators::Collector;
}  // namespace weir
