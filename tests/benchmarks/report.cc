#include "report.h"

#include <algorithm>
#include <cstdio>
#include <fstream>

namespace weir::bench {
namespace {

template <class... Args>
std::string text(const char* format, Args... args) {
  char buffer[512];
  std::snprintf(buffer, sizeof buffer, format, args...);
  return buffer;
}
std::string aim_text(double aim) { return aim == 0 ? "" : text("%.2f", aim); }

}  // namespace

void Report::heading(const std::string& title, const char* base, const char* tested) {
  heading_ = text(
      "\n%s\n\n| workload | %s M/s | %s M/s | ratio | at least | aim | checksum | peak MB "
      "| twice as long |\n|---|---|---|---|---|---|---|---|---|\n",
      title.c_str(), base, tested);
}

void Report::ratio(const RatioLine& line, const Pair& pair) {
  const double base = line.records / median_seconds(pair.base) / 1e6;
  const double tested = line.records / median_seconds(pair.tested) / 1e6;
  bool is_valid = pair.same_results();
  if (!line.must_agree) {
    const auto ended = [](const Run& r) { return r.is_valid; };
    is_valid = std::all_of(pair.base.begin(), pair.base.end(), ended) &&
               std::all_of(pair.tested.begin(), pair.tested.end(), ended);
  }
  const double reached = tested / base;
  const bool is_below = line.least > 0 && !(reached >= line.least);
  is_valid_ = is_valid_ && is_valid;
  below_ += is_below ? 1 : 0;
  print_heading();
  const std::string longer = line.twice_as_long_mb == 0 ? "" : text("%.0f", line.twice_as_long_mb);
  std::printf("| %s | %.4g | %.4g | %.2f%s | %s | %s | %s | %.0f | %s |\n", line.workload.c_str(),
              base, tested, reached, is_below ? " (below)" : "",
              line.least == 0 ? "" : text("%.2f", line.least).c_str(), aim_text(line.aim).c_str(),
              !is_valid         ? "INVALID"
              : line.must_agree ? "equal"
                                : "",
              median_peak_mb(pair.tested), longer.c_str());
  std::fflush(stdout);
  keep(line.workload, "base", pair.base);
  keep(line.workload, "tested", pair.tested);
}

void Report::figures(const std::string& title, const std::string& columns) {
  const auto bars = static_cast<std::size_t>(std::count(columns.begin(), columns.end(), '|'));
  std::string rule = "|";
  for (std::size_t i = 1; i < bars; ++i) rule += "---|";
  heading_ = text("\n%s\n\n%s\n%s\n", title.c_str(), columns.c_str(), rule.c_str());
}

void Report::print_heading() {
  std::printf("%s", heading_.c_str());
  heading_.clear();
}

void Report::figure(const std::string& workload, const std::string& row,
                    const std::vector<Run>& runs, bool is_met) {
  const bool has_ended =
      std::all_of(runs.begin(), runs.end(), [](const Run& r) { return r.is_valid; });
  is_valid_ = is_valid_ && has_ended;
  below_ += is_met ? 0 : 1;
  print_heading();
  std::printf("| %s | %s | %s |\n", workload.c_str(), row.c_str(),
              !has_ended ? "INVALID"
              : is_met   ? "met"
                         : "missed");
  std::fflush(stdout);
  keep(workload, "tested", runs);
}

void Report::keep(const std::string& workload, const char* side, const std::vector<Run>& runs) {
  for (const Run& r : runs) {
    std::string values;
    for (const double v : r.values) values += text("%s%.9g", values.empty() ? "" : ", ", v);
    json_.push_back(
        text("{\"workload\": \"%s\", \"side\": \"%s\", \"valid\": %s, \"seconds\": "
             "%.9f, \"peak_mb\": %.1f, \"outputs\": %llu, \"checksum\": \"%016llx\", "
             "\"values\": [%s]}",
             workload.c_str(), side, r.is_valid ? "true" : "false", r.seconds, r.peak_mb,
             static_cast<unsigned long long>(r.tally.outputs),
             static_cast<unsigned long long>(r.tally.checksum), values.c_str()));
  }
}

bool Report::write_json(const std::string& file) const {
  std::ofstream out(file);
  out << "[\n";
  for (std::size_t i = 0; i < json_.size(); ++i) {
    out << "  " << json_[i] << (i + 1 < json_.size() ? ",\n" : "\n");
  }
  out << "]\n";
  return out.good();
}

}  // namespace weir::bench
