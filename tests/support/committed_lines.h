// The lines of committed output files.
#pragma once

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

namespace weir::tests {

// The lines of all CSV files in a folder, sorted.
inline std::vector<std::string> csv_lines(const std::string& folder) {
  std::vector<std::string> lines;
  std::error_code missing;
  for (const auto& entry : std::filesystem::directory_iterator(folder, missing)) {
    if (entry.path().extension() != ".csv") continue;
    std::ifstream in(entry.path());
    for (std::string line; std::getline(in, line);) lines.push_back(line);
  }
  std::sort(lines.begin(), lines.end());
  return lines;
}

// What golden_job has committed to a folder: CSV files of one quoted column.
inline std::vector<std::string> committed_lines(const std::string& folder) {
  std::vector<std::string> lines = csv_lines(folder);
  for (std::string& line : lines) std::erase(line, '"');
  std::sort(lines.begin(), lines.end());
  return lines;
}

}  // namespace weir::tests
