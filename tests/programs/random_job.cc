// A random topology as a program, for clusters: random_job --seed N --output DIR. Each of its sinks
// has a folder of its own there.
#include "support/random_topology.h"
#include "weir/weir.h"

static void build(weir::Topology& t) {
  const auto seed = t.param<std::uint64_t>("topology", "the seed that it is built from");
  const auto output = t.param<std::string>("output", "folder for the results");
  weir::tests::RandomTopology(seed, [&](weir::tests::Items stream, const std::string& name) {
    stream.sink(name, weir::csv_files(output + "/" + name));
  }).build(t);
}

int main(int argc, char** argv) { return weir::main(argc, argv, build); }
