// The name somebody most likely meant.
#pragma once

#include <string>
#include <vector>

namespace weir::coordinator {

// Of `known`, the one that is nearest to `name` by changed, missing and superfluous letters; empty
// if none is near.
std::string nearest_name(const std::string& name, const std::vector<std::string>& known);

}  // namespace weir::coordinator
