// CsvDecoder<T>: rows of CSV to records of a WEIR_RECORD type.
//
//   header line --bind()--> which column holds which field     once per file
//   CsvRow --decode()--> T                                     only the columns that T needs
//
// With a header, columns are found by name, in any order, and columns that T does not name are
// skipped; without one they are the fields in order. Every row must have as many cells as the
// header (or as T has fields). decode() allocates only where a string outgrows its capacity.
// A value; one thread at a time.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "weir/operators/text/cell.h"
#include "weir/operators/text/csv_options.h"
#include "weir/operators/text/csv_scanner.h"
#include "weir/operators/text/record_reader.h"
#include "weir/runtime/record.h"

namespace weir::operators {

// One field of a record as the untyped part of the CSV formats sees it.
struct CsvField {
  std::string_view name;
  bool is_time = false;
  std::string (*describe)(const TimeFormat&) = nullptr;
};

// Where a field is found and how it spells time.
struct CsvColumn {
  std::size_t index = 0;
  TimeFormat time;
};

// What is wrong with `options` for records with these fields, whatever the file.
absl::Status check_csv_options(std::string_view record, std::span<const CsvField> fields,
                               const CsvOptions& options);
// Finds each field in `header` (in field order if that is null).
absl::StatusOr<std::vector<CsvColumn>> bind_csv_columns(std::string_view record,
                                                        std::span<const CsvField> fields,
                                                        const std::vector<std::string>* header,
                                                        const CsvOptions& options);
std::string describe_cell_fault(CellFault fault, std::string_view field, std::size_t column,
                                std::string_view raw, const std::string& wanted);
std::string describe_cell_count(std::size_t found, std::size_t wanted,
                                const std::vector<std::string>& header);

// The columns of T for the untyped part.
template <runtime::Reflected T>
std::vector<CsvField> csv_fields() {
  std::vector<CsvField> fields;
  runtime::for_each_field_of<T>([&]<class F>(const F& field) {
    static_assert(
        CellType<typename F::Type>,
        "a field of this record cannot be one column of a CSV file (columns are numbers, bool, "
        "char, char arrays, enums, strings, EventTime, durations and optionals of these): "
        "leave it out of a record for CSV, or use NDJSON");
    fields.push_back(
        {field.name, kIsEventTime<typename F::Type>, &describe_cell<typename F::Type>});
  });
  return fields;
}

template <runtime::Reflected T>
class CsvDecoder {
 public:
  static constexpr std::size_t kFields = runtime::kFieldCount<T>;
  static_assert(kFields > 0, "a record for CSV needs at least one field");

  // Whether `options` suit T: for errors at the time the topology is checked.
  static absl::Status check(const CsvOptions& options) {
    return check_csv_options(runtime::record_name<T>(), csv_fields<T>(), options);
  }

  // For a file with this header.
  static absl::StatusOr<CsvDecoder> bind(std::vector<std::string> header,
                                         const CsvOptions& options) {
    return make(&header, options);
  }
  // For a file without one.
  static absl::StatusOr<CsvDecoder> bind_by_position(const CsvOptions& options) {
    return make(nullptr, options);
  }

  // Reads `row` into `record`, whose memory is reused. If false, error() says why and the content
  // of `record` is unspecified.
  [[nodiscard]] bool decode(const CsvRow& row, T& record) {
    if (row.cells() != cells_) [[unlikely]] {
      error_.what = describe_cell_count(row.cells(), cells_, header_);
      return false;
    }
    return decode_fields(row, record, std::make_index_sequence<kFields>());
  }
  const DecodeError& error() const { return error_; }

 private:
  static absl::StatusOr<CsvDecoder> make(std::vector<std::string>* header,
                                         const CsvOptions& options) {
    const std::vector<CsvField> fields = csv_fields<T>();
    absl::StatusOr<std::vector<CsvColumn>> columns =
        bind_csv_columns(runtime::record_name<T>(), fields, header, options);
    if (!columns.ok()) return columns.status();
    CsvDecoder decoder;
    decoder.quote_ = options.dialect.quote;
    decoder.cells_ = header != nullptr ? header->size() : kFields;
    for (std::size_t i = 0; i < kFields; ++i) decoder.columns_[i] = (*columns)[i];
    if (header != nullptr) decoder.header_ = std::move(*header);
    return decoder;
  }

  template <std::size_t... I>
  bool decode_fields(const CsvRow& row, T& record, std::index_sequence<I...>) {
    constexpr auto kAll = runtime::record_fields<T>();
    return (decode_field<I>(row, record.*(std::get<I>(kAll).pointer)) && ...);
  }

  template <std::size_t I, class Member>
  bool decode_field(const CsvRow& row, Member& member) {
    const CsvColumn& column = columns_[I];
    CellText cell{row.raw(column.index)};
    CellFault fault = CellFault::kNone;
    if (!cell.text.empty() && cell.text.front() == quote_ && quote_ != '\0') [[unlikely]] {
      fault = unquote(cell.text, quote_, scratch_, cell);
    }
    if (fault == CellFault::kNone) fault = parse_cell(cell, member, column.time);
    if (fault == CellFault::kNone) [[likely]]
      return true;
    const std::string_view name = std::get<I>(runtime::record_fields<T>()).name;
    error_.what = describe_cell_fault(fault, name, column.index, row.raw(column.index),
                                      describe_cell<Member>(column.time));
    return false;
  }

  std::array<CsvColumn, kFields> columns_;
  std::size_t cells_ = 0;
  char quote_ = '"';
  std::vector<std::string> header_;
  std::string scratch_;
  DecodeError error_;
};

}  // namespace weir::operators
