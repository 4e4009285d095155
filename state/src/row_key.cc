#include "weir/state/row_key.h"

namespace weir::state {
namespace {

template <class Int>
Int take_big_endian(std::string_view& in) {
  std::uint64_t value = 0;
  for (std::size_t i = 0; i < sizeof(Int); ++i) {
    value = value << 8 | static_cast<unsigned char>(in[i]);
  }
  in.remove_prefix(sizeof(Int));
  return static_cast<Int>(value);
}

}  // namespace

HashShare HashShare::of(runtime::KeyGroupRange groups, std::uint32_t max_parallelism) {
  const std::uint32_t owned = groups.last.value - groups.first.value + 1u;
  HashShare share;
  while (owned << (share.common_bits + 1) <= max_parallelism) ++share.common_bits;
  share.per_1024 = (owned << share.common_bits) * 1024 / max_parallelism;
  return share;
}

bool parse_row_key(std::string_view row, RowKeyParts& out) {
  if (row.size() < kRowKeyHead) return false;
  out.group = runtime::KeyGroup(take_big_endian<std::uint16_t>(row));
  out.table = take_big_endian<std::uint16_t>(row);
  out.space =
      static_cast<std::int64_t>(take_big_endian<std::uint64_t>(row) ^ (std::uint64_t{1} << 63));
  out.hash = take_big_endian<std::uint64_t>(row);
  out.key = row;
  return true;
}

}  // namespace weir::state
