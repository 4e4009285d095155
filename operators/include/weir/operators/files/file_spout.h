// csv_file, ndjson_file, text_lines and their folders: spouts that read files.
//
//   t.spout("flights", weir::csv_file<Flight>("flights", {.time = weir::TimeFormat::seconds()}))
//
// The path of a file is one partition; the path of a folder is one partition per file in it. Plain
// or .gz. With `.follow` the file (or the folder: then one partition, read file after file by name)
// may grow. Positions are offset and line, with a fingerprint: a file that was replaced is refused
// on a restart. Guide: docs/guide/files.md.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "weir/operators/files/file_cursor.h"
#include "weir/operators/files/file_set.h"
#include "weir/operators/spout.h"
#include "weir/operators/text/csv_reader.h"
#include "weir/operators/text/line_reader.h"
#include "weir/operators/text/ndjson.h"

namespace weir::operators {

struct CsvFileOptions {
  bool header = true;    // the first line names the columns; otherwise they come in field order
  TimeFormat time = {};  // how EventTime fields are spelled; must be set if there is one
  std::vector<std::pair<std::string, TimeFormat>> time_of = {};  // fields that differ, by name
  char delimiter = ',';
  char quote = '"';  // '\0': quotes mean nothing
  OnBadRecord on_bad = OnBadRecord::kFail;
  std::string bad_stream = "bad";  // with kSideOutput: the side stream of BadRecords
  double max_rate = 0;             // records per second over all partitions; 0 = no limit
  bool follow = false;             // the file, or the folder, grows
  runtime::MonotonicTime look_every = std::chrono::milliseconds(100);  // with follow
  bool allow_empty = false;  // a file of zero bytes is no error
  std::size_t max_record_bytes = std::size_t{64} << 20;

  CsvOptions format() const {
    return {.dialect = {.delimiter = delimiter, .quote = quote, .header = header},
            .time = time,
            .time_of = time_of,
            .refuse_empty = !allow_empty && !follow,
            .max_record_bytes = max_record_bytes};
  }
  FileReading reading() const { return {on_bad, bad_stream, max_rate, follow, look_every}; }
};

struct NdjsonFileOptions {
  TimeFormat time = {};
  std::vector<std::pair<std::string, TimeFormat>> time_of = {};
  OnBadRecord on_bad = OnBadRecord::kFail;
  std::string bad_stream = "bad";
  double max_rate = 0;
  bool follow = false;
  runtime::MonotonicTime look_every = std::chrono::milliseconds(100);
  std::size_t max_record_bytes = std::size_t{64} << 20;

  NdjsonOptions format() const { return {time, time_of, max_record_bytes}; }
  FileReading reading() const { return {on_bad, bad_stream, max_rate, follow, look_every}; }
};

struct TextFileOptions {
  double max_rate = 0;
  bool follow = false;
  runtime::MonotonicTime look_every = std::chrono::milliseconds(100);
  std::size_t max_record_bytes = std::size_t{64} << 20;

  FileReading reading() const { return {OnBadRecord::kFail, "", max_rate, follow, look_every}; }
};

// --- formats: what makes a reader of records out of a file
// -----------------------------------------

template <runtime::Reflected T>
struct CsvRecords {
  static constexpr const char* kKind = "csv_file";
  CsvOptions options;

  static FileKind files() { return {"CSV", {".csv", ".csv.gz"}}; }
  std::string fault() const { return std::string(CsvDecoder<T>::check(options).message()); }
  std::unique_ptr<RecordReader<T>> reader(std::unique_ptr<ByteSource> source,
                                          TextPosition start) const {
    return std::make_unique<CsvReader<T>>(std::move(source), options, start);
  }
};

template <runtime::Reflected T>
struct NdjsonRecords {
  static constexpr const char* kKind = "ndjson_file";
  NdjsonOptions options;

  static FileKind files() { return {"NDJSON", {".ndjson", ".jsonl", ".ndjson.gz", ".jsonl.gz"}}; }
  std::string fault() const { return std::string(check_ndjson<T>(options).message()); }
  std::unique_ptr<RecordReader<T>> reader(std::unique_ptr<ByteSource> source,
                                          TextPosition start) const {
    return std::make_unique<NdjsonReader<T>>(std::move(source), options, start);
  }
};

struct LineRecords {
  static constexpr const char* kKind = "text_lines";
  std::size_t max_record_bytes = LineReader::kMaxLine;

