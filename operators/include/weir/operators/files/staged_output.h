// StagedOutput: bytes to files of a folder, exactly once, by rename. One per task of a file sink.
//
//   rows() -> wrote() ... seal(n) ... commit(n)
//
//   DIR/.staged/JOB~SINK~TTTT~CCCCCCCCCCCC~EEEEEEEEEE~SSSSSS   being written, or sealed
//   DIR/SINK-TTTT-CCCCCCCCCCCC-NNNN.csv                        committed by checkpoint C
//   DIR/.commits/SINK-TTTT                                     record of the task's last commit
//
// A file belongs to the first checkpoint that is sealed after its last row; (name, length, hash) of
// everything sealed and not yet committed stand in the task's state. Only commit() makes a file
// visible, and only after its checkpoint is complete. Names are never used twice: job and sink are
// escaped, numbers have fixed widths, names are compared as a whole.
//
// A full disk fails the checkpoint, not the job: what could not be written is kept in memory (up to
// a bound, then the attempt fails) and written again at the next checkpoint. A failed sync is final
// and fails the attempt. The task's thread calls everything; the work put into `io` runs on one
// other thread, in order, and shares nothing with it but StagedFile's atomic state. Guide:
// docs/guide/files.md.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "weir/operators/sink.h"
#include "weir/runtime/content_hash.h"

namespace weir::operators {

struct StagedOutputOptions {
  std::string folder;
  std::string ending;                       // ".csv"
  std::string preface;                      // what every file begins with, such as a header line
  std::uint64_t roll_bytes = 0;             // a file this long is followed by another one
  runtime::MonotonicTime roll_interval{0};  // so is one this old; 0 = no limit

  // What is wrong with it; empty if nothing is.
  std::string fault() const;
};

class StagedFile;    // one file on its way: open, sealed, durable, committed
class OutputFolder;  // names, records of commits, what belongs to which task

class StagedOutput {
 public:
  // Rows are handed to the file in blocks of this size.
  static constexpr std::size_t kBlockBytes = std::size_t{128} << 10;

  explicit StagedOutput(StagedOutputOptions options);
  ~StagedOutput();

  // Takes the folder for this task. On a fresh start it must hold nothing of this sink.
  absl::Status open(const SinkContext& context);
  // Commits what the restored checkpoint has sealed, of all old tasks that are this one's share.
  absl::Status restore(const std::vector<std::string>& states);

  // Where to append rows; call wrote() behind them.
  std::string& rows() {
    if (current_ == nullptr) [[unlikely]]
      begin_file();
    return buffer_;
  }
  void wrote() {
    if (buffer_.size() >= kBlockBytes) [[unlikely]]
      store_block();
    if (stored_ + buffer_.size() >= roll_bytes_ || has_time_limit_) [[unlikely]]
      roll_if_due();
  }

  void seal(runtime::CheckpointId id, std::string& state, runtime::IoWork& io);
  void commit(runtime::CheckpointId id, runtime::IoWork& io);
  absl::Status close();

 private:
  void begin_file();
  void store_block();
  void roll_if_due();
  void end_file();
  void adopt_ended(runtime::CheckpointId id);
  std::string staged_name();
  bool check_failures();

  const StagedOutputOptions options_;
  const std::uint64_t roll_bytes_;
  const bool has_time_limit_;
  SinkContext context_;
  std::shared_ptr<OutputFolder> folder_;  // also of the jobs in `io`

  std::string buffer_;                   // rows that are not in the file yet
  std::uint64_t stored_ = 0;             // bytes of the current file in front of buffer_
  std::shared_ptr<StagedFile> current_;  // null: none begun
  runtime::ContentHasher hasher_;        // of the current file
  runtime::MonotonicTime begun_at_{0};
  std::vector<std::shared_ptr<StagedFile>> ended_;    // since the last seal
  std::vector<std::shared_ptr<StagedFile>> pending_;  // sealed, not known to be committed
  std::uint64_t sequence_ = 0;                        // of staged names
  runtime::CheckpointId last_sealed_{0};
};

}  // namespace weir::operators
