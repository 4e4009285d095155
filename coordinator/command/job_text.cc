#include "job_text.h"

#include <algorithm>
#include <limits>
#include <map>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "progress_text.h"
#include "text_table.h"

namespace weir::coordinator {
namespace {

using runtime::EventTime;
using std::chrono::microseconds;

std::string wall_text(std::int64_t us) { return format_time(EventTime(us)); }

std::string count_text(std::uint64_t n) { return format_count(static_cast<std::int64_t>(n)); }

// How long it has run, or ran.
std::string age_text(const wire::JobInfoT& job, microseconds now) {
  const std::int64_t end = job.ended_us != 0 ? job.ended_us : now.count();
  return format_elapsed(microseconds(end - job.submitted_us));
}

std::string checkpoint_text(const wire::JobInfoT& job) {
  if (job.last_checkpoint == 0) return "-";
  const std::string age =
      is_ended(job.state) ? "" : format_elapsed(microseconds(job.checkpoint_age_us)) + " ago";
  return absl::StrCat(job.last_checkpoint, age.empty() ? "" : ", ", age);
}

std::string slots_text(const wire::JobInfoT& job) {
  if (job.slots_missing == 0) return absl::StrCat(job.slots_needed);
  return absl::StrCat(job.slots_needed, ", ", job.slots_missing, " missing");
}

bool is_known(std::int64_t us) {
  return us != std::numeric_limits<std::int64_t>::min() &&
         us != std::numeric_limits<std::int64_t>::max() && us != 0;
}

// A line of "name   value", if there is a value.
void add_fact(TextTable& facts, const std::string& name, const std::string& value) {
  if (!value.empty()) facts.add({name, value});
}

std::string time_text(const wire::JobInfoT& job) {
  if (!is_known(job.watermark_us)) return "";
  std::string text = wall_text(job.watermark_us);
  if (is_known(job.largest_time_us) && job.largest_time_us > job.watermark_us) {
    text += ", " + format_elapsed(microseconds(job.largest_time_us - job.watermark_us)) +
            " behind the newest record";
  }
  return text;
}

std::string workers_part(const wire::JobInfoT& job) {
  if (job.workers.empty()) return "";
  TextTable workers({"worker", "host", "supervisor", ">pid", ">slots"});
  for (const auto& worker : job.workers) {
    workers.add({worker->worker, worker->host, worker->supervisor, absl::StrCat(worker->pid),
                 absl::StrCat(worker->slots)});
  }
  return "\n" + workers.text("  ");
}

std::string operators_part(const wire::JobInfoT& job) {
  if (job.operators.empty()) return "";
  TextTable operators({"operator", "kind", ">records in", ">records out", ">late", ">bad"});
  for (const auto& op : job.operators) {
    operators.add({op->uid, op->kind, op->is_spout ? "" : format_count(op->records_in),
                   op->is_sink ? "" : format_count(op->records_out),
                   op->late == 0 ? "" : format_count(op->late),
                   op->bad == 0 ? "" : format_count(op->bad)});
  }
  return "\n" + operators.text("  ");
}

std::string indented(const std::string& text, const std::string& indent) {
  std::string out;
  for (const auto& line : absl::StrSplit(text, '\n')) {
    absl::StrAppend(&out, out.empty() ? "" : "\n" + indent, line);
  }
  return out;
}

}  // namespace

std::string plural(std::uint64_t n, const std::string& what) {
  return absl::StrCat(n, " ", what, n == 1 ? "" : "s");
}

std::string cluster_text(const wire::ClusterT& cluster) {
  std::uint32_t slots = 0;
  std::uint32_t free = 0;
  TextTable hosts({"supervisor", "host", ">pid", ">slots", ">free", "state"});
  for (const auto& supervisor : cluster.supervisors) {
    hosts.add({supervisor->supervisor, supervisor->host, absl::StrCat(supervisor->pid),
               absl::StrCat(supervisor->slots), absl::StrCat(supervisor->free_slots),
               supervisor->is_alive ? "alive" : "silent"});
    if (!supervisor->is_alive) continue;
    slots += supervisor->slots;
    free += supervisor->free_slots;
  }
  if (hosts.is_empty()) return "No supervisor has said hello yet.\n";
  return absl::StrCat(free, " of ", plural(slots, "slot"), " free\n", hosts.text("  "));
}

std::string jobs_text(const wire::JobsT& jobs, microseconds now) {
  if (jobs.jobs.empty()) return "No jobs.\n";
  TextTable table({"job", "state", ">for", ">slots", ">workers", ">records", ">restarts",
                   "checkpoint", "note"});
  for (const auto& job : jobs.jobs) {
    std::string note;
    if (job->slots_missing != 0) note = "waits for " + plural(job->slots_missing, "slot");
    if (note.empty() && !job->last_failure.empty()) {
      note = job->last_failure.substr(0, job->last_failure.find('\n'));
      if (note.size() > 60) note = note.substr(0, 57) + "...";
    }
    table.add({job->id, std::string(state_name(job->state)), age_text(*job, now),
               absl::StrCat(job->slots_needed), absl::StrCat(job->workers.size()),
               format_count(job->records_read), absl::StrCat(job->restarts), checkpoint_text(*job),
               note});
  }
  return table.text();
}

std::string job_text(const wire::JobInfoT& job, microseconds now) {
  TextTable facts({"", ""});
  add_fact(facts, "state", std::string(state_name(job.state)));
  add_fact(facts, "program", job.program_name);
  std::string arguments;
  for (const std::string& word : job.arguments) arguments += (arguments.empty() ? "" : " ") + word;
  add_fact(facts, "arguments", arguments);
  add_fact(facts, "submitted",
           wall_text(job.submitted_us) + " UTC, " + age_text(job, now) +
               (is_ended(job.state) ? " until its end" : " ago"));
  add_fact(facts, "parallelism", absl::StrCat(job.parallelism));
  add_fact(facts, "slots", slots_text(job));
  add_fact(facts, "attempt",
           absl::StrCat(job.attempt, ", epoch ", job.epoch, ", ", plural(job.restarts, "restart")));
  add_fact(facts, "records",
           format_count(job.records_read) + " read, " + format_count(job.records_written) +
               " written" + (job.late == 0 ? "" : ", " + format_count(job.late) + " late"));
  add_fact(facts, "event time", time_text(job));
  std::string checkpoints = count_text(job.checkpoints);
  if (job.last_checkpoint != 0) {
    absl::StrAppend(&checkpoints, ", the last, ", checkpoint_text(job), ", took ",
                    format_elapsed(microseconds(job.checkpoint_took_us)), ", ",
                    format_bytes(job.checkpoint_bytes));
  }
  if (job.failed_checkpoints != 0) {
    absl::StrAppend(&checkpoints, "; ", count_text(job.failed_checkpoints), " failed");
  }
  add_fact(facts, "checkpoints", checkpoints);
  add_fact(facts, "last failure", indented(job.last_failure, std::string(17, ' ')));
  std::string text = facts.text("  ");
  text = text.substr(text.find('\n') + 1);  // no titles
  return job.id + "\n" + text + workers_part(job) + operators_part(job);
}

std::string job_line(const wire::JobInfoT& job, double rate) {
  std::string line(state_name(job.state));
  if (job.state == wire::JobState::Waiting && job.slots_missing != 0) {
    return line + " for " + plural(job.slots_missing, "slot");
  }
  absl::StrAppend(&line, " on ", plural(job.workers.size(), "worker"), " | ",
                  format_count(job.records_read), " records, ", format_rate(rate));
  const std::string time = time_text(job);
  if (!time.empty()) line += " | " + time;
  if (job.late != 0) line += " | " + format_count(job.late) + " late";
  if (job.last_checkpoint != 0) {
    absl::StrAppend(&line, " | checkpoint ", checkpoint_text(job), ", took ",
                    format_elapsed(microseconds(job.checkpoint_took_us)));
  }
  if (job.restarts != 0) line += " | " + plural(job.restarts, "restart");
  for (const auto& task : job.tasks) {
    if (!task->held_by.empty()) return line + " | " + task->name + " waits for " + task->held_by;
  }
  return line;
}

std::string job_summary(const wire::JobInfoT& job) {
  std::string text = absl::StrCat(job.id, " ", std::string(state_name(job.state)), " after ",
                                  age_text(job, microseconds(job.ended_us)), "\n");
  TextTable facts({"", ">", ""});
  facts.add({"records read", format_count(job.records_read)});
  for (const auto& op : job.operators) {
    if (op->is_sink) {
      facts.add({"into " + op->uid, format_count(op->records_in),
                 op->detail.empty() ? op->kind : op->detail});
    }
  }
  if (job.late != 0) facts.add({"late", format_count(job.late)});
  if (job.restarts != 0) facts.add({"restarts", absl::StrCat(job.restarts)});
  facts.add({"checkpoints", count_text(job.checkpoints)});
  std::string rows = facts.text("  ");
  text += rows.substr(rows.find('\n') + 1);
  if (job.state == wire::JobState::Failed && !job.last_failure.empty()) {
    absl::StrAppend(&text, "  ", indented(job.last_failure, "  "), "\n");
  }
  return text;
}

std::string event_line(const wire::JobEventT& event) {
  std::string kind = event.kind;
  kind.resize(std::max<std::size_t>(kind.size(), 12), ' ');
  return absl::StrCat(wall_text(event.time_us), "  ", kind, "  ",
                      indented(event.text, std::string(35, ' ')), "\n");
}

}  // namespace weir::coordinator