  static FileKind files() { return {"text", {}}; }
  std::string fault() const { return ""; }
  std::unique_ptr<RecordReader<std::string>> reader(std::unique_ptr<ByteSource> source,
                                                    TextPosition start) const {
    return std::make_unique<LineReader>(std::move(source), start, max_record_bytes);
  }
};

// --- the spout
// --------------------------------------------------------------------------------------

template <class T, class Format>
class FileSpout : public Spout<T> {
 public:
  using Position = FilePosition;
  using Side = BadRecord;

  FileSpout(std::string path, Format format, FileReading reading, FileSet::Expect expect)
      : set_(FileSet::find(std::move(path), Format::files(), reading.follow, expect)),
        format_(std::move(format)),
        reading_(std::move(reading)) {}

  std::uint32_t partitions() const {
    if (reading_.follow || set_.names().empty()) return 1;
    return static_cast<std::uint32_t>(set_.names().size());
  }
  const char* kind() const { return Format::kKind; }
  std::string describe() const { return set_.describe() + (reading_.follow ? ", followed" : ""); }
  std::string fault() const {
    std::string text = set_.fault();
    for (const std::string& more : {format_.fault(), reading_.fault()}) {
      if (!more.empty()) text += (text.empty() ? "" : "; ") + more;
    }
    return text;
  }
  std::string side_stream() const {
    return reading_.on_bad == OnBadRecord::kSideOutput ? reading_.bad_stream : "";
  }

  absl::Status open(const SpoutContext& context, const Position* resume) {
    running_ = std::make_shared<Running>(FileCursor(set_, reading_));
    return running_->cursor.open(context, resume);
  }

  Poll poll(SpoutOutput<T>& out, SpoutOutput<BadRecord>& bad) {
    auto& [cursor, reader] = *running_;
    Poll poll = Poll::more();
    if (reader == nullptr) {
      TextPosition start;
      std::unique_ptr<ByteSource> source = cursor.open_file(start, poll);
      if (source == nullptr) return poll;
      reader = format_.reader(std::move(source), start);
    }
    const std::uint32_t due = cursor.due(out.room(), poll);
    if (due == 0) return poll;
    std::uint32_t kept = 0;
    const ReadStep step = read_records(*reader, due, cursor.bad_records(), out, bad, kept);
    bool is_over = false;
    poll = cursor.after(step, kept, *reader, is_over);
    if (is_over) reader.reset();
    return poll;
  }

  Position position() const { return running_->cursor.position(running_->reader.get()); }

 private:
  struct Running {
    FileCursor cursor;
    std::unique_ptr<RecordReader<T>> reader;
    explicit Running(FileCursor c) : cursor(std::move(c)) {}
  };

  FileSet set_;
  Format format_;
  FileReading reading_;
  std::shared_ptr<Running> running_;  // of this copy alone, from open() on
};

// --- the words
// --------------------------------------------------------------------------------------

// Records of a CSV file, or of all .csv and .csv.gz files of a folder.
template <runtime::Reflected T>
FileSpout<T, CsvRecords<T>> csv_file(std::string path, const CsvFileOptions& options = {}) {
  return {std::move(path), {options.format()}, options.reading(), FileSet::Expect::kFileOrFolder};
}
template <runtime::Reflected T>
FileSpout<T, CsvRecords<T>> csv_folder(std::string path, const CsvFileOptions& options = {}) {
  return {std::move(path), {options.format()}, options.reading(), FileSet::Expect::kFolder};
}
// Records of an NDJSON file, or of all .ndjson and .jsonl files (.gz or not) of a folder.
template <runtime::Reflected T>
FileSpout<T, NdjsonRecords<T>> ndjson_file(std::string path,
                                           const NdjsonFileOptions& options = {}) {
  return {std::move(path), {options.format()}, options.reading(), FileSet::Expect::kFileOrFolder};
}
template <runtime::Reflected T>
FileSpout<T, NdjsonRecords<T>> ndjson_folder(std::string path,
                                             const NdjsonFileOptions& options = {}) {
  return {std::move(path), {options.format()}, options.reading(), FileSet::Expect::kFolder};
}
// Lines of a file, or of all files of a folder.
inline FileSpout<std::string, LineRecords> text_lines(std::string path,
                                                      const TextFileOptions& options = {}) {
  return {std::move(path),
          {options.max_record_bytes},
          options.reading(),
          FileSet::Expect::kFileOrFolder};
}

}  // namespace weir::operators

namespace weir {
using operators::csv_file;
using operators::csv_folder;
using operators::CsvFileOptions;
using operators::ndjson_file;
using operators::ndjson_folder;
using operators::NdjsonFileOptions;
using operators::text_lines;
using operators::TextFileOptions;
}  // namespace weir
