// weir top: a screen that changes on a terminal, frame after frame where there is none.
#include <iostream>

#include "job_text.h"
#include "live_view.h"
#include "termination_signals.h"
#include "top_text.h"
#include "verb.h"
#include "watch_job.h"

namespace weir::coordinator {
namespace {

struct Top {
  std::string job;
  std::uint32_t frames = 0;  // 0: until the job is over, or Ctrl-C
  double seconds = 1;
};

void show(const std::string& frame, bool is_first) {
  if (is_terminal_output()) {
    std::cout << "\x1b[H\x1b[J" << frame << "\nCtrl-C ends this, not the job.\n" << std::flush;
  } else {
    std::cout << (is_first ? "" : "\n") << frame << std::flush;
  }
}

// One job, or all; calls `next` for a pair of looks until it says that it is over.
template <class Look, class Ask, class Text, class IsOver>
int loop(const Top& asked, Ask ask, Text text, IsOver is_over_now) {
  TerminationSignals signals(true);
  absl::StatusOr<Look> before = ask();
  if (!before.ok()) return report(before.status());
  runtime::MonotonicTime then = runtime::system_clock().now();
  const runtime::MonotonicTime interval(static_cast<std::int64_t>(asked.seconds * 1e9));
  for (std::uint32_t frame = 0;; ++frame) {
    if (!is_over_now(*before)) pause_for(interval);
    absl::StatusOr<Look> now = ask();
    if (!now.ok()) return report(now.status());
    const runtime::MonotonicTime at = runtime::system_clock().now();
    show(text(*before, *now, at - then), frame == 0);
    const bool is_last = is_over_now(*now) || (asked.frames != 0 && frame + 1 >= asked.frames);
    if (is_last || signals.received()) return kOk;
    before = std::move(now);
    then = at;
  }
}

int top(const Top& asked, const Invocation& call) {
  const absl::StatusOr<std::unique_ptr<Client>> client = connect(call);
  if (!client.ok()) return report(client.status());
  if (asked.job.empty()) {
    return loop<wire::JobsT>(
        asked, [&] { return (*client)->ask<wire::JobsT>(wire::ListJobsT{}); }, top_jobs_text,
        [](const wire::JobsT&) { return false; });
  }
  return loop<wire::JobInfoT>(
      asked, [&] { return get_job(**client, asked.job); }, top_text,
      [](const wire::JobInfoT& job) { return is_ended(job.state); });
}

}  // namespace

void declare_top(CLI::App& app, Invocation& call) {
  auto asked = std::make_shared<Top>();
  app.add_option("job", asked->job, "name or id [all jobs]")->type_name("JOB");
  app.add_option("-n,--frames", asked->frames, "how often to look [until the job is over]")
      ->type_name("N");
  app.add_option("-i,--interval", asked->seconds, "seconds between two looks [1]")
      ->check(CLI::Range(0.1, 3600.0))
      ->type_name("SECONDS");
  call.run = [asked, &call] { return top(*asked, call); };
}

}  // namespace weir::coordinator
