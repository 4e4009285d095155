// Router: the end of a chain's branch. Distributes batches over the channels to the consumer's
// tasks by the edge's grouping, and repeats watermarks, barriers and END on each of them.
//
// Task thread only. Records wait in one pending batch per target until it is full, or until flush()
// (before watermarks and barriers, when the input runs dry, after the linger).
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "weir/runtime/channel.h"
#include "weir/runtime/grouping.h"
#include "weir/runtime/hash.h"

namespace weir::runtime {

class Router final : public Input {
 public:
  // `targets` by consumer task index; for kForward the one channel to the peer. Borrowed.
  Router(Grouping grouping, std::vector<OutChannel*> targets, std::uint32_t max_parallelism,
         CustomGrouping custom);

  void push(BatchBase& batch) override;
  void flush();
  void send_watermark(EventTime watermark);
  void send_barrier(CheckpointId id);
  void send_idle();
  void send_end();

  // Whether every target takes more.
  bool has_credit() const;
  // Whether records wait for a batch to fill.
  bool has_pending() const { return pending_records_ != 0; }

 private:
  void send_whole(OutChannel& to, BatchBase& batch, std::unique_ptr<BatchBase>& pending);
  void copy_all(std::uint32_t target, const BatchBase& batch);
  void scatter(const BatchBase& batch);
  void append(std::uint32_t target, const BatchBase& batch, const std::uint32_t* index,
              std::uint32_t count);
  void flush_target(std::uint32_t target);
  void choose_targets(const BatchBase& batch);

  const Grouping grouping_;
  const std::vector<OutChannel*> targets_;
  const CustomGrouping custom_;
  std::vector<std::uint32_t> task_of_group_;

  std::vector<std::unique_ptr<BatchBase>> pending_;
  std::size_t pending_records_ = 0;
  std::uint32_t next_target_ = 0;      // kShuffle
  std::vector<std::uint64_t> load_;    // kPartialKey: records sent per target
  std::vector<std::uint32_t> chosen_;  // per record of the current batch
  std::vector<std::vector<std::uint32_t>> by_target_;
  std::vector<std::uint32_t> counts_;
};

}  // namespace weir::runtime
