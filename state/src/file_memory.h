// Zeroed memory that lies in a file without a name: what is written goes to the disk when the
// system wants the memory back, and is gone when the object or the process is.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <utility>

namespace weir::state {

class FileMemory {
 public:
  // In `dir`, with room on the disk for all of it, so that writing to it cannot fail. Nothing if
  // there is no such room.
  static std::optional<FileMemory> make(const std::string& dir, std::size_t bytes);

  FileMemory(FileMemory&& other) noexcept
      : data_(std::exchange(other.data_, nullptr)), bytes_(other.bytes_) {}
  FileMemory& operator=(FileMemory&& other) noexcept {
    std::swap(data_, other.data_);
    std::swap(bytes_, other.bytes_);
    return *this;
  }
  ~FileMemory();

  char* data() const { return data_; }
  std::size_t bytes() const { return bytes_; }

 private:
  FileMemory(char* data, std::size_t bytes) : data_(data), bytes_(bytes) {}

  char* data_;
  std::size_t bytes_;
};

}  // namespace weir::state
