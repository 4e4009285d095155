// ClusterFolder: everything that one coordinator must not lose, and the lock that keeps a second
// one out.
//
//   <dir>/LOCK          taken while a coordinator runs
//   <dir>/jobs/<id>/    one job (job_files.h)
//
// open() and load() block; they belong before the coordinator's start.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "cluster/job_record.h"
#include "weir/runtime/storage.h"

namespace weir::coordinator {

class ClusterFolder {
 public:
  // kUnavailable, naming the process, if another coordinator has it.
  static absl::StatusOr<std::unique_ptr<ClusterFolder>> open(runtime::Storage& storage,
                                                             const std::string& dir);

  struct Found {
    std::vector<JobRecord> jobs;       // in the order of their numbers
    std::vector<std::string> damaged;  // for people: what cannot be read, and stays as it is
    std::uint64_t last_number = 0;     // that any job has, damaged ones too
  };
  absl::StatusOr<Found> load();

  std::string job_dir(const std::string& id) const { return dir_ + "/jobs/" + id; }
  const std::string& dir() const { return dir_; }

 private:
  ClusterFolder(runtime::Storage& storage, std::string dir, std::shared_ptr<void> lock)
      : storage_(storage), dir_(std::move(dir)), lock_(std::move(lock)) {}

  runtime::Storage& storage_;
  const std::string dir_;
  const std::shared_ptr<void> lock_;
};

}  // namespace weir::coordinator
