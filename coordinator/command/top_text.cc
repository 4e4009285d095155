#include "top_text.h"

#include <algorithm>
#include <limits>

#include "absl/strings/str_cat.h"
#include "job_text.h"
#include "progress_text.h"
#include "text_table.h"

namespace weir::coordinator {
namespace {

using std::chrono::microseconds;

double rate(std::int64_t before, std::int64_t now, std::chrono::nanoseconds between) {
  const double seconds = std::chrono::duration<double>(between).count();
  return seconds <= 0 ? 0 : static_cast<double>(std::max<std::int64_t>(0, now - before)) / seconds;
}

std::string percent(std::uint32_t permille) { return absl::StrCat((permille + 5) / 10, " %"); }

// How far a task's time is behind the newest record of the job.
std::string lag_text(std::int64_t watermark_us, std::int64_t largest_us) {
  constexpr std::int64_t kNone = std::numeric_limits<std::int64_t>::min();
  if (watermark_us == kNone || largest_us == kNone) return "-";
  if (watermark_us >= largest_us) return "0 s";
  return format_elapsed(microseconds(largest_us - watermark_us));
}

const wire::OperatorInfoT* find_operator(const wire::JobInfoT& job, const std::string& uid) {
  for (const auto& op : job.operators) {
    if (op->uid == uid) return op.get();
  }
  return nullptr;
}

std::string operators_part(const wire::JobInfoT& before, const wire::JobInfoT& now,
                           std::chrono::nanoseconds between) {
  TextTable table({"operator", ">in/s", ">out/s", ">records in", ">records out", ">late", ">bad"});
  for (const auto& op : now.operators) {
    const wire::OperatorInfoT* then = find_operator(before, op->uid);
    const std::int64_t in = then == nullptr ? op->records_in : then->records_in;
    const std::int64_t out = then == nullptr ? op->records_out : then->records_out;
    table.add({op->uid, op->is_spout ? "" : format_rate(rate(in, op->records_in, between)),
               op->is_sink ? "" : format_rate(rate(out, op->records_out, between)),
               op->is_spout ? "" : format_count(op->records_in),
               op->is_sink ? "" : format_count(op->records_out), format_count(op->late),
               format_count(op->bad)});
  }
  return table.is_empty() ? "" : "\n" + table.text("  ");
}

std::string tasks_part(const wire::JobInfoT& now) {
  TextTable table({"task", "worker", ">busy", "waits for", ">behind", ">state", "time held by"});
  for (const auto& task : now.tasks) {
    table.add(
        {task->name, task->worker, percent(task->busy_permille), task->blocking,
         lag_text(task->watermark_us, now.largest_time_us),
         format_bytes(static_cast<std::uint64_t>(std::max<std::int64_t>(0, task->state_bytes))),
         task->held_by});
  }
  return table.is_empty() ? "" : "\n" + table.text("  ");
}

}  // namespace

std::string top_text(const wire::JobInfoT& before, const wire::JobInfoT& now,
                     std::chrono::nanoseconds between) {
  std::string out = absl::StrCat(
      now.id, "  ", job_line(now, rate(before.records_read, now.records_read, between)), "\n");
  if (now.last_checkpoint != 0) {
    absl::StrAppend(&out, "  checkpoint ", now.last_checkpoint, ": ",
                    format_bytes(now.checkpoint_bytes), ", took ",
                    format_elapsed(microseconds(now.checkpoint_took_us)), ", ",
                    format_elapsed(microseconds(now.checkpoint_age_us)), " old");
    if (now.failed_checkpoints != 0) absl::StrAppend(&out, ", ", now.failed_checkpoints, " failed");
    out += "\n";
  }
  if (!now.last_failure.empty()) {
    absl::StrAppend(
        &out, "  last failure: ", now.last_failure.substr(0, now.last_failure.find('\n')), "\n");
  }
  return out + operators_part(before, now, between) + tasks_part(now);
}

std::string top_jobs_text(const wire::JobsT& before, const wire::JobsT& now,
                          std::chrono::nanoseconds between) {
  if (now.jobs.empty()) return "No jobs run.\n";
  TextTable table({"job", "state", ">read/s", ">records", ">workers", ">late", ">behind",
                   ">restarts", ">checkpoint age", ">size"});
  for (const auto& job : now.jobs) {
    const auto then = std::find_if(before.jobs.begin(), before.jobs.end(),
                                   [&](const auto& other) { return other->id == job->id; });
    const std::int64_t read = then == before.jobs.end() ? job->records_read : (*then)->records_read;
    table.add(
        {job->id, std::string(state_name(job->state)),
         format_rate(rate(read, job->records_read, between)), format_count(job->records_read),
         absl::StrCat(job->workers.size()), format_count(job->late),
         lag_text(job->watermark_us, job->largest_time_us), absl::StrCat(job->restarts),
         job->last_checkpoint == 0 ? "-" : format_elapsed(microseconds(job->checkpoint_age_us)),
         job->last_checkpoint == 0 ? "-" : format_bytes(job->checkpoint_bytes)});
  }
  return table.text();
}

}  // namespace weir::coordinator
