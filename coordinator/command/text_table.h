// TextTable: columns for people, as wide as what stands in them.
#pragma once

#include <string>
#include <vector>

namespace weir::coordinator {

class TextTable {
 public:
  // A title that starts with '>' is a column of numbers, set to the right.
  explicit TextTable(const std::vector<std::string>& titles);
  void add(std::vector<std::string> cells);
  bool is_empty() const { return rows_.size() == 1; }
  // Two blanks between columns, none at the end of lines; `indent` before each.
  std::string text(const std::string& indent = "") const;

 private:
  std::vector<bool> is_number_;
  std::vector<std::vector<std::string>> rows_;  // the first: titles
};

}  // namespace weir::coordinator
