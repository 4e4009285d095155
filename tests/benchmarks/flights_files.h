// Workload F: a file of flights to files of results, counts and delays per origin and hour.
#pragma once

#include <string>

#include "weir_jobs.h"

namespace weir::bench {

// Writes `copies` times the flights of `source` (.csv.gz) to `file`, each copy three weeks after
// the one before. Returns the records written; ends the process if it cannot.
std::uint64_t write_flights(const std::string& source, int copies, const std::string& file);

// One program: fread, a parser and a table by hand, fwrite to `folder`.
void hand_flights(const std::string& file, const std::string& folder);
void weir_flights(const std::string& file, const std::string& folder, JobOptions options);

// The lines of all .csv files in `folder`, in any order.
Tally tally_of_lines(const std::string& folder);

}  // namespace weir::bench
