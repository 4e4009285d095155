// JobFiles: the folder of one job in the coordinator's folder.
//
//   <dir>/job.json        JobRecord, rewritten by rename
//   <dir>/events.ndjson   history, one line per event
//   <dir>/state/          the checkpoint folder (state::CheckpointStore), open during an attempt
//
// Every call blocks. After construction all belong to the I/O thread, which runs them in the order
// in which they were submitted: that is what keeps a late write of an old attempt from falling into
// the next one (and an epoch that is not the open one is refused).
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "cluster/job_life.h"
#include "weir/runtime/clock.h"
#include "weir/runtime/storage.h"
#include "weir/state/checkpoint_store.h"

namespace weir::coordinator {

struct HistoryLine {
  std::uint64_t number = 0;  // from 1, without gaps
  std::chrono::microseconds time{0};
  std::string kind;
  std::string text;
};

class JobFiles {
 public:
  // `dir` need not exist yet.
  JobFiles(runtime::Storage& storage, runtime::Clock& clock, std::string dir);

  std::string state_dir() const { return dir_ + "/state"; }

  // --- job.json and history ----------------------------------------------------------------------
  absl::Status write_record(const std::string& text);
  absl::Status append_history(HistoryLine line);
  // What an earlier coordinator has written; what is torn at its end is left out. Before the first
  // append.
  std::vector<HistoryLine> read_history();
  // The job is over: no file stays open. A later append opens it again.
  void close_history();

  // --- The checkpoint folder ---------------------------------------------------------------------
  // Begins an epoch, or goes on with `resume_epoch` if it is not 0.
  absl::StatusOr<life::Opened> open(const JobSpec& spec, std::uint64_t resume_epoch);
  void close() { store_.reset(); }
  // kAborted if the folder is not open in this epoch.
  absl::StatusOr<runtime::CheckpointId> next_id(std::uint64_t epoch);
  struct Completed {
    absl::Status status;
    bool in_doubt = false;
  };
  Completed complete(std::uint64_t epoch, const JobSpec& spec, life::CompleteCheckpoint checkpoint);
  // Does nothing while somebody holds the folder's content.
  absl::Status collect(std::uint64_t epoch);
  void hold() { ++holds_; }
  void let_go() { --holds_; }

 private:
  absl::StatusOr<std::unique_ptr<state::CheckpointStore>> open_store(const JobSpec& spec,
                                                                     std::uint64_t resume_epoch);
  // The first time, for a job that begins with a savepoint.
  absl::StatusOr<std::unique_ptr<state::CheckpointStore>> begin_with_savepoint(
      const JobSpec& spec, const state::JobIdentity& identity);
  absl::StatusOr<bool> has_checkpoint() const;
  absl::Status ensure_dir();
  absl::Status rewrite_history();
  absl::Status check_open(std::uint64_t epoch) const;

  runtime::Storage& storage_;
  runtime::Clock& clock_;
  const std::string dir_;
  std::unique_ptr<state::CheckpointStore> store_;
  std::uint32_t holds_ = 0;                        // savepoints being written
  std::unique_ptr<runtime::StorageFile> history_;  // null: to be written anew
  std::deque<HistoryLine> newest_;                 // what it is written from
  std::size_t history_lines_ = 0;                  // in the file
};

}  // namespace weir::coordinator
