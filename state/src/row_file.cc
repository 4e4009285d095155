#include "row_file.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"

namespace weir::state {
namespace {

using runtime::RowBuffer;

constexpr std::string_view kMagic = "weirrow1";
constexpr std::size_t kCountSize = 8;

void put_varint(std::uint64_t value, std::string* out) {
  while (value >= 0x80) {
    out->push_back(static_cast<char>(value | 0x80));
    value >>= 7;
  }
  out->push_back(static_cast<char>(value));
}

bool take_varint(std::string_view* in, std::uint64_t* value) {
  *value = 0;
  for (unsigned shift = 0; shift < 64 && !in->empty(); shift += 7) {
    const auto byte = static_cast<unsigned char>(in->front());
    in->remove_prefix(1);
    *value |= static_cast<std::uint64_t>(byte & 0x7f) << shift;
    if (byte < 0x80) return true;
  }
  return false;
}

}  // namespace

RowFileWriter::RowFileWriter(RowFileKind kind) : kind_(kind) {}

void RowFileWriter::add(RowBuffer::Op op, std::string_view key, std::string_view value) {
  if (bytes_.empty()) {
    bytes_.append(kMagic);
    bytes_.push_back(static_cast<char>(kind_));
  }
  std::size_t shared = 0;
  const std::size_t most = std::min(last_key_.size(), key.size());
  while (shared < most && last_key_[shared] == key[shared]) ++shared;
  bytes_.push_back(static_cast<char>(op));
  put_varint(shared, &bytes_);
  put_varint(key.size() - shared, &bytes_);
  put_varint(value.size(), &bytes_);
  bytes_.append(key.substr(shared));
  bytes_.append(value);
  last_key_.resize(shared);
  last_key_.append(key.substr(shared));
  ++count_;
}

std::string RowFileWriter::finish() {
  if (bytes_.empty()) {
    bytes_.append(kMagic);
    bytes_.push_back(static_cast<char>(kind_));
  }
  for (unsigned i = 0; i < kCountSize; ++i) bytes_.push_back(static_cast<char>(count_ >> (8 * i)));
  last_key_.clear();
  count_ = 0;
  return std::exchange(bytes_, std::string());
}

absl::Status RowFileReader::malformed(std::string_view what) const {
  return absl::DataLossError(absl::StrCat(
      "row file ", place_, " is malformed: ", absl::string_view(what.data(), what.size())));
}

absl::StatusOr<RowFileReader> RowFileReader::open(std::string_view bytes, std::string_view place) {
  RowFileReader reader;
  reader.place_ = std::string(place);
  if (bytes.size() < kMagic.size() + 1 + kCountSize || bytes.substr(0, kMagic.size()) != kMagic) {
    return reader.malformed("it does not begin with 'weirrow1'");
  }
  const char kind = bytes[kMagic.size()];
  if (kind != 'B' && kind != 'D') return reader.malformed("it is neither a base nor a delta");
  reader.kind_ = static_cast<RowFileKind>(kind);
  const std::string_view count = bytes.substr(bytes.size() - kCountSize);
  for (unsigned i = 0; i < kCountSize; ++i) {
    reader.left_ |= static_cast<std::uint64_t>(static_cast<unsigned char>(count[i])) << (8 * i);
  }
  reader.rest_ = bytes.substr(kMagic.size() + 1);
  reader.rest_.remove_suffix(kCountSize);
  return reader;
}

absl::StatusOr<bool> RowFileReader::next(RowBuffer::Row* row) {
  if (left_ == 0) {
    if (!rest_.empty()) return malformed("bytes follow the last entry");
    return false;
  }
  --left_;
  if (rest_.empty()) return malformed("entries are missing");
  const char op = rest_.front();
  rest_.remove_prefix(1);
  std::uint64_t shared = 0;
  std::uint64_t rest = 0;
  std::uint64_t length = 0;
  if (op < 1 || op > 3) return malformed("unknown kind of entry");
  if (!take_varint(&rest_, &shared) || !take_varint(&rest_, &rest) ||
      !take_varint(&rest_, &length)) {
    return malformed("an entry ends early");
  }
  if (shared > key_.size() || rest > rest_.size() || length > rest_.size() - rest) {
    return malformed("an entry is longer than the file");
  }
  key_.resize(shared);
  key_.append(rest_.substr(0, rest));
  row->op = static_cast<RowBuffer::Op>(op);
  row->key = key_;
  row->value = rest_.substr(rest, length);
  rest_.remove_prefix(rest + length);
  return true;
}

}  // namespace weir::state
