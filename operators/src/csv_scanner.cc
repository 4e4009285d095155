#include "weir/operators/text/csv_scanner.h"

#include <algorithm>
#include <bit>
#include <cstring>

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

#include "weir/runtime/check.h"

namespace weir::operators {
namespace {

constexpr std::size_t kChunk = 64;

// Bit i is set where chunk[i] == c.
#if defined(__SSE2__)
inline std::uint64_t mask_of(const char* chunk, char c) {
  const __m128i wanted = _mm_set1_epi8(c);
  std::uint64_t mask = 0;
  for (unsigned i = 0; i < 4; ++i) {
    const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(chunk + 16 * i));
    const int part = _mm_movemask_epi8(_mm_cmpeq_epi8(bytes, wanted));
    mask |= static_cast<std::uint64_t>(static_cast<unsigned>(part)) << (16 * i);
  }
  return mask;
}
#else
inline std::uint64_t mask_of(const char* chunk, char c) {
  std::uint64_t mask = 0;
  for (unsigned i = 0; i < kChunk; ++i) mask |= std::uint64_t{chunk[i] == c} << i;
  return mask;
}
#endif

// Bit i of the result is the parity of bits 0..i.
inline std::uint64_t prefix_xor(std::uint64_t x) {
  x ^= x << 1;
  x ^= x << 2;
  x ^= x << 4;
  x ^= x << 8;
  x ^= x << 16;
  return x ^ (x << 32);
}

}  // namespace

CsvScanner::CsvScanner(const CsvDialect& dialect)
    : delimiter_(dialect.delimiter), quote_(dialect.quote), has_quote_(dialect.quote != '\0') {}

void CsvScanner::scan(const char* data, std::size_t size, std::size_t limit) {
  WEIR_CHECK(size < (std::size_t{1} << 31), "the text to be scanned must be below 2 GiB");
  data_ = data;
  // Entries of rows that were given are not needed again.
  ends_.erase(ends_.begin(), ends_.begin() + static_cast<std::ptrdiff_t>(cursor_));
  complete_ -= cursor_;
  cursor_ = 0;
  const std::size_t end = std::min(size, scanned_ + limit);
  while (scanned_ < end) {
    const std::size_t n = std::min(kChunk, end - scanned_);
    if (n == kChunk) {
      scan_chunk(data + scanned_, scanned_, n);
    } else {
      char padded[kChunk] = {};
      std::memcpy(padded, data + scanned_, n);
      scan_chunk(padded, scanned_, n);
    }
    scanned_ += n;
  }
}

void CsvScanner::scan_chunk(const char* chunk, std::size_t base, std::size_t size) {
  const std::uint64_t valid = size == kChunk ? ~std::uint64_t{0} : (std::uint64_t{1} << size) - 1;
  const std::uint64_t delimiters = mask_of(chunk, delimiter_) & valid;
  const std::uint64_t lines = mask_of(chunk, '\n') & valid;
  const std::uint64_t quotes = has_quote_ ? mask_of(chunk, quote_) & valid : 0;
  const bool inside = state_ == State::kQuoted;
  const auto last_bit = std::uint64_t{1} << (size - 1);
  if (quotes == 0 && !inside) [[likely]] {
    const std::uint64_t ends = delimiters | lines;
    emit(base, ends, lines);
    state_ = (ends & last_bit) != 0 ? State::kCellStart : State::kPlain;
    return;
  }
  // Taking every quote as a switch is right as long as each one that opens stands at the start of a
  // cell, or behind a closing one (then the two are a quote in the text).
  const std::uint64_t in = prefix_xor(quotes) ^ (inside ? ~std::uint64_t{0} : 0);
  const std::uint64_t opening = quotes & in;
  const std::uint64_t closing = quotes & ~in;
  const std::uint64_t ends = (delimiters | lines) & ~in;
  const bool may_open = state_ == State::kCellStart || state_ == State::kQuoteInQuoted;
  const std::uint64_t allowed = ((ends | closing) << 1) | (may_open ? 1 : 0);
  if ((opening & ~allowed) != 0) {
    scan_bytes(chunk, base, size);
    return;
  }
  emit(base, ends, lines & ends);
  state_ = (in & last_bit) != 0        ? State::kQuoted
           : (closing & last_bit) != 0 ? State::kQuoteInQuoted
           : (ends & last_bit) != 0    ? State::kCellStart
                                       : State::kPlain;
}

// The definition, byte by byte, for chunks in which a quote stands where it switches nothing.
void CsvScanner::scan_bytes(const char* chunk, std::size_t base, std::size_t size) {
  for (std::size_t i = 0; i < size; ++i) {
    const char c = chunk[i];
    if (state_ == State::kQuoted) {
      if (c == quote_) state_ = State::kQuoteInQuoted;
    } else if (c == delimiter_ || c == '\n') {
      end_cell(base + i, c == '\n');
      state_ = State::kCellStart;
    } else if (c == quote_ && state_ != State::kPlain) {
      state_ = State::kQuoted;
    } else {
      state_ = State::kPlain;
    }
  }
}

void CsvScanner::emit(std::size_t base, std::uint64_t ends, std::uint64_t lines) {
  std::uint32_t found[kChunk];
  std::size_t count = 0;
  for (; ends != 0; ends &= ends - 1) {
    const auto bit = static_cast<unsigned>(std::countr_zero(ends));
    found[count++] = static_cast<std::uint32_t>((base + bit) << 1) |
                     static_cast<std::uint32_t>((lines >> bit) & 1);
  }
  ends_.insert(ends_.end(), found, found + count);
  if (lines == 0) return;
  std::size_t after = ends_.size();
  while ((ends_[after - 1] & 1) == 0) --after;
  complete_ = after;
}

bool CsvScanner::finish() {
  if (state_ == State::kQuoted) return false;
  if (complete_ != ends_.size() || state_ != State::kCellStart) end_cell(scanned_, true);
  state_ = State::kCellStart;
  return true;
}

void CsvScanner::rebase() {
  ends_.erase(ends_.begin(), ends_.begin() + static_cast<std::ptrdiff_t>(cursor_));
  complete_ -= cursor_;
  cursor_ = 0;
  for (std::uint32_t& end : ends_) end -= static_cast<std::uint32_t>(row_begin_ << 1);
  scanned_ -= row_begin_;
  row_begin_ = 0;
}

void CsvScanner::reset() {
  ends_.clear();
  cursor_ = complete_ = scanned_ = row_begin_ = 0;
  state_ = State::kCellStart;
}

CellFault unquote(std::string_view raw, char quote, std::string& scratch, CellText& cell) {
  cell.quoted = true;
  raw.remove_prefix(1);
  std::size_t at = raw.find(quote);
  if (at == std::string_view::npos) return CellFault::kBadQuotes;
  if (at + 1 == raw.size()) {
    cell.text = raw.substr(0, at);
    return CellFault::kNone;
  }
  scratch.clear();
  for (;;) {
    scratch.append(raw.substr(0, at));
    raw.remove_prefix(at + 1);
    if (raw.empty()) break;
    if (raw[0] != quote) return CellFault::kBadQuotes;
    scratch += quote;
    raw.remove_prefix(1);
    at = raw.find(quote);
    if (at == std::string_view::npos) return CellFault::kBadQuotes;
  }
  cell.text = scratch;
  return CellFault::kNone;
}

}  // namespace weir::operators
