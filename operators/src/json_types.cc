#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "excerpt.h"
#include "weir/operators/text/json_read.h"
#include "weir/operators/text/ndjson.h"

namespace weir::operators {

bool JsonRead::wrong(const JsonValue& in, const std::string& wanted, CellFault fault) {
  const std::string shown = excerpt(in.text());
  switch (fault) {
    case CellFault::kOutOfRange:
      error_ = absl::StrCat(shown, " is out of range; it must be ", wanted);
      break;
    case CellFault::kNoZone:
      error_ = absl::StrCat(shown,
                            " has no offset from UTC; write one behind it (Z, +02:00) or say the ",
                            "zone: TimeFormat::iso8601(weir::kUtc)");
      break;
    case CellFault::kTooLong:
      error_ = absl::StrCat(shown, " is too long; it must be ", wanted);
      break;
    default: error_ = absl::StrCat(shown, " is not ", wanted);
  }
  return false;
}

void JsonRead::add_to_path(std::string_view name) {
  if (!path_.empty() && path_[0] != '[') path_.insert(0, ".");
  path_.insert(0, name);
}

absl::Status check_ndjson_options(std::string_view record,
                                  const std::vector<std::string>& time_fields,
                                  const NdjsonOptions& options) {
  for (const auto& [name, format] : options.time_of) {
    if (std::find(time_fields.begin(), time_fields.end(), name) != time_fields.end()) continue;
    return absl::InvalidArgumentError(
        absl::StrCat("time_of names \"", name, "\", but ", std::string(record),
                     " has no EventTime field of that name", time_fields.empty() ? "" : "; it has ",
                     absl::StrJoin(time_fields, ", ")));
  }
  const JsonTimes times{options.time, options.time_of};
  for (const std::string& name : time_fields) {
    const TimeFormat& format = times.of(name);
    if (format.is_set() && format.problem().empty()) continue;
    return absl::InvalidArgumentError(absl::StrCat(
        "field ", name, " of ", std::string(record),
        format.is_set() ? absl::StrCat(": ", format.problem())
                        : " is an EventTime, and nothing says how the text spells it; set for "
                          "instance .time = weir::TimeFormat::millis() (or seconds, micros, "
                          "iso8601)"));
  }
  return absl::OkStatus();
}

}  // namespace weir::operators
