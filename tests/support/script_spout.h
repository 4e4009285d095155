// A spout that reads from memory: one list of records per partition.
#pragma once

#include <algorithm>
#include <cstdint>
#include <functional>
#include <memory>
#include <utility>
#include <vector>

#include "weir/operators/dsl.h"

namespace weir::tests {

template <class T>
using Script = std::shared_ptr<const std::vector<std::vector<T>>>;

template <class T>
class ScriptSpout : public Spout<T> {
 public:
  using Position = std::uint64_t;

  // `at_poll` is called before each poll, by the task's thread; it may throw.
  explicit ScriptSpout(Script<T> script, std::function<void()> at_poll = nullptr)
      : script_(std::move(script)), at_poll_(std::move(at_poll)) {}

  std::uint32_t partitions() const { return static_cast<std::uint32_t>(script_->size()); }
  absl::Status open(const SpoutContext& context, const Position* resume) {
    partition_ = context.partition;
    if (resume != nullptr) next_ = *resume;
    return absl::OkStatus();
  }
  Poll poll(SpoutOutput<T>& out) {
    if (at_poll_) at_poll_();
    const std::vector<T>& records = (*script_)[partition_];
    while (next_ < records.size() && out.room() != 0) out.emit(records[next_++]);
    return next_ < records.size() ? Poll::more() : Poll::end();
  }
  Position position() const { return next_; }

 private:
  Script<T> script_;
  std::function<void()> at_poll_;
  std::uint32_t partition_ = 0;
  std::uint64_t next_ = 0;
};

}  // namespace weir::tests
