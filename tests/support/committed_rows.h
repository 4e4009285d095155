// A transactional sink for tests. What it has committed lies outside the job, as files would, and
// survives its crashes: rows are staged at a barrier and become visible by the commit.
#pragma once

#include <algorithm>
#include <cstdint>
#include <iterator>
#include <map>
#include <memory>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "weir/operators/dsl.h"
#include "weir/runtime/mutex.h"

namespace weir::tests {

// The outside world of one job: rows as text, by sink. Any thread.
class CommittedRows {
 public:
  void stage(const std::string& sink, std::uint32_t task, CheckpointId id,
             std::vector<std::string> rows) {
    runtime::MutexLock lock(mutex_);
    staged_[{sink, task, id.value}] = std::move(rows);
  }
  // Everything that the task has staged up to `id`; again is no harm.
  void commit(const std::string& sink, std::uint32_t task, CheckpointId id) {
    runtime::MutexLock lock(mutex_);
    for (auto& [at, rows] : staged_) {
      const auto& [of_sink, of_task, of_id] = at;
      if (of_sink != sink || of_task != task || of_id > id.value) continue;
      for (std::string& row : rows) committed_.push_back(sink + ": " + row);
      rows.clear();
    }
  }
  // After a restart: what lies behind the restored checkpoint never was; what it covers is
  // committed, whichever task wrote it.
  void restore(const std::string& sink, CheckpointId id) {
    runtime::MutexLock lock(mutex_);
    for (auto it = staged_.begin(); it != staged_.end();) {
      const auto& [of_sink, of_task, of_id] = it->first;
      if (of_sink != sink) {
        ++it;
        continue;
      }
      if (of_id <= id.value) {
        for (std::string& row : it->second) committed_.push_back(sink + ": " + row);
      }
      it = staged_.erase(it);
    }
  }
  // Sorted, so that equal multisets are equal vectors.
  std::vector<std::string> sorted() const {
    runtime::MutexLock lock(mutex_);
    std::vector<std::string> rows = committed_;
    std::sort(rows.begin(), rows.end());
    return rows;
  }

 private:
  mutable runtime::Mutex mutex_;
  std::map<std::tuple<std::string, std::uint32_t, std::uint64_t>, std::vector<std::string>> staged_
      ABSL_GUARDED_BY(mutex_);
  std::vector<std::string> committed_ ABSL_GUARDED_BY(mutex_);
};

// Rows that to_text(const T&) has made of the records.
template <class T, class ToText>
class CommittedRowsSink : public Sink<T> {
 public:
  static constexpr Delivery kDelivery = Delivery::kExactlyOnce;
  CommittedRowsSink(std::shared_ptr<CommittedRows> outside, ToText to_text)
      : outside_(std::move(outside)), to_text_(std::move(to_text)) {}

  absl::Status open(const SinkContext& context) {
    name_ = context.name;
    task_ = context.task_index;
    outside_->restore(name_, context.restored);
    return absl::OkStatus();
  }
  void write(const Batch<T>& rows) {
    for (std::uint32_t i = 0; i < rows.size(); ++i) rows_.push_back(to_text_(rows[i]));
  }
  void seal(CheckpointId id, std::string&, IoWork& io) {
    io.push_back([outside = outside_, name = name_, task = task_, id,
                  rows = std::exchange(rows_, {})]() mutable {
      outside->stage(name, task, id, std::move(rows));
      return absl::OkStatus();
    });
  }
  void commit(CheckpointId id, IoWork& io) {
    io.push_back([outside = outside_, name = name_, task = task_, id] {
      outside->commit(name, task, id);
      return absl::OkStatus();
    });
  }
  const char* kind() const { return "committed rows"; }

 private:
  std::shared_ptr<CommittedRows> outside_;
  ToText to_text_;
  std::string name_;
  std::uint32_t task_ = 0;
  std::vector<std::string> rows_;
};

template <class T, class ToText>
CommittedRowsSink<T, ToText> commit_rows(std::shared_ptr<CommittedRows> outside, ToText to_text) {
  return {std::move(outside), std::move(to_text)};
}

// What differs between two sorted multisets of rows, a few rows of each side; empty if nothing
// does.
inline std::string difference(const std::vector<std::string>& got,
                              const std::vector<std::string>& expected) {
  const auto only = [](const char* title, const std::vector<std::string>& a,
                       const std::vector<std::string>& b) {
    std::vector<std::string> rows;
    std::set_difference(a.begin(), a.end(), b.begin(), b.end(), std::back_inserter(rows));
    std::string text;
    if (!rows.empty()) text = std::to_string(rows.size()) + title;
    for (std::size_t i = 0; i < std::min<std::size_t>(rows.size(), 12); ++i) {
      text += "\n    " + rows[i];
    }
    return text.empty() ? text : text + "\n";
  };
  return only(" rows too many:", got, expected) + only(" rows missing:", expected, got);
}

}  // namespace weir::tests
