#include "cluster/cluster_folder.h"

#include <algorithm>
#include <charconv>

namespace weir::coordinator {
namespace {

// The number at the end of a job's id; 0 if there is none.
std::uint64_t number_of(const std::string& id) {
  const std::size_t dash = id.rfind('-');
  std::uint64_t number = 0;
  if (dash == std::string::npos) return 0;
  std::from_chars(id.data() + dash + 1, id.data() + id.size(), number);
  return number;
}

}  // namespace

absl::StatusOr<std::unique_ptr<ClusterFolder>> ClusterFolder::open(runtime::Storage& storage,
                                                                   const std::string& dir) {
  const bool is_new = !storage.exists(dir);
  if (absl::Status status = storage.make_dirs(dir + "/jobs"); !status.ok()) return status;
  if (is_new) {
    const std::string parent = dir.substr(0, dir.rfind('/'));
    const absl::Status status = storage.sync_dir(parent.empty() ? "/" : parent);
    if (!status.ok()) return status;
  }
  absl::StatusOr<std::shared_ptr<void>> lock = storage.lock(dir + "/LOCK");
  if (!lock.ok()) {
    return absl::Status(lock.status().code(), "another coordinator uses the folder " + dir + ": " +
                                                  std::string(lock.status().message()));
  }
  if (absl::Status status = storage.sync_dir(dir); !status.ok()) return status;
  return std::unique_ptr<ClusterFolder>(new ClusterFolder(storage, dir, *std::move(lock)));
}

absl::StatusOr<ClusterFolder::Found> ClusterFolder::load() {
  Found found;
  const absl::StatusOr<std::vector<std::string>> ids = storage_.list(dir_ + "/jobs");
  if (!ids.ok()) return ids.status();
  for (const std::string& id : *ids) {
    found.last_number = std::max(found.last_number, number_of(id));
    const std::string path = job_dir(id) + "/job.json";
    // A coordinator that died between making the folder and writing the record has told nobody.
    if (!storage_.exists(path)) continue;
    const absl::StatusOr<std::string> text = storage_.read(path);
    absl::StatusOr<JobRecord> record =
        text.ok() ? parse_job_record(*text, path) : absl::StatusOr<JobRecord>(text.status());
    if (record.ok() && record->spec->id != id) {
      record = absl::DataLossError(path + " is the record of job " + record->spec->id);
    }
    if (record.ok()) {
      found.jobs.push_back(*std::move(record));
    } else {
      found.damaged.emplace_back(record.status().message());
    }
  }
  std::sort(found.jobs.begin(), found.jobs.end(), [](const JobRecord& a, const JobRecord& b) {
    return number_of(a.spec->id) < number_of(b.spec->id);
  });
  return found;
}

}  // namespace weir::coordinator
