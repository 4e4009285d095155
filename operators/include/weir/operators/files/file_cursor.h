// FileCursor: the part of a file spout that does not depend on the type of its records: which file
// is read, from where, what follows at its end, what happens to bad records, and the position.
//
//   open -> { open_file -> { due -> (reader reads) -> after }* -> file over }*
//
// A followed folder is one partition: its files one after another by name, each up to its end once
// a later one exists. Otherwise a partition is one file. Owned by one partition; task's thread
// only. Errors fail the attempt through SpoutContext::fail, with file and line.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "weir/operators/bad_records.h"
#include "weir/operators/files/file_set.h"
#include "weir/operators/files/pace.h"
#include "weir/operators/record_errors.h"
#include "weir/operators/spout.h"
#include "weir/operators/text/byte_source.h"
#include "weir/operators/text/record_reader.h"

namespace weir::operators {

// How a file spout reads, whatever the format.
struct FileReading {
  OnBadRecord on_bad = OnBadRecord::kFail;
  std::string bad_stream;
  double max_rate = 0;  // records per second over all partitions; 0 = no limit
  bool follow = false;
  runtime::MonotonicTime look_every{0};  // between two looks at a file that grows

  // What is wrong with it; empty if nothing is.
  std::string fault() const;
};

class FileCursor {
 public:
  FileCursor(FileSet set, FileReading reading)
      : set_(std::move(set)), reading_(std::move(reading)), bad_records_(reading_.on_bad) {}

  absl::Status open(const SpoutContext& context, const FilePosition* resume);

  // The file to read now, from `start` on; null if there is none: then `poll` is the answer.
  std::unique_ptr<ByteSource> open_file(TextPosition& start, Poll& poll);

  // How many records may be delivered now, at most `room`; if 0, `poll` is the answer.
  std::uint32_t due(std::uint32_t room, Poll& poll);
  BadRecordPolicy& bad_records() { return bad_records_; }
  // What follows `step` after `count` records; `is_over` tells that the reader has done its work.
  Poll after(ReadStep step, std::uint32_t count, const RecordReaderBase& reader, bool& is_over);

  FilePosition position(const RecordReaderBase* reader) const;

 private:
  bool reads_folder() const { return set_.is_folder() && reading_.follow; }
  absl::Status resume_at(const FilePosition& position);
  absl::Status check_partitions(const FilePosition& position) const;
  // The first name in the folder behind name_; empty if there is none.
  absl::StatusOr<std::string> later_file() const;
  Poll fail(absl::Status status);
  Poll look_again() const;
  Poll at_end(const RecordReaderBase& reader, bool& is_over);
  Poll at_end_for_now(const RecordReaderBase& reader, bool& is_over);

  const FileSet set_;
  const FileReading reading_;
  SpoutContext context_;
  Pace pace_;
  BadRecordPolicy bad_records_;

  std::string name_;  // of the file at hand
  mutable FileFingerprint print_;
  TextPosition start_;         // where to open it
  bool is_last_look_ = false;  // a later file exists: this one is read up to its end
  bool is_done_ = false;
  bool has_failed_ = false;
};

}  // namespace weir::operators
