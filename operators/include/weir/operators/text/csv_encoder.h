// CsvEncoder<T>: records of a WEIR_RECORD type to lines of CSV that CsvDecoder<T> reads back.
//
// Cells are quoted only where they must be; numbers are written in their shortest form that reads
// back the same; lines end with LF. An empty optional in a record with one field becomes an empty
// line, which readers skip. Appends to a string of the caller. A value; encoding is const, any
// thread.
#pragma once

#include <array>
#include <cstddef>
#include <string>
#include <tuple>
#include <utility>

#include "absl/status/status.h"
#include "weir/operators/text/cell.h"
#include "weir/operators/text/csv_decoder.h"
#include "weir/operators/text/csv_options.h"
#include "weir/runtime/record.h"

namespace weir::operators {

template <runtime::Reflected T>
class CsvEncoder {
 public:
  static constexpr std::size_t kFields = runtime::kFieldCount<T>;
  static_assert(kFields > 0, "a record for CSV needs at least one field");

  // Whether `options` suit T and can be written.
  static absl::Status check(const CsvOptions& options) {
    if (options.dialect.quote == '\0') {
      return absl::InvalidArgumentError(
          "CSV cannot be written without a quote; set dialect.quote = '\"'");
    }
    return check_csv_options(runtime::record_name<T>(), csv_fields<T>(), options);
  }

  // `options` have passed check().
  explicit CsvEncoder(const CsvOptions& options) : dialect_(options.dialect) {
    std::size_t i = 0;
    runtime::for_each_field_of<T>(
        [&](const auto& field) { times_[i++] = options.time_for(field.name); });
  }

  // The line with the names of the columns, whether or not the dialect has one.
  void append_header(std::string& out) const {
    runtime::for_each_field_of<T>([&](const auto& field) {
      append_text_cell(out, field.name, dialect_.delimiter, dialect_.quote, false);
      out += dialect_.delimiter;
    });
    out.back() = '\n';
  }
  void append(std::string& out, const T& record) const {
    append_cells(out, record, std::make_index_sequence<kFields>());
    out.back() = '\n';
  }

 private:
  template <std::size_t... I>
  void append_cells(std::string& out, const T& record, std::index_sequence<I...>) const {
    constexpr auto kAll = runtime::record_fields<T>();
    ((append_cell(out, record.*(std::get<I>(kAll).pointer), times_[I], dialect_.delimiter,
                  dialect_.quote, kFields == 1),
      out += dialect_.delimiter),
     ...);
  }

  CsvDialect dialect_;
  std::array<TimeFormat, kFields> times_;
};

}  // namespace weir::operators
