// CsvRows<T>, NdjsonRows<T>: records to lines of text, column by column (row_columns.h). What a
// file sink or print() writes. Values; encoding is const, any thread.
#pragma once

#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

#include "weir/operators/files/row_columns.h"
#include "weir/operators/text/cell.h"
#include "weir/operators/text/csv_options.h"
#include "weir/operators/text/json_write.h"

namespace weir::operators {

// How rows are spelled.
struct RowOptions {
  bool header = false;   // CSV: a first line with the names of the columns
  TimeFormat time = {};  // of EventTime; not set = ISO 8601 in UTC
  std::vector<std::pair<std::string, TimeFormat>> time_of = {};  // columns that differ, by name
  bool window_end = true;               // results of windows: whether their end is a column, too
  std::vector<std::string> names = {};  // of the columns, in order, in place of the derived ones
  char delimiter = ',';
  char quote = '"';
};

// What is wrong with `options` for rows with these columns; empty if nothing is.
std::string row_options_fault(const RowOptions& options, const std::vector<std::string>& columns);
// The columns' names as the program wants them.
std::vector<std::string> chosen_names(const RowOptions& options, std::vector<std::string> columns);
// The format of each column.
std::vector<TimeFormat> column_times(const RowOptions& options,
                                     const std::vector<std::string>& columns);
std::string csv_header(const std::vector<std::string>& names, char delimiter, char quote);

template <class T>
class CsvRows {
 public:
  static constexpr const char* kEnding = ".csv";
  static constexpr const char* kKind = "csv_files";

  explicit CsvRows(const RowOptions& options)
      : delimiter_(options.delimiter),
        quote_(options.quote),
        window_end_(options.window_end),
        names_(chosen_names(options, column_names<T>(options.window_end))),
        times_(column_times(options, names_)),
        has_header_(options.header) {}

  static std::string fault(const RowOptions& options) {
    return row_options_fault(options, column_names<T>(options.window_end));
  }
  std::string preface() const { return has_header_ ? csv_header(names_, delimiter_, quote_) : ""; }

  void append(std::string& out, const T& row) const {
    const bool is_sole = times_.size() == 1;
    std::size_t column = 0;
    RowColumns<T>::for_each(row, window_end_, [&]<class V>(std::string_view, int, const V& value) {
      static_assert(CellType<V>,
                    "a value of these records cannot be one column of a CSV file (columns are "
                    "numbers, bool, char, enums, strings, EventTime, durations and optionals of "
                    "these): map the stream to a WEIR_RECORD type, or use ndjson_files");
      append_cell(out, value, times_[column++], delimiter_, quote_, is_sole);
      out += delimiter_;
    });
    out.back() = '\n';
  }

 private:
  char delimiter_;
  char quote_;
  bool window_end_;
  std::vector<std::string> names_;
  std::vector<TimeFormat> times_;
  bool has_header_;
};

template <class T>
class NdjsonRows {
 public:
  static constexpr const char* kEnding = ".ndjson";
  static constexpr const char* kKind = "ndjson_files";

  explicit NdjsonRows(const RowOptions& options)
      : window_end_(options.window_end),
        names_(chosen_names(options, column_names<T>(options.window_end))),
        times_{options.time, options.time_of} {}

  static std::string fault(const RowOptions& options) {
    return row_options_fault(options, column_names<T>(options.window_end));
  }
  std::string preface() const { return ""; }

  void append(std::string& out, const T& row) const {
    std::size_t column = 0;
    RowColumns<T>::for_each(row, window_end_, [&]<class V>(std::string_view, int, const V& value) {
      static_assert(JsonType<V>,
                    "a value of these records has no form in JSON (weir/operators/text/"
                    "json_types.h): map the stream to a WEIR_RECORD type");
      out += column == 0 ? '{' : ',';
      append_json_string(out, names_[column]);
      out += ':';
      write_json(out, value, names_[column++], times_);
    });
    out += "}\n";
  }

 private:
  bool window_end_;
  std::vector<std::string> names_;
  JsonTimes times_;
};

}  // namespace weir::operators
