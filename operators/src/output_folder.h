// OutputFolder: what one task of a sink finds, owns and publishes in its folder. Knows the names
// (grammar: staged_output.h), the records of commits, and which old task's files are this task's
// share. Used in open() and restore() by the task's thread, afterwards by the I/O thread.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "staged_file.h"
#include "weir/operators/sink.h"

namespace weir::operators {

struct CommitRecord {
  std::string job;
  std::uint64_t checkpoint = 0;
  std::uint64_t epoch = 0;
};

class OutputFolder {
 public:
  OutputFolder(std::string folder, std::string ending, const SinkContext& context);

  // Makes the folders, and takes the task's lock for this process.
  absl::Status open();
  void release() { lock_.reset(); }

  const std::string& staged_folder() const { return staged_; }
  std::string staged_name(std::uint64_t after_checkpoint, std::uint64_t sequence) const;
  std::string target_name(std::uint64_t checkpoint, std::uint64_t number) const;

  // Each old task belongs to exactly one new one.
  bool owns(std::uint64_t old_task) const { return old_task % parallelism_ == task_; }

  // Fresh start: refuses what an earlier run has committed.
  absl::Status check_fresh() const;
  // Restart: refuses what was committed behind `restored`, or by another job.
  absl::Status check_not_beyond(std::uint64_t restored) const;
  // Removes the staged files of this sink that are this task's share.
  absl::Status remove_staged();

  // Whether what was staged is there with these bytes, staged or published.
  absl::Status verify(const SealedFile& file, std::uint64_t old_task) const;
  // Makes a durable file visible; nothing to do if it is.
  absl::Status publish(const SealedFile& file);
  absl::Status sync_names();
  // Not OK if an attempt with a higher epoch has committed for `task`.
  absl::Status check_not_superseded(std::uint64_t task) const;
  absl::Status write_record(std::uint64_t task, std::uint64_t checkpoint);

 private:
  struct Found {
    std::uint64_t files = 0;
    std::uint64_t last_checkpoint = 0;
    std::string foreign_job;  // a record names it
    std::string last_file;
  };
  absl::StatusOr<Found> look() const;
  absl::StatusOr<std::optional<CommitRecord>> read_record(const std::string& name) const;
  std::string record_name(std::uint64_t task) const;
  absl::Status check_same(const std::string& path, const SealedFile& file) const;
  std::string path(const std::string& name) const { return folder_ + "/" + name; }
  std::string staged_path(const std::string& name) const { return staged_ + "/" + name; }

  const std::string folder_;
  const std::string staged_;
  const std::string commits_;
  const std::string ending_;
  const std::string job_;
  const std::string sink_;
  const std::uint64_t task_;
  const std::uint64_t parallelism_;
  const std::uint64_t epoch_;
  runtime::Storage& storage_;
  std::shared_ptr<void> lock_;
};

}  // namespace weir::operators
