#include "weir/operators/text/csv_scanner.h"

#include <gtest/gtest.h>

#include <random>

namespace weir::operators {
namespace {

using Rows = std::vector<std::vector<std::string>>;

// The definition of the format, byte by byte.
struct Reference {
  Rows rows;
  bool open_quote = false;
};

Reference reference_parse(const std::string& text, char delimiter, char quote) {
  Reference out;
  std::vector<std::string> row(1);
  const auto end_row = [&] {
    if (!row.back().empty() && row.back().back() == '\r') row.back().pop_back();
    if (row.size() > 1 || !row[0].empty()) out.rows.push_back(row);
    row.assign(1, "");
  };
  bool quoted = false;       // inside quotes
  bool after_quote = false;  // just behind a closing quote
  for (const char c : text) {
    std::string& cell = row.back();
    if (quoted) {
      cell += c;
      if (c == quote) quoted = false, after_quote = true;
    } else if (c == delimiter) {
      row.emplace_back();
      after_quote = false;
    } else if (c == '\n') {
      end_row();
      after_quote = false;
    } else {
      if (quote != '\0' && c == quote && (cell.empty() || after_quote)) quoted = true;
      cell += c;
      after_quote = false;
    }
  }
  out.open_quote = quoted;
  if (!quoted) end_row();
  return out;
}

// Scans `text` in pieces, moving it between pieces as a buffer would.
Reference fast_parse(const std::string& text, const CsvDialect& dialect, std::mt19937_64& rng) {
  Reference out;
  CsvScanner scanner(dialect);
  std::string window;
  std::size_t fed = 0;
  const auto drain = [&] {
    CsvRow row;
    while (scanner.next_row(row)) {
      out.rows.emplace_back();
      for (std::size_t i = 0; i < row.cells(); ++i) out.rows.back().emplace_back(row.raw(i));
    }
  };
  while (fed < text.size()) {
    const std::size_t n = std::min<std::size_t>(text.size() - fed, 1 + rng() % 200);
    window.append(text, fed, n);
    fed += n;
    while (scanner.scanned() < window.size()) {
      scanner.scan(window.data(), window.size(), 1 + rng() % 150);
      drain();
    }
    const std::size_t done = scanner.row_begin();
    scanner.rebase();
    window.erase(0, done);
    std::string moved = window;
    window.swap(moved);
  }
  scanner.scan(window.data(), window.size(), 1);
  out.open_quote = !scanner.finish();
  drain();
  return out;
}

TEST(CsvScanner, AgreesWithTheDefinitionOnRandomBytes) {
  constexpr std::uint64_t kSeed = 41;
  std::mt19937_64 rng(kSeed);
  const std::string alphabets[] = {",\"\n\ra", "a,b\n", "\"\"\"\n,x", "abcdefgh\"ijklmno,\n",
                                   "\",\n"};
  for (int round = 0; round < 20000; ++round) {
    const std::string& alphabet = alphabets[rng() % 5];
    std::string text;
    for (auto n = rng() % 300; n > 0; --n) text += alphabet[rng() % alphabet.size()];
    const char quote = round % 7 == 0 ? '\0' : '"';
    const Reference want = reference_parse(text, ',', quote);
    const Reference got = fast_parse(text, {.quote = quote}, rng);
    ASSERT_EQ(got.open_quote, want.open_quote) << "seed " << kSeed << " round " << round << "\n"
                                               << text;
    ASSERT_EQ(got.rows, want.rows) << "seed " << kSeed << " round " << round << "\n" << text;
  }
}

TEST(Unquote, GivesTheTextBetweenTheQuotes) {
  const auto text = [](std::string_view raw) -> std::string {
    std::string scratch;
    CellText cell;
    if (unquote(raw, '"', scratch, cell) != CellFault::kNone) return "bad quotes";
    return std::string(cell.text);
  };
  EXPECT_EQ(text("\"\""), "");
  EXPECT_EQ(text("\"a,b\""), "a,b");
  EXPECT_EQ(text("\"a\"\"b\""), "a\"b");
  EXPECT_EQ(text("\"\"\"\""), "\"");
  EXPECT_EQ(text("\"\"\"a\"\"\""), "\"a\"");
  EXPECT_EQ(text("\"a\"b"), "bad quotes");
  EXPECT_EQ(text("\"a\"\"b\"c"), "bad quotes");
  EXPECT_EQ(text("\"a\"b\""), "bad quotes");
  EXPECT_EQ(text("\""), "bad quotes");
}

}  // namespace
}  // namespace weir::operators
