// The records of tests/data/flights.csv.gz.
#pragma once

#include <cstdint>
#include <string>

#include "weir/weir.h"

namespace weir::tests {

struct Flight {
  EventTime departed;
  std::int32_t delay_min = 0;
  std::string origin;
};
WEIR_RECORD(Flight, departed, delay_min, origin);

}  // namespace weir::tests
