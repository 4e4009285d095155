// How a CSV file is spelled and what is expected of it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "weir/operators/text/time_format.h"

namespace weir::operators {

struct CsvDialect {
  char delimiter = ',';
  char quote = '"';    // doubled inside a quoted cell; '\0' = quotes mean nothing
  bool header = true;  // the first line names the columns; otherwise they come in field order
};

struct CsvOptions {
  CsvDialect dialect = {};
  TimeFormat time = {};  // of every EventTime field; must be set if there is one
  // Fields that spell time in another way: {{"updated", TimeFormat::iso8601()}}.
  std::vector<std::pair<std::string, TimeFormat>> time_of = {};
  // A file of zero bytes is an error, not a file of zero records.
  bool refuse_empty = false;
  // A record longer than this is an error (most often a quote that is never closed). 1 KiB to 1
  // GiB.
  std::size_t max_record_bytes = std::size_t{64} << 20;

  // The format for field `name`.
  const TimeFormat& time_for(std::string_view name) const {
    for (const auto& [field, format] : time_of) {
      if (field == name) return format;
    }
    return time;
  }
};

}  // namespace weir::operators

namespace weir {
using operators::CsvDialect;
using operators::CsvOptions;
}  // namespace weir
