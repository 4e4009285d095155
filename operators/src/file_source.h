// The parts that byte sources are made of.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "weir/operators/text/byte_source.h"

namespace weir::operators {

// Reads from a file descriptor. Regular files can be read from any offset.
class DescriptorSource final : public ByteSource {
 public:
  DescriptorSource(int descriptor, std::string name, bool owned, bool follow);
  ~DescriptorSource() override;
  DescriptorSource(const DescriptorSource&) = delete;
  DescriptorSource& operator=(const DescriptorSource&) = delete;

  absl::StatusOr<SourceRead> read(char* out, std::size_t size) override;
  absl::Status seek(std::uint64_t offset) override;
  std::uint64_t position() const override { return position_; }
  const std::string& name() const override { return name_; }

 private:
  absl::Status check_not_cut() const;

  const std::string name_;
  const int descriptor_;
  const bool owned_;
  const bool follow_;
  std::uint64_t position_ = 0;
};

// Inflates what `compressed` gives: one or more gzip members.
std::unique_ptr<ByteSource> gzip_source(std::unique_ptr<ByteSource> compressed);

// The error of a file that has `size` bytes where `offset` were known to be.
absl::Status beyond_end(const std::string& name, std::uint64_t offset, std::uint64_t size);

}  // namespace weir::operators
