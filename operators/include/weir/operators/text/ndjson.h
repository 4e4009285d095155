// NDJSON: one JSON object per line.
//
//   {"departed":979862460,"origin":"LAS","delay_min":-9}     <->     a record of WEIR_RECORD
//
// Fields are found by name in any order; fields that the record does not name are skipped; one that
// is missing is an error unless it is optional. Types: json_types.h. Empty lines are skipped.
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "weir/operators/text/json_read.h"
#include "weir/operators/text/json_types.h"
#include "weir/operators/text/json_write.h"
#include "weir/operators/text/line_reader.h"
#include "weir/operators/text/record_reader.h"
#include "weir/runtime/record.h"

namespace weir::operators {

struct NdjsonOptions {
  TimeFormat time = {};  // of every EventTime; must be set if there is one
  // Fields that spell time in another way, by name, wherever they stand.
  std::vector<std::pair<std::string, TimeFormat>> time_of = {};
  std::size_t max_record_bytes = std::size_t{64} << 20;  // 1 KiB to 1 GiB
};

// What is wrong with `options` for a record whose EventTime fields have these names.
absl::Status check_ndjson_options(std::string_view record,
                                  const std::vector<std::string>& time_fields,
                                  const NdjsonOptions& options);

// Adds the names of the fields that are or hold an EventTime.
template <class T>
void collect_time_fields(std::string_view field, std::vector<std::string>& out) {
  if constexpr (std::is_same_v<T, runtime::EventTime>) {
    out.emplace_back(field);
  } else if constexpr (runtime::Reflected<T>) {
    runtime::for_each_field_of<T>([&]<class F>(const F& f) {
      static_assert(
          JsonType<typename F::Type>,
          "a field of this record has no form in JSON; the types that have one are listed in "
          "weir/operators/text/json_types.h");
      collect_time_fields<typename F::Type>(f.name, out);
    });
  } else if constexpr (JsonMap<T>) {
    collect_time_fields<typename T::mapped_type>(field, out);
  } else if constexpr (JsonList<T> || kIsOptional<T>) {
    collect_time_fields<typename T::value_type>(field, out);
  }
}

// Whether `options` suit T: for errors at the time the topology is checked.
template <runtime::Reflected T>
absl::Status check_ndjson(const NdjsonOptions& options) {
  std::vector<std::string> time_fields;
  collect_time_fields<T>({}, time_fields);
  return check_ndjson_options(runtime::record_name<T>(), time_fields, options);
}

// One JSON text to one record. One thread.
template <runtime::Reflected T>
class NdjsonDecoder {
 public:
  explicit NdjsonDecoder(const NdjsonOptions& options)
      : times_(std::make_unique<JsonTimes>(JsonTimes{options.time, options.time_of})),
        read_(*times_) {}

  // `line` has JsonParser::kPadding readable bytes behind it.
  [[nodiscard]] bool decode_padded(std::string_view line, T& record) {
    JsonValue root;
    if (!parser_.parse(line, root)) {
      error_.what = parser_.error();
      return false;
    }
    if (read_.read(root, record)) [[likely]]
      return true;
    error_.what = read_.error();
    return false;
  }
  [[nodiscard]] bool decode(std::string_view line, T& record) {
    padded_.assign(line).append(JsonParser::kPadding, '\0');
    return decode_padded(std::string_view(padded_).substr(0, line.size()), record);
  }
  const DecodeError& error() const { return error_; }

 private:
  std::unique_ptr<const JsonTimes> times_;  // where read_ refers to
  JsonRead read_;
  JsonParser parser_;
  std::string padded_;
  DecodeError error_;
};

// Records to lines. A value; encoding is const, any thread.
template <runtime::Reflected T>
class NdjsonEncoder {
 public:
  explicit NdjsonEncoder(const NdjsonOptions& options) : times_{options.time, options.time_of} {}
  void append(std::string& out, const T& record) const {
    write_json(out, record, {}, times_);
    out += '\n';
  }

 private:
  JsonTimes times_;
};

// The records of one NDJSON file.
template <runtime::Reflected T>
class NdjsonReader final : public RecordReader<T> {
 public:
  explicit NdjsonReader(std::unique_ptr<ByteSource> source, const NdjsonOptions& options,
                        TextPosition start = {})
      : file_(std::move(source), options.max_record_bytes, start), decoder_(options) {
    if (absl::Status status = check_ndjson<T>(options); !status.ok()) file_.fail(status);
  }

  ReadStep next(T& record) {
    do {
      const ReadStep step = file_.next(line_);
      if (step != ReadStep::kRecord) return step;
    } while (line_.find_first_not_of(" \t") == std::string_view::npos);
    return decoder_.decode_padded(line_, record) ? ReadStep::kRecord : ReadStep::kBadRecord;
  }
  ReadStep read(std::span<T> records, std::size_t& count) override {
    for (count = 0; count < records.size(); ++count) {
      const ReadStep step = next(records[count]);
      if (step != ReadStep::kRecord) return step;
    }
    return ReadStep::kRecord;
  }
  BadRecord bad_record() const override { return file_.bad_record(line_, decoder_.error().what); }
  const absl::Status& status() const override { return file_.status(); }
  TextPosition position() const override { return file_.position(); }

 private:
  LineFile file_;
  NdjsonDecoder<T> decoder_;
  std::string_view line_;
};

}  // namespace weir::operators

namespace weir {
using operators::NdjsonOptions;
}  // namespace weir
