// One row in the buffer: `op u8 | key length u32 | value length u32 | key | value`, in the byte
// order of the machine; a row buffer never leaves the process.
#include <cstring>
#include <limits>

#include "weir/runtime/check.h"
#include "weir/runtime/row_store.h"

namespace weir::runtime {
namespace {

constexpr std::size_t kHeader = 1 + 2 * sizeof(std::uint32_t);

}  // namespace

void RowBuffer::clear() {
  data_.clear();
  offsets_.clear();
}

void RowBuffer::append(Op op, std::string_view key, std::string_view value) {
  constexpr std::size_t kLongest = std::numeric_limits<std::uint32_t>::max();
  WEIR_CHECK(key.size() <= kLongest && value.size() <= kLongest,
             "a row's key or value is longer than 4 GiB");
  offsets_.push_back(data_.size());
  const auto key_size = static_cast<std::uint32_t>(key.size());
  const auto value_size = static_cast<std::uint32_t>(value.size());
  char header[kHeader];
  header[0] = static_cast<char>(op);
  std::memcpy(header + 1, &key_size, sizeof key_size);
  std::memcpy(header + 1 + sizeof key_size, &value_size, sizeof value_size);
  data_.append(header, kHeader);
  data_.append(key);
  data_.append(value);
}

RowBuffer::Row RowBuffer::row(std::size_t i) const {
  const char* at = data_.data() + offsets_[i];
  std::uint32_t key_size = 0;
  std::uint32_t value_size = 0;
  std::memcpy(&key_size, at + 1, sizeof key_size);
  std::memcpy(&value_size, at + 1 + sizeof key_size, sizeof value_size);
  return {static_cast<Op>(*at), std::string_view(at + kHeader, key_size),
          std::string_view(at + kHeader + key_size, value_size)};
}

void RowBuffer::append(const RowBuffer& other) {
  const std::uint64_t base = data_.size();
  const std::size_t rows = other.offsets_.size();  // `other` may be this buffer
  data_.reserve(data_.size() + other.data_.size());
  data_.append(other.data_);
  offsets_.reserve(offsets_.size() + rows);
  for (std::size_t i = 0; i < rows; ++i) offsets_.push_back(other.offsets_[i] + base);
}

}  // namespace weir::runtime
