#include "watch_job.h"

#include <algorithm>
#include <cstdio>
#include <utility>

#include "absl/strings/str_cat.h"
#include "job_text.h"
#include "live_view.h"
#include "termination_signals.h"

namespace weir::coordinator {
namespace {

using namespace std::chrono_literals;

constexpr runtime::MonotonicTime kInterval = 250ms;
constexpr runtime::MonotonicTime kPatience = 2min;  // with a coordinator that is away
constexpr runtime::MonotonicTime kLastWords = 3s;

// Records per second between two looks.
class Rate {
 public:
  double next(std::int64_t count) {
    const auto now = runtime::system_clock().now();
    const double seconds = std::chrono::duration<double>(now - at_).count();
    if (at_.count() != 0 && seconds > 0) {
      const double rate = static_cast<double>(std::max<std::int64_t>(0, count - count_)) / seconds;
      smooth_ = smooth_ == 0 ? rate : 0.6 * smooth_ + 0.4 * rate;
    }
    at_ = now;
    count_ = count;
    return smooth_;
  }

 private:
  runtime::MonotonicTime at_{};
  std::int64_t count_ = 0;
  double smooth_ = 0;
};

// The job once its workers have said their last figures and gone, which they do within a moment.
absl::StatusOr<wire::JobInfoT> last_look(Client& client, wire::JobInfoT job) {
  const auto until = runtime::system_clock().now() + kLastWords;
  while (!job.workers.empty() && runtime::system_clock().now() < until) {
    pause_for(20ms);
    absl::StatusOr<wire::JobInfoT> now = get_job(client, job.id);
    if (!now.ok()) break;
    job = *std::move(now);
  }
  return job;
}

}  // namespace

absl::StatusOr<wire::JobInfoT> get_job(Client& client, const std::string& job) {
  wire::GetJobT ask;
  ask.job = job;
  absl::StatusOr<wire::JobsT> jobs = client.ask<wire::JobsT>(std::move(ask));
  if (!jobs.ok()) return jobs.status();
  if (jobs->jobs.size() != 1) return absl::NotFoundError(absl::StrCat("there is no job ", job));
  return std::move(*jobs->jobs[0]);
}

absl::StatusOr<wire::JobInfoT> watch_job(Client& client, const std::string& job,
                                         const WatchOptions& options) {
  TerminationSignals signals(true);
  LiveLine line(is_terminal_error());
  Rate rate;
  bool was_interrupted = false;
  runtime::MonotonicTime heard_at = runtime::system_clock().now();
  wire::JobState state = wire::JobState::Waiting;
  for (;;) {
    absl::StatusOr<wire::JobInfoT> info = get_job(client, job);
    const auto now = runtime::system_clock().now();
    if (info.ok()) {
      heard_at = now;
      if (is_ended(info->state)) return last_look(client, *std::move(info));
      const bool is_news = std::exchange(state, info->state) != info->state;
      if (!options.quiet) line.show(job_line(*info, rate.next(info->records_read)), is_news);
    } else if (!absl::IsUnavailable(info.status()) || now - heard_at > kPatience) {
      return info.status();
    } else if (!options.quiet) {
      line.show("the coordinator does not answer; the job goes on", true);
    }
    if (signals.received() && !was_interrupted) {
      was_interrupted = true;
      if (!options.interrupt_stops) {
        return absl::CancelledError(absl::StrCat("the job goes on; see weir info ", job));
      }
      line.clear();
      std::fputs("stopping after a last checkpoint; once more to leave the job alone\n", stderr);
      wire::StopJobT stop;
      stop.job = job;
      client.ask_any(std::move(stop)).status().IgnoreError();  // the next look tells
    }
    pause_for(kInterval);
  }
}

}  // namespace weir::coordinator
