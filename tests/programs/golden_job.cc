// One of the golden topologies as a program, for clusters: golden_job --which flights-b --data DIR/
// --output DIR. Lines go to CSV files of one column, those of late records to DIR/side.
#include <string>

#include "support/golden_topologies.h"
#include "weir/weir.h"

namespace weir::tests {

struct Line {
  std::string text;
};
WEIR_RECORD(Line, text);

static void build(Topology& t) {
  const auto which = t.param<std::string>("which", "name of the topology");
  const auto data = t.param<std::string>("data", "folder of the data files, ending in /");
  const auto output = t.param<std::string>("output", "folder for the results");
  const auto into = [](const std::string& folder) {
    return [folder](const auto& lines, const std::string& name) {
      lines.map(name + " as records", [](const std::string& text) { return Line{text}; })
          .sink(name, csv_files(folder));
    };
  };
  build_golden(t, which, data, into(output), into(output + "/side"));
}

}  // namespace weir::tests

int main(int argc, char** argv) { return weir::main(argc, argv, weir::tests::build); }
