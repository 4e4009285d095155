// A job reduced to a file sink: tasks write numbered rows, checkpoints complete when every task has
// sealed, and whoever dies starts again from the last complete one. On a simulated disk.
#pragma once

#include <gtest/gtest.h>

#include <map>
#include <string>
#include <vector>

#include "weir/operators/files/file_sink.h"
#include "weir/runtime/clock.h"
#include "weir/runtime/simulated_storage.h"

namespace weir::operators {

struct SinkRow {
  std::int64_t id = 0;
  std::string text;
  friend bool operator==(const SinkRow&, const SinkRow&) = default;
};
WEIR_RECORD(SinkRow, id, text);

class SinkModel {
 public:
  using FileSinkOfRows = FileSink<SinkRow, CsvRows<SinkRow>>;

  explicit SinkModel(std::uint64_t seed, CsvFilesOptions options = {}, std::string folder = "out")
      : storage(seed), options_(options), folder_(folder) {}

  // A new attempt with so many tasks, from the last complete checkpoint.
  absl::Status start(std::uint32_t parallelism) {
    tasks_.clear();
    failure_ = absl::OkStatus();
    ++epoch;
    written = complete.written;
    for (std::uint32_t t = 0; t < parallelism; ++t) {
      tasks_.push_back(csv_files(folder_, options_).bind<SinkRow>());
      absl::Status status = tasks_[t].open({job, name, t, parallelism, runtime::Epoch(epoch),
                                            CheckpointId(complete.id), &clock, &storage, &metrics,
                                            [this](absl::Status why) { failure_ = why; }});
      if (status.ok() && complete.id != 0) status = tasks_[t].restore(complete.states);
      if (!status.ok()) return status;
    }
    return complete.id != 0 ? commit(complete.id) : absl::OkStatus();
  }

  // Rows written.. written + n, each to one task.
  void write(std::uint32_t n) {
    for (std::uint32_t t = 0; t < tasks_.size(); ++t) {
      runtime::Batch<SinkRow> batch(n);
      for (std::uint64_t i = written; i < written + n; ++i) {
        if (i % tasks_.size() != t) continue;
        batch[batch.size()] = row(i);
        batch.resize(batch.size() + 1);
      }
      tasks_[t].write(batch);
    }
    written += n;
  }
  SinkRow row(std::uint64_t id) const {
    return {static_cast<std::int64_t>(id), std::string(row_bytes, 'x')};
  }

  struct Sealed {
    std::vector<std::string> states;
    std::vector<runtime::IoWork> io;
  };
  // The barrier of checkpoint last_id + 1.
  Sealed seal() {
    ++last_id;
    Sealed sealed;
    sealed.states.resize(tasks_.size());
    sealed.io.resize(tasks_.size());
    for (std::size_t t = 0; t < tasks_.size(); ++t) {
      tasks_[t].seal(CheckpointId(last_id), sealed.states[t], sealed.io[t]);
    }
    return sealed;
  }
  // The I/O of the barrier; the checkpoint is complete if all of it succeeds.
  absl::Status finish(Sealed sealed) {
    absl::Status status = failure_;
    for (runtime::IoWork& io : sealed.io) status.Update(run(io));
    if (status.ok()) complete = {last_id, written, std::move(sealed.states)};
    return status;
  }
  absl::Status commit(std::uint64_t id) {
    absl::Status status = absl::OkStatus();
    for (FileSinkOfRows& task : tasks_) {
      runtime::IoWork io;
      task.commit(CheckpointId(id), io);
      status.Update(run(io));
    }
    return status;
  }
  absl::Status checkpoint() {
    absl::Status status = finish(seal());
    return status.ok() ? commit(last_id) : status;
  }
  void close() {
    for (FileSinkOfRows& task : tasks_) task.close().IgnoreError();
    tasks_.clear();
  }

  // All of `rows` rows through a checkpoint every `step`; false when the disk died on the way.
  bool run_all(std::uint32_t parallelism, std::uint64_t rows, std::uint32_t step) {
    absl::Status status = start(parallelism);
    while (status.ok() && written < rows) {
      write(step);
      status = failure_;
      if (status.ok()) status = checkpoint();
    }
    last_status = status;
    close();
    return status.ok();
  }

  // Ids of all committed rows, and how often each is there.
  std::map<std::int64_t, int> committed() {
    std::map<std::int64_t, int> ids;
    for (const std::string& file : files()) {
      const std::string text = *storage.read(folder_ + "/" + file);
      EXPECT_FALSE(text.empty()) << file;
      for (std::size_t at = 0; at < text.size(); at = text.find('\n', at) + 1) {
        ++ids[std::stoll(text.substr(at))];
      }
    }
    return ids;
  }
  std::vector<std::string> files() {
    std::vector<std::string> files;
    const auto entries = storage.list(folder_);
    for (const std::string& entry : *entries) {
      if (entry[0] != '.') files.push_back(entry);
    }
    return files;
  }
  std::vector<std::string> staged() { return *storage.list(folder_ + "/.staged"); }
  // Whether exactly the rows 0 .. rows - 1 are committed, each once.
  bool has_exactly(std::uint64_t rows) {
    const std::map<std::int64_t, int> ids = committed();
    std::uint64_t next = 0;
    for (const auto& [id, times] : ids) {
      if (times != 1 || static_cast<std::uint64_t>(id) != next++) return false;
    }
    return next == rows;
  }

  struct Complete {
    std::uint64_t id = 0;
    std::uint64_t written = 0;
    std::vector<std::string> states;
  };

  runtime::SimulatedStorage storage;
  runtime::ManualClock clock;
  runtime::OperatorMetrics metrics;
  std::string job = "job";
  std::string name = "report";
  std::size_t row_bytes = 8;
  std::uint64_t epoch = 0;
  std::uint64_t last_id = 0;
  std::uint64_t written = 0;
  Complete complete;
  absl::Status last_status;

  absl::Status failure() const { return failure_; }

 private:
  static absl::Status run(runtime::IoWork& io) {
    for (auto& work : io) {
      if (absl::Status status = work(); !status.ok()) return status;
    }
    return absl::OkStatus();
  }

  CsvFilesOptions options_;
  std::string folder_;
  std::vector<FileSinkOfRows> tasks_;
  absl::Status failure_;
};

}  // namespace weir::operators
