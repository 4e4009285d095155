#include "weir/operators/text/csv_scanner.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <utility>

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

// The x86-64 baseline has no instruction for either of these two.
inline std::size_t bit_count(std::uint64_t x) {
  x -= (x >> 1) & 0x5555555555555555U;
  x = (x & 0x3333333333333333U) + ((x >> 2) & 0x3333333333333333U);
  x = (x + (x >> 4)) & 0x0F0F0F0F0F0F0F0FU;
  return (x * 0x0101010101010101U) >> 56;
}
// Any number for 0.
inline unsigned lowest_bit(std::uint64_t x) {
  return static_cast<unsigned>(__builtin_ctzll(x | (std::uint64_t{1} << 63)));
}

// Bit i of the result is the parity of bits 0..i.
inline std::uint64_t prefix_xor(std::uint64_t x) {
  x ^= x << 1;
  x ^= x << 2;
  x ^= x << 4;
  x ^= x << 8;
  x ^= x << 16;
  return x ^ (x << 32);
}

// Appends base + i for each bit i of `bits`, eight at a time, the surplus cut off again: a loop
// that ends with the last bit would be guessed wrong nearly every time.
inline void append_ends(CsvPositions& out, std::size_t base, std::uint64_t bits) {
  std::uint32_t* at = out.end();
  const std::size_t count = bit_count(bits);
  for (std::size_t done = 0; done < count; done += 8, at += 8) {
    for (unsigned i = 0; i < 8; ++i) {
      at[i] = static_cast<std::uint32_t>(base + lowest_bit(bits));
      bits &= bits - 1;
    }
  }
  out.added(count);
}

}  // namespace

void CsvPositions::reserve(std::size_t more) {
  if (capacity_ - size_ >= more) return;
  capacity_ = std::max(2 * capacity_, size_ + more);
  auto larger = std::make_unique<std::uint32_t[]>(capacity_);
  std::copy_n(data_.get(), size_, larger.get());
  data_ = std::move(larger);
}

void CsvPositions::drop_front(std::size_t n) {
  std::copy(data_.get() + n, data_.get() + size_, data_.get());
  size_ -= n;
}

void CsvPositions::shift_down(std::uint32_t by) {
  for (std::size_t i = 0; i < size_; ++i) data_[i] -= by;
}

CsvScanner::CsvScanner(const CsvDialect& dialect)
    : delimiter_(dialect.delimiter), quote_(dialect.quote), has_quote_(dialect.quote != '\0') {}

void CsvScanner::scan(const char* data, std::size_t size, std::size_t limit) {
  WEIR_CHECK(size < (std::size_t{1} << 31), "the text to be scanned must be below 2 GiB");
  data_ = data;
  forget_given();
  const std::size_t end = std::min(size, scanned_ + limit);
  const std::size_t bytes = std::max(end, scanned_) - scanned_;
  ends_.reserve(bytes + kChunk);
  lines_.reserve(bytes + kChunk);
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
  append_ends(ends_, base, ends);
  for (; lines != 0; lines &= lines - 1) lines_.add(base + lowest_bit(lines));
}

void CsvScanner::forget_given() {
  ends_.drop_front(cell_);
  lines_.drop_front(line_);
  cell_ = line_ = 0;
}

bool CsvScanner::finish() {
  if (state_ == State::kQuoted) return false;
  ends_.reserve(1);
  lines_.reserve(1);
  const bool at_line_start =
      state_ == State::kCellStart &&
      (ends_.size() == 0 || (lines_.size() != 0 && lines_.back() == ends_.back()));
  if (!at_line_start) end_cell(scanned_, true);
  state_ = State::kCellStart;
  return true;
}

void CsvScanner::rebase() {
  forget_given();
  const auto shift = static_cast<std::uint32_t>(row_begin());
  ends_.shift_down(shift);
  lines_.shift_down(shift);
  scanned_ -= shift;
  row_begin_ = 0;
}

void CsvScanner::reset() {
  ends_.clear();
  lines_.clear();
  cell_ = line_ = scanned_ = row_begin_ = 0;
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
