// The options of the engine as a table: name, what it takes, what it means, and how its text
// becomes a setting. The one place that knows their names.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "command_line.h"

namespace weir::coordinator {

struct EngineOption {
  const char* name;   // without dashes
  const char* takes;  // "DURATION"; empty: a flag
  const char* help;
  const char* fallback;  // as shown; empty: none
  const char* wants;     // what a value must be, for people; empty: a flag
  // Puts `text` into the settings; false if it is no such value.
  std::function<bool(const std::string& text, CommandLine& out)> apply;
};

const std::vector<EngineOption>& engine_options();

}  // namespace weir::coordinator
