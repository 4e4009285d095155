// A file or folder of the simulated disk, apart from its names.
#pragma once

#include <string>

#include "weir/runtime/simulated_storage.h"

namespace weir::runtime {

struct SimulatedStorage::Inode {
  bool is_dir = false;
  std::string bytes;         // as processes see them
  std::string synced;        // as they are on the disk
  bool sync_failed = false;  // what is not synced yet never will be
};

}  // namespace weir::runtime
