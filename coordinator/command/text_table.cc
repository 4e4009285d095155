#include "text_table.h"

#include <algorithm>
#include <utility>

namespace weir::coordinator {
namespace {

// Columns on a screen: bytes that continue a UTF-8 character take none.
std::size_t width_of(const std::string& text) {
  return static_cast<std::size_t>(std::count_if(text.begin(), text.end(), [](char c) {
    return (static_cast<unsigned char>(c) & 0xC0) != 0x80;
  }));
}

}  // namespace

TextTable::TextTable(const std::vector<std::string>& titles) {
  std::vector<std::string> first;
  for (const std::string& title : titles) {
    is_number_.push_back(title.starts_with('>'));
    first.push_back(title.starts_with('>') ? title.substr(1) : title);
  }
  rows_.push_back(std::move(first));
}

void TextTable::add(std::vector<std::string> cells) {
  cells.resize(is_number_.size());
  rows_.push_back(std::move(cells));
}

std::string TextTable::text(const std::string& indent) const {
  std::vector<std::size_t> widths(is_number_.size(), 0);
  for (const auto& row : rows_) {
    for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], width_of(row[i]));
  }
  std::string out;
  for (const auto& row : rows_) {
    std::string line = indent;
    for (std::size_t i = 0; i < row.size(); ++i) {
      const std::string pad(widths[i] - width_of(row[i]), ' ');
      line += (i == 0 ? "" : "  ") + (is_number_[i] ? pad + row[i] : row[i] + pad);
    }
    line.erase(line.find_last_not_of(' ') + 1);
    out += line + "\n";
  }
  return out;
}

}  // namespace weir::coordinator
