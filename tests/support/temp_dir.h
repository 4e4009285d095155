// A folder that a test has for itself; gone with the object.
#pragma once

#include <stdlib.h>
#include <unistd.h>

#include <cstdint>
#include <filesystem>
#include <string>

#include "weir/runtime/check.h"

namespace weir::tests {

class TempDir {
 public:
  // kMemory: where syncing costs nothing, if the machine has such a place; for tests that write
  // many checkpoints and are not about disks.
  enum class On : std::uint8_t { kDisk, kMemory };

  explicit TempDir(On where = On::kDisk) {
    const std::filesystem::path memory = "/dev/shm";
    const bool in_memory = where == On::kMemory && ::access(memory.c_str(), W_OK) == 0;
    const std::filesystem::path parent =
        in_memory ? memory : std::filesystem::temp_directory_path();
    std::string name = (parent / "weir_test_").string() + std::string(6, 'X');
    WEIR_CHECK(::mkdtemp(name.data()) != nullptr, "no temporary folder can be made");
    path_ = name;
  }
  ~TempDir() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  TempDir(const TempDir&) = delete;
  TempDir& operator=(const TempDir&) = delete;

  const std::string& path() const { return path_; }
  std::string operator/(const std::string& name) const { return path_ + "/" + name; }

 private:
  std::string path_;
};

}  // namespace weir::tests
