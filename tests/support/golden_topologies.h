// The topologies whose results were computed by other means (tests/data/golden), so that they can
// run embedded and on a cluster. What becomes of the lines of text they make is the caller's.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "weir/operators/stream.h"

namespace weir::tests {

// A topology and the files, under tests/data/golden, that hold its lines in bytewise order.
struct Golden {
  std::string_view name;
  std::string_view lines;
  std::string_view side_lines;  // of late records; empty: there are none
};
inline constexpr Golden kGoldens[] = {
    {"flights-a", "flights-a-tumbling-1h.csv.gz", ""},
    {"flights-b", "flights-b-tumbling-1h-wm30m.csv.gz", "flights-b-late-1h-wm30m.csv"},
    {"flights-c", "flights-c-sliding-24h-1min.csv.gz", ""},
    {"flights-e", "flights-e-top5-6h.csv", ""},
    {"quakes-a", "earthquakes-a-tumbling-6h.csv", ""},
    {"quakes-b", "earthquakes-b-tumbling-6h-wm24h.csv", ""},
};

// The lines of a golden file under the folder `data`, plain or .gz; none if it has no name.
std::vector<std::string> golden_lines(const std::string& data, std::string_view name);

// Puts a sink of that name behind a stream of lines.
using LineEnd = std::function<void(Stream<std::string, true>, const std::string& name)>;

// Builds the topology `name` over the files in `data` (a folder, with a slash at its end).
void build_golden(runtime::Topology& t, std::string_view name, const std::string& data,
                  const LineEnd& end, const LineEnd& end_side);

}  // namespace weir::tests
