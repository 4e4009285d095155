// csv_files, ndjson_files: sinks that write a stream to files of a folder, exactly once.
//
//   .sink("report", weir::csv_files("out", {.header = true, .time = weir::TimeFormat::seconds()}))
//
// Files appear when the checkpoint that covers their rows is complete, and never change afterwards:
// out/report-0000-000000000012-0000.csv is task 0, checkpoint 12. Records are WEIR_RECORD types,
// the engine's own results (windows, aggregates), or single values. How: staged_output.h; guide:
// docs/guide/files.md.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "weir/operators/files/row_encoder.h"
#include "weir/operators/files/staged_output.h"
#include "weir/operators/sink.h"

namespace weir::operators {

struct CsvFilesOptions {
  bool header = false;   // every file begins with the names of the columns
  TimeFormat time = {};  // how event times are written; not set = ISO 8601 in UTC
  std::vector<std::pair<std::string, TimeFormat>> time_of = {};  // columns that differ, by name
  bool window_end = true;               // results of windows: also write when the window ends
  std::vector<std::string> names = {};  // of the columns, in order, in place of the derived ones
  char delimiter = ',';
  char quote = '"';
  std::uint64_t roll_bytes = std::uint64_t{256} << 20;  // longer output goes on in another file
  runtime::MonotonicTime roll_interval{0};  // so does that of a longer time; 0 = no limit
  std::string ending = ".csv";

  RowOptions rows() const { return {header, time, time_of, window_end, names, delimiter, quote}; }
};

struct NdjsonFilesOptions {
  TimeFormat time = {};
  std::vector<std::pair<std::string, TimeFormat>> time_of = {};
  bool window_end = true;
  std::vector<std::string> names = {};
  std::uint64_t roll_bytes = std::uint64_t{256} << 20;
  runtime::MonotonicTime roll_interval{0};
  std::string ending = ".ndjson";

  RowOptions rows() const { return {false, time, time_of, window_end, names, ',', '"'}; }
};

// Rows of T, encoded by Rows, into files.
template <class T, class Rows>
class FileSink : public Sink<T> {
 public:
  static constexpr runtime::Delivery kDelivery = runtime::Delivery::kExactlyOnce;

  FileSink(const RowOptions& rows, StagedOutputOptions output)
      : fault_(Rows::fault(rows)), rows_(rows), options_(std::move(output)) {
    options_.preface = rows_.preface();
  }

  const char* kind() const { return Rows::kKind; }
  std::string describe() const { return options_.folder; }
  std::string fault() const { return fault_.empty() ? options_.fault() : fault_; }

  absl::Status open(const SinkContext& context) {
    output_ = std::make_shared<StagedOutput>(options_);
    return output_->open(context);
  }
  absl::Status restore(const std::vector<std::string>& states) { return output_->restore(states); }

  void write(const runtime::Batch<T>& batch) {
    const T* records = batch.records();
    const std::uint32_t n = batch.size();
    if (n == 0) return;
    std::string& out = output_->rows();
    for (std::uint32_t i = 0; i < n; ++i) rows_.append(out, records[i]);
    output_->wrote();
  }

  void seal(runtime::CheckpointId id, std::string& state, runtime::IoWork& io) {
    output_->seal(id, state, io);
  }
  void commit(runtime::CheckpointId id, runtime::IoWork& io) { output_->commit(id, io); }
  absl::Status close() { return output_ != nullptr ? output_->close() : absl::OkStatus(); }

 private:
  std::string fault_;
  Rows rows_;
  StagedOutputOptions options_;
  std::shared_ptr<StagedOutput> output_;  // of this copy alone, from open() on
};

// What csv_files() gives: the sink of whatever stream it ends.
struct CsvFiles {
  std::string folder;
  CsvFilesOptions options;

  template <class T>
  auto bind() const {
    return FileSink<T, CsvRows<T>>(
        options.rows(), {folder, options.ending, "", options.roll_bytes, options.roll_interval});
  }
};
struct NdjsonFiles {
  std::string folder;
  NdjsonFilesOptions options;

  template <class T>
  auto bind() const {
    return FileSink<T, NdjsonRows<T>>(
        options.rows(), {folder, options.ending, "", options.roll_bytes, options.roll_interval});
  }
};

// Files of CSV (of NDJSON) in `folder`, which is made if it is not there.
inline CsvFiles csv_files(std::string folder, CsvFilesOptions options = {}) {
  return {std::move(folder), std::move(options)};
}
inline NdjsonFiles ndjson_files(std::string folder, NdjsonFilesOptions options = {}) {
  return {std::move(folder), std::move(options)};
}

}  // namespace weir::operators

namespace weir {
using operators::csv_files;
using operators::CsvFilesOptions;
using operators::ndjson_files;
using operators::NdjsonFilesOptions;
}  // namespace weir
