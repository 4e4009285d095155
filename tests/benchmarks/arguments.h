// What every benchmark program is told, and how it ends.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "report.h"

namespace weir::bench {

struct Arguments {
  bool is_quick = false;
  std::string json;
  std::string only;  // a part of the workload's name

  int times() const { return is_quick ? 5 : 7; }
  std::uint64_t records(std::uint64_t quick) const { return is_quick ? quick : quick * 4; }
  bool wants(const std::string& workload) const {
    return only.empty() || workload.find(only) != std::string::npos;
  }
};

// Reads [--quick] [--json FILE] [--only PART-OF-A-WORKLOAD'S-NAME], calls `measure`, says how many
// figures miss what is required, and writes the file. The exit code.
int run_program(const char* name, int argc, char** argv,
                const std::function<void(const Arguments&, Report&)>& measure);

}  // namespace weir::bench
