// The bytes of a batch:
//   u32 records | u32 runs | u32 partition | u8 has_times | u8 has_hashes | u16 0
//   runs x { u32 offset, i64 watermark } | records x i64 time | records x u64 hash | records
// Columns that a batch does not have are left out. Records of a plain type are its memory, others
// follow one another in the form of codec.h.
#include <cstring>

#include "weir/runtime/batch.h"
#include "weir/runtime/codec.h"

namespace weir::runtime {
namespace {

struct Head {
  std::uint32_t records;
  std::uint32_t runs;
  std::uint32_t partition;
  std::uint8_t has_times;
  std::uint8_t has_hashes;
  std::uint16_t none;
};
static_assert(sizeof(Head) == 16);

constexpr std::size_t kRunBytes = sizeof(std::uint32_t) + sizeof(std::int64_t);

}  // namespace

void BatchBase::encode(std::string& out) const {
  WEIR_CHECK(type_->is_encodable(), "only records that have a binary form are encoded");
  const std::size_t column = has_times + has_hashes;
  const std::size_t plain = type_->is_plain ? type_->size : 0;
  out.reserve(out.size() + sizeof(Head) + runs_.size() * kRunBytes +
              size_ * (column * sizeof(std::uint64_t) + plain));
  Encoder encoder(out);
  encoder.put_fixed(
      Head{size_, static_cast<std::uint32_t>(runs_.size()), partition, has_times, has_hashes, 0});
  for (const WatermarkRun& run : runs_) {
    encoder.put_fixed(run.offset);
    encoder.put_fixed(run.watermark.micros());
  }
  if (has_times) encoder.put_raw(times_.get(), size_ * sizeof(std::int64_t));
  if (has_hashes) encoder.put_raw(hashes_.get(), size_ * sizeof(std::uint64_t));
  if (type_->is_plain) {
    encoder.put_raw(records_, size_ * type_->size);
  } else {
    type_->encode_records(records_, size_, encoder);
  }
}

bool BatchBase::decode(std::string_view bytes) {
  clear();
  if (!type_->is_encodable()) return false;
  Decoder decoder(bytes);
  if (decode_columns(decoder) && decode_records(decoder) && decoder.remaining() == 0) return true;
  clear();
  return false;
}

bool BatchBase::decode_columns(Decoder& decoder) {
  Head head{};
  if (!decoder.get_fixed(head)) return false;
  if (head.records > capacity_ || head.has_times > 1 || head.has_hashes > 1 || head.none != 0) {
    return false;
  }
  // Offsets rise and end at size() at most, so there are no more runs than this.
  if (head.runs > head.records + 1) return false;
  for (std::uint32_t i = 0; i < head.runs; ++i) {
    std::uint32_t offset = 0;
    std::int64_t micros = 0;
    if (!decoder.get_fixed(offset) || !decoder.get_fixed(micros)) return false;
    const bool rises = i == 0 ? offset == 0 : offset > runs_.back().offset;
    if (!rises || offset > head.records) return false;
    runs_.push_back({offset, EventTime(micros)});
  }
  if (head.has_times == 1) {
    if (!decoder.get_raw(times_.get(), head.records * sizeof(std::int64_t))) return false;
    has_times = true;
  }
  if (head.has_hashes == 1) {
    if (!decoder.get_raw(hashes_.get(), head.records * sizeof(std::uint64_t))) return false;
    has_hashes = true;
  }
  partition = head.partition;
  size_ = head.records;
  return true;
}

bool BatchBase::decode_records(Decoder& decoder) {
  if (type_->is_plain) return decoder.get_raw(records_, size_ * type_->size);
  return type_->decode_records(decoder, records_, size_);
}

}  // namespace weir::runtime
