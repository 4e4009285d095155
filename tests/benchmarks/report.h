// What is printed and written: lines of the tables as they are measured, and all raw runs as JSON.
#pragma once

#include <string>
#include <vector>

#include "measure.h"

namespace weir::bench {

// A ratio: tested against base, in records per second.
struct RatioLine {
  std::string workload;
  double records = 0;
  double least = 0;
  double aim = 0;  // 0: none
  bool must_agree = true;
  double twice_as_long_mb = 0;  // peak of a run twice as long; 0: not measured
};

class Report {
 public:
  // What stands above the next lines; printed with the first of them.
  void heading(const std::string& title, const char* base, const char* tested);
  void ratio(const RatioLine& line, const Pair& pair);
  void figures(const std::string& title, const std::string& columns);
  // A figure that is no ratio; `row` holds its columns.
  void figure(const std::string& workload, const std::string& row, const std::vector<Run>& runs,
              bool is_met);

  bool is_valid() const { return is_valid_; }
  int below() const { return below_; }
  bool write_json(const std::string& file) const;

 private:
  void print_heading();
  void keep(const std::string& workload, const char* side, const std::vector<Run>& runs);

  std::string heading_;
  bool is_valid_ = true;  // all runs ended, all checksums agree
  int below_ = 0;         // figures that miss what is required
  std::vector<std::string> json_;
};

}  // namespace weir::bench
