#include "weir/operators/text/block_buffer.h"

#include <algorithm>
#include <cstring>
#include <utility>

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

#include "absl/strings/str_cat.h"

namespace weir::operators {
namespace {

std::uint64_t count_lines(const char* from, const char* to) {
  std::uint64_t lines = 0;
#if defined(__SSE2__)
  const __m128i wanted = _mm_set1_epi8('\n');
  while (to - from >= 16) {
    // Each byte of `sum` counts up to 255 before they are added up.
    const auto blocks = std::min<std::ptrdiff_t>((to - from) / 16, 255);
    __m128i sum = _mm_setzero_si128();
    for (std::ptrdiff_t i = 0; i < blocks; ++i, from += 16) {
      const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(from));
      sum = _mm_sub_epi8(sum, _mm_cmpeq_epi8(bytes, wanted));
    }
    const __m128i halves = _mm_sad_epu8(sum, _mm_setzero_si128());
    lines += static_cast<std::uint64_t>(_mm_cvtsi128_si64(halves)) +
             static_cast<std::uint64_t>(_mm_cvtsi128_si64(_mm_srli_si128(halves, 8)));
  }
#endif
  return lines + static_cast<std::uint64_t>(std::count(from, to, '\n'));
}

}  // namespace

BlockBuffer::BlockBuffer(std::unique_ptr<ByteSource> source, std::size_t max_record_bytes)
    : source_(std::move(source)),
      max_record_bytes_(std::clamp<std::size_t>(max_record_bytes, 1 << 10, 1 << 30)) {
  offset_ = source_->position();
}

absl::Status BlockBuffer::seek(TextPosition position) {
  begin_ = end_ = counted_ = 0;
  offset_ = position.offset;
  line_ = position.line;
  return source_->seek(position.offset);
}

absl::StatusOr<SourceState> BlockBuffer::fill() {
  if (absl::Status status = make_room(); !status.ok()) return status;
  absl::StatusOr<SourceRead> got = source_->read(storage_.get() + end_, capacity_ - end_);
  if (!got.ok()) return got.status();
  end_ += got->bytes;
  return got->state;
}

// At least half a block behind end_, with the unconsumed bytes at the front.
absl::Status BlockBuffer::make_room() {
  const std::size_t used = size();
  if (used > max_record_bytes_) {
    return absl::InvalidArgumentError(
        absl::StrCat(source_->name(), ":", position_at(0).line,
                     ": the record that starts here is longer than ", max_record_bytes_,
                     " bytes; look for a quote that is never closed, or raise max_record_bytes"));
  }
  if (begin_ > 0 && used > 0) std::memmove(storage_.get(), data(), used);
  begin_ = 0;
  end_ = used;
  if (capacity_ - used < ByteSource::kBlockBytes / 2 || capacity_ == 0) {
    capacity_ = std::max(2 * capacity_, ByteSource::kBlockBytes);
    auto larger = std::make_unique<char[]>(capacity_ + kPadding);
    if (used > 0) std::memcpy(larger.get(), storage_.get(), used);
    storage_ = std::move(larger);
  }
  return absl::OkStatus();
}

void BlockBuffer::consume(std::size_t n) {
  if (n > counted_) {
    line_ += count_lines(data() + counted_, data() + n);
    counted_ = n;
  }
  counted_ -= n;
  begin_ += n;
  offset_ += n;
}

TextPosition BlockBuffer::position_at(std::size_t at) const {
  if (at < counted_) return {offset_ + at, line_ - count_lines(data() + at, data() + counted_)};
  line_ += count_lines(data() + counted_, data() + at);
  counted_ = at;
  return {offset_ + at, line_};
}

}  // namespace weir::operators
