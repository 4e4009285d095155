#include "progress.h"

#include <spdlog/logger.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>

#include "metrics_json.h"
#include "progress_text.h"

namespace weir::coordinator {

using runtime::MonotonicTime;

namespace {

constexpr MonotonicTime kLogEvery = std::chrono::seconds(5);
constexpr MonotonicTime kJsonEvery = std::chrono::seconds(1);
constexpr MonotonicTime kRateOver = std::chrono::seconds(1);

std::size_t terminal_width() {
  winsize size{};
  if (ioctl(STDERR_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_col == 0) return 80;
  return size.ws_col;
}

std::string_view state_name(const JobResult& result) {
  switch (result.outcome) {
    case JobResult::Outcome::kFinished: return "finished";
    case JobResult::Outcome::kStopped: return "stopped";
    case JobResult::Outcome::kAlreadyComplete: return "complete";
    case JobResult::Outcome::kFailed: break;
  }
  return "failed";
}

// Whether some sink may write to stdout, in the middle of a live line.
bool prints_to_stdout(const runtime::Plan& plan) {
  for (const runtime::PlanChain& chain : plan.chains) {
    for (const runtime::PlanOperator& op : chain.operators) {
      if (op.kind == "print" || op.kind == "call") return true;
    }
  }
  return false;
}

}  // namespace

ProgressPrinter::ProgressPrinter(ProgressOptions options)
    : options_(std::move(options)),
      log_(std::make_unique<spdlog::logger>(options_.job,
                                            std::make_shared<spdlog::sinks::stderr_sink_mt>())) {
  // People at a terminal know the time; a log without it is of little use.
  log_->set_pattern(options_.is_terminal ? "%v" : "%Y-%m-%dT%H:%M:%S.%eZ %n: %v",
                    spdlog::pattern_time_type::utc);
}

ProgressPrinter::~ProgressPrinter() { clear_live(); }

void ProgressPrinter::say(const std::string& line) {
  if (options_.quiet) return;
  clear_live();
  log_->info(line);
  log_->flush();
}

void ProgressPrinter::show_live(const std::string& line) {
  const std::string cut = line.substr(0, std::max<std::size_t>(terminal_width(), 2) - 1);
  std::fprintf(stderr, "\r\033[K%s", cut.c_str());
  std::fflush(stderr);
  is_live_shown_ = true;
}

void ProgressPrinter::clear_live() {
  if (!is_live_shown_) return;
  std::fputs("\r\033[K", stderr);
  std::fflush(stderr);
  is_live_shown_ = false;
}

void ProgressPrinter::job_started(const runtime::Plan& plan, runtime::CheckpointId restored) {
  is_live_ = options_.is_terminal && !(options_.is_screen && prints_to_stdout(plan));
  std::uint32_t tasks = 0;
  for (const runtime::PlanChain& chain : plan.chains) tasks += chain.parallelism;
  std::string line = "running " + options_.job + " with " + std::to_string(tasks) +
                     (tasks == 1 ? " task" : " tasks");
  if (restored.value != 0) {
    line += ", going on from checkpoint " + std::to_string(restored.value) + " in " +
            options_.state_dir;
  } else if (!options_.state_dir.empty()) {
    line += ", checkpoints in " + options_.state_dir;
  } else {
    line += "; nothing is kept for a restart (--state-dir DIR does that)";
  }
  say(line);
}

double ProgressPrinter::recent_rate(const JobProgress& p) {
  const MonotonicTime since = p.elapsed - rated_at_;
  if (since >= kRateOver || rated_at_ == MonotonicTime(0)) {
    const double s = std::max(1e-9, std::chrono::duration<double>(since).count());
    rate_ = static_cast<double>(p.records_read - rated_records_) / s;
    rated_at_ = p.elapsed;
    rated_records_ = p.records_read;
  }
  return rate_;
}

void ProgressPrinter::job_progress(const JobProgress& p) {
  const double rate = recent_rate(p);
  if (p.elapsed >= json_at_) {
    write_json("running", "", p);
    json_at_ = p.elapsed + kJsonEvery;
  }
  if (options_.quiet) return;
  const std::string line = progress_line(p, rate, options_.clock->wall_now());
  if (is_live_) {
    show_live(line);
  } else if (p.elapsed >= log_at_) {
    if (log_at_ != MonotonicTime(0)) say(line);
    log_at_ = p.elapsed + kLogEvery;
  }
}

void ProgressPrinter::checkpoint_failed(runtime::CheckpointId id, const absl::Status& why) {
  const std::string which = id.value == 0 ? "" : " " + std::to_string(id.value);
  say("checkpoint" + which + " failed, the next one covers it: " + std::string(why.message()));
}

void ProgressPrinter::job_warning(const absl::Status& what) {
  say("warning: " + std::string(what.message()));
}

void ProgressPrinter::job_stopping() {
  say("stopping after a last checkpoint (once more stops at once)");
}

void ProgressPrinter::job_over(const JobResult& result) {
  clear_live();
  const bool is_error = !result.status.ok();
  write_json(state_name(result), is_error ? std::string(result.status.message()) : "",
             result.progress);
  if (!options_.quiet) std::fputs(summary(options_.job, result).c_str(), stderr);
  if (is_error) {
    std::fprintf(stderr, "%s: %s\n", options_.job.c_str(),
                 std::string(result.status.message()).c_str());
  }
  if (options_.quiet) return;
  const std::string& dir = options_.state_dir;
  if (result.outcome == JobResult::Outcome::kAlreadyComplete) {
    std::fprintf(
        stderr,
        "Its output is complete: checkpoint %llu in %s is the last one.\n"
        "To run it again from the start, remove the output (or name another place for it)\n"
        "and add --fresh: that forgets the state in %s.\n",
        static_cast<unsigned long long>(result.restored_from.value), dir.c_str(), dir.c_str());
  } else if (result.outcome == JobResult::Outcome::kStopped && !dir.empty()) {
    std::fprintf(stderr, "The same command goes on from here.\n");
  } else if (result.outcome == JobResult::Outcome::kFailed && !dir.empty() &&
             result.progress.last_checkpoint.value != 0) {
    std::fprintf(stderr, "The same command goes on from checkpoint %llu.\n",
                 static_cast<unsigned long long>(result.progress.last_checkpoint.value));
  }
}

void ProgressPrinter::write_json(std::string_view state, std::string_view error,
                                 const JobProgress& progress) {
  if (options_.json_metrics.empty()) return;
  const absl::Status written =
      write_metrics(options_.json_metrics, metrics_json(options_.job, state, error, progress));
  if (written.ok() || has_warned_of_json_) return;
  has_warned_of_json_ = true;
  job_warning(written);
}

}  // namespace weir::coordinator
