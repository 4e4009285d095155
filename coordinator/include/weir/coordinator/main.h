// weir::main: the whole of a topology program's main(). Reads the command line, builds the
// topology, runs it in this process, shows progress.
//
//   int main(int argc, char** argv) { return weir::main(argc, argv, build); }
//
// The program's own parameters are those that build() asks for with t.param(...); the engine's
// stand beside them (--help lists both). stdout belongs to --help, --version and --print;
// everything else goes to stderr. Exit codes:
//   0    finished, stopped cleanly by SIGINT or SIGTERM, or complete already
//   1    the job failed; the message says what to do
//   2    the command line or the topology has a fault; nothing ran
//   130, 143   a second SIGINT or SIGTERM ended the process at once
#pragma once

#include <functional>

#include "weir/runtime/topology.h"

namespace weir {

// Never throws. `build` may be called once.
int main(int argc, char** argv, const std::function<void(Topology&)>& build);

}  // namespace weir
