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
#include <memory>
#include <string>
#include <string_view>

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
    const std::size_t from = i == 0 ? begin_ : ends_[i - 1] + std::size_t{1};
    const std::size_t to = i + 1 == cells_ ? end_ : ends_[i];
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

// A list of positions that is written without a look at its capacity.
class CsvPositions {
 public:
  std::size_t size() const { return size_; }
  const std::uint32_t* data() const { return data_.get(); }
  std::uint32_t operator[](std::size_t i) const { return data_[i]; }
  std::uint32_t back() const { return data_[size_ - 1]; }

  // Makes room for `more` positions behind the end.
  void reserve(std::size_t more);
  // Where to write the next ones; added() says how many.
  std::uint32_t* end() { return data_.get() + size_; }
  void added(std::size_t n) { size_ += n; }
  void add(std::size_t position) { data_[size_++] = static_cast<std::uint32_t>(position); }
  void drop_front(std::size_t n);
  void shift_down(std::uint32_t by);
  void clear() { size_ = 0; }

 private:
  std::unique_ptr<std::uint32_t[]> data_;
  std::size_t size_ = 0;
  std::size_t capacity_ = 0;
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
    while (line_ != lines_.size()) {
      const std::uint32_t end = lines_[line_++];
      const std::uint32_t* const first = ends_.data() + cell_;
      // Most rows have as many cells as the one before.
      std::size_t cells = row.cells_ != 0 && cell_ + row.cells_ <= ends_.size() ? row.cells_ : 1;
      if (first[cells - 1] != end) [[unlikely]] {
        cells = 1;
        while (first[cells - 1] != end) ++cells;
      }
      row.data_ = data_;
      row.ends_ = first;
      row.cells_ = cells;
      row.begin_ = row_begin_;
      row.end_ = end > row_begin_ && data_[end - 1] == '\r' ? end - 1 : end;
      cell_ += cells;
      row_begin_ = end + std::size_t{1};
      if (cells > 1 || row.end_ > row.begin_) [[likely]]
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
    ends_.add(at);
    if (line) lines_.add(at);
  }
  void forget_given();

  const char delimiter_;
  const char quote_;
  const bool has_quote_;

  const char* data_ = nullptr;
  std::size_t scanned_ = 0;
  std::size_t row_begin_ = 0;
  CsvPositions ends_;     // where cells end, the last of each line too
  CsvPositions lines_;    // where lines end
  std::size_t cell_ = 0;  // in ends_: the first cell that is not given yet
  std::size_t line_ = 0;  // in lines_: the same
  State state_ = State::kCellStart;
};

// The text of a cell: `raw` itself, or what is between its quotes. `scratch` holds the text if it
// has doubled quotes.
CellFault unquote(std::string_view raw, char quote, std::string& scratch, CellText& cell);

}  // namespace weir::operators
