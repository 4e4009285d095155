// From the words of a command line to the verb that is meant.
#pragma once

#include <string>
#include <vector>

namespace weir::coordinator {

// What main() returns. `words`: without the program's name.
int run_command(const std::vector<std::string>& words);

}  // namespace weir::coordinator
