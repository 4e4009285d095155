// TerminationSignals: SIGINT and SIGTERM as a flag, while the object lives. The second one ends the
// process at once with 128 + its number, whatever the job is doing.
#pragma once

namespace weir::coordinator {

class TerminationSignals {
 public:
  // At most one enabled object at a time.
  explicit TerminationSignals(bool enabled);
  ~TerminationSignals();
  TerminationSignals(const TerminationSignals&) = delete;
  TerminationSignals& operator=(const TerminationSignals&) = delete;

  bool received() const;

 private:
  const bool enabled_;
};

}  // namespace weir::coordinator
