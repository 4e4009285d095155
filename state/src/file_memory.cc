#include "file_memory.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

namespace weir::state {
namespace {

// Written, and not only reserved, because the system then uses large pages for them, which are
// several times cheaper to map and to give back.
bool write_zeros(int file, std::size_t bytes) {
  static const std::string zeros(std::size_t{1} << 20, '\0');
  for (std::size_t done = 0; done < bytes;) {
    const ssize_t n = write(file, zeros.data(), std::min(zeros.size(), bytes - done));
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return false;
    done += static_cast<std::size_t>(n);
  }
  return true;
}

}  // namespace

std::optional<FileMemory> FileMemory::make(const std::string& dir, std::size_t bytes) {
  std::string path = dir + "/memory-" + std::string(6, 'X');  // for mkostemp to replace
  const int file = mkostemp(path.data(), O_CLOEXEC);
  if (file < 0) return std::nullopt;
  unlink(path.c_str());
  void* data = MAP_FAILED;
  if (write_zeros(file, bytes)) {
    constexpr int kFlags = MAP_SHARED | MAP_POPULATE;
    data = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, kFlags, file, 0);
  }
  close(file);  // the mapping keeps it
  if (data == MAP_FAILED) return std::nullopt;
  madvise(data, bytes, MADV_RANDOM);  // advice only
  return FileMemory(static_cast<char*>(data), bytes);
}

FileMemory::~FileMemory() {
  if (data_ != nullptr) munmap(data_, bytes_);
}

}  // namespace weir::state
