// JobRecord: what the coordinator must not forget of a job, as a value. Written to the job's folder
// before anything follows from it: before a worker of an attempt is started, its name stands here,
// so that a coordinator that comes back knows whom to look for.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "cluster/placement.h"
#include "control_generated.h"
#include "weir/coordinator/checkpoint_coordinator.h"

namespace weir::coordinator {

// What was submitted. Immutable; a rescaled job has another one.
struct JobSpec {
  std::string id;             // "<name>-<number>"
  std::string submission_id;  // by which its client asks again; or empty
  std::string name;
  std::string program_sha256;
  std::string program_name;
  std::uint64_t program_bytes = 0;
  std::vector<std::string> arguments;
  std::string working_dir;
  std::uint32_t parallelism = 1;
  std::chrono::microseconds submitted{0};  // wall time
  std::string from_savepoint;              // folder; empty: from nothing
  std::vector<std::string> dropped;        // states of it that are left behind
  wire::PlanSpecT plan;

  std::uint32_t slots_needed() const;  // largest parallelism of a chain
};

// The tasks of a plan, by task id: in the order of its chains, as make_deployment() counts them.
struct PlannedTasks {
  std::vector<CheckpointCoordinator::Task> tasks;
  std::vector<std::uint32_t> index;  // within its chain
  std::vector<std::string> names;    // "delays 1/2"
};
PlannedTasks tasks_of(const wire::PlanSpecT& plan);

enum class JobGoal : std::uint8_t { kRun, kStop, kPause, kRescale, kCancel, kDrain };

// The savepoint that a job is to end with.
struct LastSavepoint {
  std::string dir;                                // empty: none is wanted
  bool is_due = false;                            // the job has ended but for it
  std::uint64_t checkpoint = 0;                   // what it is made of, once due; 0: the newest
  wire::JobState then = wire::JobState::Stopped;  // when it has been written
  wire::JobState otherwise = wire::JobState::Restarting;  // if it cannot be
};

struct WorkerRecord {
  std::string worker;
  std::string supervisor;
  std::uint32_t slots = 0;
};

struct JobRecord {
  std::shared_ptr<const JobSpec> spec;
  std::shared_ptr<const JobSpec> next;  // of a rescale under way; else null
  wire::JobState state = wire::JobState::Waiting;
  JobGoal goal = JobGoal::kRun;
  std::uint32_t attempt = 0;
  std::uint64_t epoch = 0;  // of the newest attempt; 0: there was none
  std::uint32_t restarts = 0;
  std::vector<WorkerRecord> workers;  // of that attempt, while any of them may be alive
  std::string last_failure;
  LastSavepoint last_savepoint;
  std::string savepoint;                   // the newest that was taken; empty: none
  std::uint64_t savepoint_checkpoint = 0;  // which it holds
  std::string savepoint_failure;           // of the last one that the job was to end with
  std::chrono::microseconds ended{0};      // wall time; 0: not yet
  std::string figures;  // newest wire::WorkerMetrics of all workers together, as bytes; for people
};

// Whether the job will never run again by itself.
bool is_ended(wire::JobState state);
// "running", for people.
std::string_view state_name(wire::JobState state);

// As text with a seal (docs/reference/control-protocol.md), and back. kDataLoss if it is damaged;
// `place` names it.
std::string to_text(const JobRecord& record);
absl::StatusOr<JobRecord> parse_job_record(std::string_view text, std::string_view place);

}  // namespace weir::coordinator
