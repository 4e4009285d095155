#include "weir/operators/files/row_encoder.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "weir/operators/text/csv_decoder.h"

namespace weir::operators {

std::string row_options_fault(const RowOptions& options, const std::vector<std::string>& columns) {
  const CsvOptions dialect{
      .dialect = {.delimiter = options.delimiter, .quote = options.quote, .header = false}};
  if (absl::Status status = check_csv_options("the rows", {}, dialect); !status.ok()) {
    return std::string(status.message());
  }
  if (options.quote == '\0') return "rows cannot be written without a quote; set .quote = '\"'";
  if (!options.names.empty() && options.names.size() != columns.size()) {
    return absl::StrCat(".names gives ", options.names.size(), " names for ", columns.size(),
                        " columns (", absl::StrJoin(columns, ", "), ")");
  }
  const std::vector<std::string> names = chosen_names(options, columns);
  for (const auto& [name, format] : options.time_of) {
    if (std::find(names.begin(), names.end(), name) != names.end()) continue;
    return absl::StrCat("time_of names the column \"", name, "\"; the columns are ",
                        absl::StrJoin(names, ", "));
  }
  return options.time.problem();
}

std::vector<std::string> chosen_names(const RowOptions& options, std::vector<std::string> columns) {
  return options.names.size() == columns.size() ? options.names : std::move(columns);
}

std::vector<TimeFormat> column_times(const RowOptions& options,
                                     const std::vector<std::string>& columns) {
  std::vector<TimeFormat> times;
  for (const std::string& column : columns) {
    const auto own = std::find_if(options.time_of.begin(), options.time_of.end(),
                                  [&](const auto& entry) { return entry.first == column; });
    times.push_back(own == options.time_of.end() ? options.time : own->second);
  }
  return times;
}

std::string csv_header(const std::vector<std::string>& names, char delimiter, char quote) {
  std::string line;
  for (const std::string& name : names) {
    append_text_cell(line, name, delimiter, quote, false);
    line += delimiter;
  }
  line.back() = '\n';
  return line;
}

}  // namespace weir::operators
