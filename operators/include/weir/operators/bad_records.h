// BadRecordPolicy: what a spout does with a record that it cannot decode. Task's thread only.
#pragma once

#include <string>

#include "weir/operators/record_errors.h"
#include "weir/operators/spout.h"
#include "weir/operators/text/record_reader.h"

namespace weir::operators {

class BadRecordPolicy {
 public:
  // Bad records that one poll() passes over at most, so that it comes back in time.
  static constexpr std::uint32_t kMaxPerPoll = 1024;

  explicit BadRecordPolicy(OnBadRecord on_bad) : on_bad_(on_bad) {}

  void open(const SpoutContext& context) { context_ = context; }
  void begin_poll() { in_this_poll_ = 0; }
  // Handles the bad record that `reader` stands behind: fails the attempt, naming file and line;
  // counts it; or emits it. False if this poll() must read no further.
  bool take(const RecordReaderBase& reader, SpoutOutput<BadRecord>& bad);
  bool has_failed() const { return has_failed_; }

 private:
  OnBadRecord on_bad_;
  SpoutContext context_;
  std::uint32_t in_this_poll_ = 0;
  bool has_failed_ = false;
};

// Reads records of one poll() straight into the batch: `due` of them at most. `kept` tells how many
// it were, the result what came behind them.
template <class T>
ReadStep read_records(RecordReader<T>& reader, std::uint32_t due, BadRecordPolicy& policy,
                      SpoutOutput<T>& out, SpoutOutput<BadRecord>& bad, std::uint32_t& kept) {
  policy.begin_poll();
  kept = 0;
  for (;;) {
    std::size_t count = 0;
    const ReadStep step = reader.read(out.free().first(due - kept), count);
    out.keep(static_cast<std::uint32_t>(count));
    kept += static_cast<std::uint32_t>(count);
    if (step != ReadStep::kBadRecord || !policy.take(reader, bad) || kept == due) return step;
  }
}

}  // namespace weir::operators
