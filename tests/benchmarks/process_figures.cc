#include "process_figures.h"

#include <sys/resource.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "weir_jobs.h"

namespace weir::bench {
namespace {

std::string process_name() {
  const char* worker = std::getenv("WEIR_WORKER");
  return worker == nullptr ? "embedded" : worker;
}

unsigned long long cpu_ns() {
  rusage used{};
  getrusage(RUSAGE_SELF, &used);
  const auto us = [](const timeval& t) { return t.tv_sec * 1'000'000 + t.tv_usec; };
  return static_cast<unsigned long long>(us(used.ru_utime) + us(used.ru_stime)) * 1000;
}

}  // namespace

void ProcessFigures::note_first(std::atomic<std::uint64_t>& first, const char* kind) {
  const std::uint64_t now = monotonic_ns();
  std::uint64_t none = 0;
  if (first.compare_exchange_strong(none, now)) write(kind, std::to_string(now));
}

void ProcessFigures::add(const Tally& tally, std::uint64_t last_ns,
                         const std::vector<std::uint32_t>& latencies) {
  tally_.outputs += tally.outputs;
  tally_.checksum += tally.checksum;
  last_output_ns_ = std::max(last_output_ns_, last_ns);
  latencies_.insert(latencies_.end(), latencies.begin(), latencies.end());
}

void ProcessFigures::write_end() const {
  if (first_record_ns_ == 0 && tally_.outputs == 0) return;
  if (!latencies_.empty()) {
    write("latencies", std::string(reinterpret_cast<const char*>(latencies_.data()),
                                   latencies_.size() * sizeof latencies_[0]));
  }
  char line[160];
  std::snprintf(line, sizeof line, "%llu %llu %llu %llu %llu",
                static_cast<unsigned long long>(first_record_ns_.load()),
                static_cast<unsigned long long>(last_output_ns_),
                static_cast<unsigned long long>(tally_.outputs),
                static_cast<unsigned long long>(tally_.checksum), cpu_ns());
  write("end", line);
}

// Under another name first: who looks for the file must not find half of it.
void ProcessFigures::write(const std::string& kind, const std::string& content) const {
  if (folder_.empty()) return;
  const std::string file = folder_ + "/" + process_name() + "." + kind;
  std::ofstream(file + ".new", std::ios::binary) << content;
  std::error_code error;
  std::filesystem::rename(file + ".new", file, error);
  if (error) std::fprintf(stderr, "cannot write %s: %s\n", file.c_str(), error.message().c_str());
}

ProcessFigures& process_figures() {
  static ProcessFigures figures;
  return figures;
}

SinkFigures::~SinkFigures() {
  if (tally_.outputs != 0) process_figures().add(tally_, last_ns_, latencies_);
}

void SinkFigures::add_latency(std::uint64_t due_ns) {
  const std::uint64_t now = monotonic_ns();
  const std::uint64_t took = now > due_ns ? now - due_ns : 0;
  latencies_.push_back(static_cast<std::uint32_t>(std::min<std::uint64_t>(took, UINT32_MAX)));
}

void SinkFigures::note_time() {
  last_ns_ = monotonic_ns();
  if (tally_.outputs == 0) process_figures().note_first_output();
}

}  // namespace weir::bench
