#include "arguments.h"

#include <cstdio>
#include <fstream>

namespace weir::bench {
namespace {

void warn_if_busy() {
  double load = 0;
  std::ifstream("/proc/loadavg") >> load;
  if (load > 0.5) {
    std::printf("Warning: the machine is busy (load %.2f); figures beside other work mislead.\n",
                load);
  }
}

}  // namespace

int run_program(const char* name, int argc, char** argv,
                const std::function<void(const Arguments&, Report&)>& measure) {
  Arguments a;
  for (int i = 1; i < argc; ++i) {
    const std::string word = argv[i];
    if (word == "--quick") {
      a.is_quick = true;
    } else if (word == "--json" && i + 1 < argc) {
      a.json = argv[++i];
    } else if (word == "--only" && i + 1 < argc) {
      a.only = argv[++i];
    } else {
      std::printf("%s [--quick] [--json FILE] [--only PART-OF-A-WORKLOAD'S-NAME]\n", name);
      return word == "--help" ? 0 : 2;
    }
  }
  warn_if_busy();
  Report report;
  measure(a, report);
  std::printf("\n%d figures miss what is required.%s\n", report.below(),
              report.is_valid() ? "" : " Some are INVALID.");
  if (!a.json.empty() && !report.write_json(a.json)) {
    std::fprintf(stderr, "cannot write %s\n", a.json.c_str());
    return 1;
  }
  return report.is_valid() ? 0 : 1;
}

}  // namespace weir::bench
