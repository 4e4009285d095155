// CsvScanner: finds the cells of CSV text, 64 bytes at a time.
//
//   bytes --scan()--> list of cell ends --next_row()--> CsvRow (views into the bytes)
//
// A cell starts with a quote or it does not. If it does, delimiters and line ends inside the quotes
// are text, a doubled quote is one quote, and the cell ends at the first delimiter or line end
// behind the closing quote. If not, quotes are ordinary characters. Lines end with LF or CR LF.
// One thread; owns no bytes: the caller keeps them in place until rebase().
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "weir/operators/text/cell.h"
#include "weir/operators/text/csv_options.h"

namespace weir::operators {

// One row as positions in the scanned bytes. Valid until the bytes move.
class CsvRow {
 public:
  std::size_t cells() const { return cells_; }
  // The row as it stands there, without its line end.
  std::string_view text() const { return {data_ + begin_, end_ - begin_}; }
  // Cell `i` as it stands there, with its quotes.
  std::string_view raw(std::size_t i) const {
    const std::size_t from = i == 0 ? begin_ : (ends_[i - 1] >> 1) + std::size_t{1};
    const std::size_t to = i + 1 == cells_ ? end_ : ends_[i] >> 1;
    return {data_ + from, to - from};
  }

 private:
  friend class CsvScanner;
  const char* data_ = nullptr;
  const std::uint32_t* ends_ = nullptr;
  std::size_t cells_ = 0;
  std::size_t begin_ = 0;
  std::size_t end_ = 0;
};

class CsvScanner {
 public:
  explicit CsvScanner(const CsvDialect& dialect);

  // Scans more of data[0, size): what lies behind what is scanned already, at most `limit` bytes.
  // `size` stays below 2 GiB. Rows taken before must not be used afterwards.
  void scan(const char* data, std::size_t size, std::size_t limit);
  // Says that the text ends after what has been scanned: an unfinished last row becomes a row.
  // False if it ends inside quotes.
  [[nodiscard]] bool finish();

  // The next complete row; false if more must be scanned. Skips empty lines.
  bool next_row(CsvRow& row) {
    while (cursor_ != complete_) {
      const std::uint32_t* const first = ends_.data() + cursor_;
      const std::uint32_t* last = first;
      while ((*last & 1) == 0) ++last;
      const std::size_t end = *last >> 1;
      row.data_ = data_;
      row.ends_ = first;
      row.cells_ = static_cast<std::size_t>(last - first) + 1;
      row.begin_ = row_begin_;
      row.end_ = end > row_begin_ && data_[end - 1] == '\r' ? end - 1 : end;
      cursor_ += row.cells_;
      row_begin_ = end + 1;
      if (row.cells_ > 1 || row.end_ > row.begin_) [[likely]]
        return true;
    }
    return false;
  }

  // Where the first row lies that next_row() has not given yet.
  std::size_t row_begin() const { return row_begin_ < scanned_ ? row_begin_ : scanned_; }
  std::size_t scanned() const { return scanned_; }
  // Forgets the bytes in front of row_begin(); the caller moves what follows to the front.
  void rebase();
  // Starts anew, in front of data[0].
  void reset();

 private:
  // Where the scan stands between two chunks.
  enum class State : std::uint8_t { kCellStart, kPlain, kQuoted, kQuoteInQuoted };

  void scan_chunk(const char* chunk, std::size_t base, std::size_t size);
  void scan_bytes(const char* chunk, std::size_t base, std::size_t size);
  void emit(std::size_t base, std::uint64_t ends, std::uint64_t lines);
  void end_cell(std::size_t at, bool line) {
    ends_.push_back(static_cast<std::uint32_t>(at << 1) | (line ? 1U : 0U));
    if (line) complete_ = ends_.size();
  }

  const char delimiter_;
  const char quote_;
  const bool has_quote_;

  const char* data_ = nullptr;
  std::size_t scanned_ = 0;
  std::size_t row_begin_ = 0;
  std::vector<std::uint32_t> ends_;  // end of each cell << 1 | whether a line ends there
  std::size_t cursor_ = 0;           // first entry that is not given yet
  std::size_t complete_ = 0;         // entries up to the last line end
  State state_ = State::kCellStart;
};

// The text of a cell: `raw` itself, or what is between its quotes. `scratch` holds the text if it
// has doubled quotes.
CellFault unquote(std::string_view raw, char quote, std::string& scratch, CellText& cell);

}  // namespace weir::operators
