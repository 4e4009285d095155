#include "weir/operators/text/csv_decoder.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "excerpt.h"

namespace weir::operators {
namespace {

absl::Status check_dialect(const CsvDialect& dialect) {
  const char d = dialect.delimiter;
  const bool alphanumeric =
      (d >= '0' && d <= '9') || (d >= 'a' && d <= 'z') || (d >= 'A' && d <= 'Z');
  if (alphanumeric || d == '\n' || d == '\r' || d == '\0' || d == '-' || d == '+' || d == '.') {
    return absl::InvalidArgumentError(
        absl::StrCat("CSV delimiter ", excerpt(std::string_view(&d, 1)),
                     " can be part of a number or of a line end; use ',', ';', '|' or a tab"));
  }
  if (dialect.quote == d || dialect.quote == '\n' || dialect.quote == '\r') {
    return absl::InvalidArgumentError(
        "the CSV quote must differ from the delimiter and from line ends; use '\"', or '\\0' for "
        "none");
  }
  return absl::OkStatus();
}

std::string names_of(std::span<const CsvField> fields) {
  return absl::StrJoin(fields, ", ",
                       [](std::string* out, const CsvField& field) { out->append(field.name); });
}

bool has_field(std::span<const CsvField> fields, std::string_view name) {
  return std::any_of(fields.begin(), fields.end(),
                     [&](const CsvField& field) { return field.name == name; });
}

}  // namespace

absl::Status check_csv_options(std::string_view record, std::span<const CsvField> fields,
                               const CsvOptions& options) {
  if (absl::Status status = check_dialect(options.dialect); !status.ok()) return status;
  for (const auto& [name, format] : options.time_of) {
    if (has_field(fields, name)) continue;
    return absl::InvalidArgumentError(absl::StrCat("time_of names the field \"", name, "\", but ",
                                                   std::string(record), " has the fields ",
                                                   names_of(fields)));
  }
  for (const CsvField& field : fields) {
    if (!field.is_time) continue;
    const TimeFormat& format = options.time_for(field.name);
    const std::string where =
        absl::StrCat("field ", std::string(field.name), " of ", std::string(record));
    if (!format.is_set()) {
      return absl::InvalidArgumentError(absl::StrCat(
          where,
          " is an EventTime, and nothing says how the file spells it; set for instance "
          ".time = weir::TimeFormat::seconds() (or millis, micros, iso8601)"));
    }
    if (const std::string problem = format.problem(); !problem.empty()) {
      return absl::InvalidArgumentError(absl::StrCat(where, ": ", problem));
    }
  }
  return absl::OkStatus();
}

absl::StatusOr<std::vector<CsvColumn>> bind_csv_columns(std::string_view record,
                                                        std::span<const CsvField> fields,
                                                        const std::vector<std::string>* header,
                                                        const CsvOptions& options) {
  absl::Status status = check_csv_options(record, fields, options);
  if (!status.ok()) return status;
  std::vector<CsvColumn> columns;
  std::vector<std::string> missing;
  for (const CsvField& field : fields) {
    std::size_t index = columns.size() + missing.size();
    if (header != nullptr) {
      const auto found = std::find(header->begin(), header->end(), field.name);
      if (found == header->end()) {
        missing.emplace_back(field.name);
        continue;
      }
      if (std::find(found + 1, header->end(), field.name) != header->end()) {
        return absl::InvalidArgumentError(absl::StrCat("the header has two columns named \"",
                                                       std::string(field.name),
                                                       "\"; rename one of them"));
      }
      index = static_cast<std::size_t>(found - header->begin());
    }
    columns.push_back({index, options.time_for(field.name)});
  }
  if (missing.empty()) return columns;
  return absl::InvalidArgumentError(absl::StrCat(
      missing.size() == 1 ? "the header has no column \"" : "the header has no columns \"",
      absl::StrJoin(missing, "\", \""), "\", which ", std::string(record), " needs; it has ",
      excerpt(absl::StrJoin(*header, ", "), 400),
      ". Rename the columns or the fields, or set dialect.header = false if the first line is "
      "data; a ",
      "wrong dialect.delimiter also looks like this"));
}

std::string describe_cell_fault(CellFault fault, std::string_view field, std::size_t column,
                                std::string_view raw, const std::string& wanted) {
  const std::string where = absl::StrCat("column ", column + 1, " (", std::string(field), ")");
  const std::string shown = excerpt(raw);
  switch (fault) {
    case CellFault::kEmpty: return absl::StrCat(where, " is empty; it must be ", wanted);
    case CellFault::kOutOfRange:
      return absl::StrCat(where, ": ", shown, " is out of range; it must be ", wanted);
    case CellFault::kNoZone:
      return absl::StrCat(where, ": ", shown,
                          " has no offset from UTC; write one behind it (Z, +02:00) or ",
                          "say the zone: TimeFormat::iso8601(weir::kUtc)");
    case CellFault::kTooLong:
      return absl::StrCat(where, ": ", shown, " is too long; it must be ", wanted);
    case CellFault::kBadQuotes:
      return absl::StrCat(where, ": ", shown,
                          " has text behind its closing quote; double the quotes that "
                          "belong to the text");
    default: return absl::StrCat(where, ": ", shown, " is not ", wanted);
  }
}

std::string describe_cell_count(std::size_t found, std::size_t wanted,
                                const std::vector<std::string>& header) {
  std::string out =
      absl::StrCat(found, found == 1 ? " column" : " columns", " instead of ", wanted);
  if (!header.empty()) absl::StrAppend(&out, " (", excerpt(absl::StrJoin(header, ", "), 400), ")");
  return out;
}

}  // namespace weir::operators
