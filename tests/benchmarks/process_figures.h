// What a process of a cluster job has seen, written into a folder: a worker has no other way to
// hand it to a benchmark. Times are nanoseconds of the monotonic clock, the same for all processes
// of a host. A file NAME.KIND appears whole; NAME is the worker's, or "embedded".
//
//   NAME.first        when the process made its first record; written at once
//   NAME.output       when its first output came; written at once
//   NAME.end          "first last outputs checksum CPU", when the job has ended in order; CPU in
//                     nanoseconds, of the whole process
//   NAME.latencies    with the end: nanoseconds, 32 bits each
#pragma once

#include <atomic>
#include <cstdint>
#include <string>
#include <vector>

#include "workloads.h"

namespace weir::bench {

class ProcessFigures {
 public:
  // Before the job runs; without a folder nothing is written.
  void write_into(std::string folder) { folder_ = std::move(folder); }

  // From any task.
  void note_first_record() { note_first(first_record_ns_, "first"); }
  void note_first_output() { note_first(first_output_ns_, "output"); }

  // What one sink has seen, when it is over; one at a time.
  void add(const Tally& tally, std::uint64_t last_ns, const std::vector<std::uint32_t>& latencies);
  // When the job has ended. Does nothing in a process that ran none.
  void write_end() const;

 private:
  void note_first(std::atomic<std::uint64_t>& first, const char* kind);
  void write(const std::string& kind, const std::string& content) const;

  std::string folder_;
  std::atomic<std::uint64_t> first_record_ns_{0};
  std::atomic<std::uint64_t> first_output_ns_{0};
  std::uint64_t last_output_ns_ = 0;
  Tally tally_;
  std::vector<std::uint32_t> latencies_;
};

// The one of this process: sinks and spouts are copied, so they cannot own it.
ProcessFigures& process_figures();

// What one task of a sink sees; each copy counts for itself and hands its figures over at its end.
// The clock is taken at the first of every `every` outputs, which is a power of two.
class SinkFigures {
 public:
  explicit SinkFigures(std::uint64_t every) : mask_(every - 1) {}
  SinkFigures(const SinkFigures& other) : mask_(other.mask_) {}
  SinkFigures& operator=(const SinkFigures&) = delete;
  ~SinkFigures();

  void add(std::uint64_t part) {
    if ((tally_.outputs & mask_) == 0) note_time();
    tally_.add(part);
  }
  void add_latency(std::uint64_t due_ns);

 private:
  void note_time();

  std::uint64_t mask_;
  Tally tally_;
  std::uint64_t last_ns_ = 0;
  std::vector<std::uint32_t> latencies_;
};

}  // namespace weir::bench
