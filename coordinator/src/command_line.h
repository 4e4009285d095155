// The command line of a topology program: options of the engine and parameters of the program.
//
//   argv --scan_params--> Params --build()--> Topology --parse_command_line--> CommandLine
//
// The program's parameters are known only after build(), which already needs their values: so the
// arguments are first read as they stand, then checked strictly.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "weir/coordinator/embedded_job.h"
#include "weir/runtime/params.h"

namespace weir::coordinator {

using Arguments = std::vector<std::string>;  // without the program's name

// `--name=value`, `--name value` and `--name` (value "true"), by name.
std::map<std::string, std::string> scan_params(const Arguments& arguments);

struct CommandLine {
  JobOptions job;
  std::string print;         // what to print instead of running; empty: run
  std::string json_metrics;  // file; empty: none
  bool quiet = false;
  bool wants_help = false;
  bool wants_version = false;
  std::vector<std::string> faults;  // for people; nothing may run if there are any
};

struct ProgramOptions {
  std::string program;                                 // name, for people
  std::vector<runtime::Params::Declared> params;       // of the program
  std::map<std::string, std::string> default_options;  // of the engine, set by the program
};

CommandLine parse_command_line(const ProgramOptions& program, const Arguments& arguments);

std::string help_text(const ProgramOptions& program);

}  // namespace weir::coordinator
