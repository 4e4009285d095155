// ProgressPrinter: shows a running job to people on stderr: as one live line on a terminal, as a
// log line every few seconds otherwise; and writes the metrics file. stdout is never touched.
// Belongs to the thread that runs the job.
#pragma once

#include <memory>
#include <string>

#include "weir/coordinator/embedded_job.h"
#include "weir/coordinator/job_progress.h"

namespace spdlog {
class logger;
}

namespace weir::coordinator {

struct ProgressOptions {
  std::string job;
  std::string state_dir;     // for messages; may be empty
  std::string json_metrics;  // file; empty: none
  bool quiet = false;        // errors only
  bool is_terminal = false;  // stderr is one
  bool is_screen = false;    // stdout is one, too
  runtime::Clock* clock = nullptr;
};

class ProgressPrinter final : public JobObserver {
 public:
  explicit ProgressPrinter(ProgressOptions options);
  ~ProgressPrinter() override;

  void job_started(const runtime::Plan& plan, runtime::CheckpointId restored) override;
  void job_progress(const JobProgress& progress) override;
  void checkpoint_failed(runtime::CheckpointId id, const absl::Status& why) override;
  void job_warning(const absl::Status& what) override;
  void job_stopping() override;
  // After the job: the summary, or what went wrong.
  void job_over(const JobResult& result);

 private:
  void say(const std::string& line);
  void show_live(const std::string& line);
  void clear_live();
  void write_json(std::string_view state, std::string_view error, const JobProgress& progress);
  double recent_rate(const JobProgress& progress);

  const ProgressOptions options_;
  const std::unique_ptr<spdlog::logger> log_;
  bool is_live_ = false;  // one line that is written again and again
  bool is_live_shown_ = false;
  bool has_warned_of_json_ = false;
  runtime::MonotonicTime log_at_{0};   // of the next log line, since the start
  runtime::MonotonicTime json_at_{0};  // the same for the metrics file
  runtime::MonotonicTime rated_at_{0};
  std::int64_t rated_records_ = 0;
  double rate_ = 0;
};

}  // namespace weir::coordinator
