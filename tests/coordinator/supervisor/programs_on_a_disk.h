// A program store whose disk may be full.
#pragma once

#include <cerrno>
#include <set>
#include <string>
#include <string_view>
#include <utility>

#include "supervisor/program_store.h"

namespace weir::coordinator {

class ProgramsOnADisk final : public Programs {
 public:
  explicit ProgramsOnADisk(std::string dir) : store_(std::move(dir)) {}
  bool has(const std::string& sha256) const override { return store_.has(sha256); }
  std::string path(const std::string& sha256) const override { return store_.path(sha256); }
  absl::StatusOr<std::uint64_t> append(const std::string& sha256, std::uint64_t offset,
                                       std::uint64_t total, std::string_view bytes) override {
    if (is_full && !bytes.empty()) return absl::ErrnoToStatus(ENOSPC, "cannot write a program");
    return store_.append(sha256, offset, total, bytes);
  }
  absl::StatusOr<Part> read(const std::string& sha256, std::uint64_t offset,
                            std::uint64_t most) const override {
    return store_.read(sha256, offset, most);
  }
  void forget_old(const std::set<std::string>& used) override { store_.forget_old(used); }

  bool is_full = false;

 private:
  ProgramStore store_;
};

}  // namespace weir::coordinator
