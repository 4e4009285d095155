// TaskGraph: the running objects of a deployment: tasks, the channels between them, and what they
// were restored from. Deployment -> TaskGraph -> executor.
//
// build() calls the operator factories and hands each task its share of the restored checkpoint;
// nothing runs before the tasks are added to an executor. Belongs to the job's event loop; the
// executor must be stopped before a graph dies.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "weir/coordinator/deployment.h"
#include "weir/runtime/channel.h"
#include "weir/runtime/snapshot.h"
#include "weir/runtime/storage.h"
#include "weir/runtime/task.h"

namespace weir::coordinator {

class TaskGraph {
 public:
  // The rows of one task's keyed state.
  using RowStoreFactory = std::function<absl::StatusOr<std::unique_ptr<runtime::RowStore>>(
      const std::string& task_uid, const DeployedTask& task)>;

  struct Options {
    std::string job;
    std::uint32_t batch_size = 256;                      // records
    std::size_t channel_bytes = std::size_t{512} << 10;  // capacity of each channel
    std::size_t memory_budget = std::size_t{512} << 20;  // keyed state of all tasks here, bytes
    runtime::MonotonicTime linger{1'000'000};
    runtime::Epoch epoch{1};
    runtime::CheckpointId restored_checkpoint{0};
    std::vector<runtime::TaskSnapshot> restored;  // empty: a fresh start
    RowStoreFactory make_row_store;
    // In a cluster: which tasks run in this process (by id; empty: all), and what stands at the
    // near end of a channel whose other end does not. `channel` counts as in the deployment.
    std::vector<bool> is_here;
    std::function<runtime::OutChannel&(std::uint32_t channel, runtime::Wakeable& producer)>
        make_sender;
    std::function<runtime::InChannel&(std::uint32_t channel, runtime::Wakeable& consumer)>
        make_receiver;
    runtime::Storage* storage = nullptr;
    runtime::Clock* clock = nullptr;
    runtime::Executor* executor = nullptr;
    runtime::TaskEvents* events = nullptr;
  };

  // Both values are copied. FailedPrecondition if the snapshots cannot be spread over these tasks.
  static absl::StatusOr<std::unique_ptr<TaskGraph>> build(runtime::Plan plan, Deployment deployment,
                                                          Options options);

  const runtime::Plan& plan() const { return plan_; }
  const Deployment& deployment() const { return deployment_; }
  // Whether the task runs in this process; only then there is a task(id).
  bool is_here(runtime::TaskId id) const { return tasks_[id.value] != nullptr; }
  runtime::Task& task(runtime::TaskId id) { return *tasks_[id.value]; }
  const runtime::Task& task(runtime::TaskId id) const { return *tasks_[id.value]; }
  // Tasks in this process.
  std::size_t size() const { return size_; }
  // "delays 1/2", for messages.
  std::string describe(runtime::TaskId id) const;

 private:
  TaskGraph(runtime::Plan plan, Deployment deployment, Options options);

  void make_channels();
  absl::Status assemble(const DeployedTask& task);
  void add_nodes(const DeployedTask& task, runtime::TaskSpec& spec);
  void add_inputs(const DeployedTask& task, runtime::TaskSpec& spec);
  void add_outputs(const DeployedTask& task, runtime::TaskSpec& spec);
  absl::Status add_state(const DeployedTask& task, runtime::TaskSpec& spec);

  const runtime::Plan plan_;
  const Deployment deployment_;
  const Options options_;
  std::size_t size_ = 0;
  std::vector<std::unique_ptr<runtime::Task>> tasks_;  // by id; null: elsewhere
  // As in the deployment; null where this process has no end.
  std::vector<runtime::OutChannel*> producer_ends_;
  std::vector<runtime::InChannel*> consumer_ends_;
  std::vector<std::unique_ptr<runtime::Channel>> channels_;  // both ends are here
};

}  // namespace weir::coordinator
