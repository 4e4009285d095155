// ProgramStore: programs under their SHA-256, in a folder.
//
//   <sha256>       a whole program, mode 0500
//   <sha256>.part  one that is on its way
//
// Bytes come in order, from the coordinator or a client; a program appears under its name only when
// its hash is right. Blocks; one thread at a time, except path() and has().
#pragma once

#include <cstdint>
#include <set>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"

namespace weir::coordinator {

struct ProgramStoreLimits {
  std::uint64_t program_bytes = std::uint64_t{4} << 30;  // the largest program that is taken
  std::uint64_t all_bytes = std::uint64_t{16} << 30;     // beyond that the oldest are forgotten
};

// As a supervisor sees it; simulations have their own.
class Programs {
 public:
  virtual ~Programs() = default;
  virtual bool has(const std::string& sha256) const = 0;
  virtual std::string path(const std::string& sha256) const = 0;
  // The next bytes of a program of `total` bytes; how many it has now. Bytes that it has already
  // are passed over; a gap, a wrong hash, and what is too large are errors. 0 bytes ask how
  // many it has: several may send it at the same time. What an earlier life has left of it may be
  // torn, and is removed when it begins.
  virtual absl::StatusOr<std::uint64_t> append(const std::string& sha256, std::uint64_t offset,
                                               std::uint64_t total, std::string_view bytes) = 0;
  struct Part {
    std::uint64_t total = 0;
    std::string bytes;
  };
  // At most `most` bytes from `offset`. kNotFound if there is no such program.
  virtual absl::StatusOr<Part> read(const std::string& sha256, std::uint64_t offset,
                                    std::uint64_t most) const = 0;
  // Removes the oldest programs beyond the limit, but none of `used`.
  virtual void forget_old(const std::set<std::string>& used) = 0;
};

class ProgramStore final : public Programs {
 public:
  explicit ProgramStore(std::string dir, ProgramStoreLimits limits = {});

  bool has(const std::string& sha256) const override;
  std::string path(const std::string& sha256) const override;
  absl::StatusOr<std::uint64_t> append(const std::string& sha256, std::uint64_t offset,
                                       std::uint64_t total, std::string_view bytes) override;
  absl::StatusOr<Part> read(const std::string& sha256, std::uint64_t offset,
                            std::uint64_t most) const override;
  void forget_old(const std::set<std::string>& used) override;

 private:
  absl::Status complete(const std::string& sha256) const;

  const std::string dir_;
  const ProgramStoreLimits limits_;
  std::set<std::string> begun_;  // programs whose first part this object has seen
};

}  // namespace weir::coordinator
