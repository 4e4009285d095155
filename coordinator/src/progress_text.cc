#include "progress_text.h"

#include <algorithm>
#include <array>
#include <cstdio>
#include <ctime>

namespace weir::coordinator {

using runtime::BlockingReason;
using runtime::EventTime;
using runtime::MonotonicTime;

namespace {

// A replay of old data is not late: only a lag up to this is shown against the clock.
constexpr std::chrono::hours kLiveLag(24);

double in_seconds(MonotonicTime t) { return std::chrono::duration<double>(t).count(); }

std::string printed(const char* format, double value) {
  std::array<char, 64> text{};
  std::snprintf(text.data(), text.size(), format, value);
  return text.data();
}

bool is_known(EventTime t) { return t != EventTime::min() && t != EventTime::max(); }

std::string time_part(const JobProgress& p, std::chrono::microseconds wall_now) {
  if (!is_known(p.watermark)) return "";
  std::string text = " | " + format_time(p.watermark);
  const auto behind_clock = wall_now - std::chrono::microseconds(p.watermark.micros());
  if (behind_clock >= std::chrono::microseconds(0) && behind_clock < kLiveLag) {
    return text + ", " + format_elapsed(behind_clock) + " behind now";
  }
  if (is_known(p.largest_time) && p.largest_time > p.watermark) {
    return text + ", " + format_elapsed(p.largest_time - p.watermark) + " behind";
  }
  return text;
}

std::string checkpoint_part(const JobProgress& p) {
  std::string text;
  if (p.checkpoints != 0) {
    text = " | checkpoint " + std::to_string(p.last_checkpoint.value) + " " +
           format_elapsed(p.last_checkpoint_age) + " ago, took " +
           format_elapsed(p.last_checkpoint_took);
  }
  if (p.failed_checkpoints != 0) {
    text += " | " + format_count(static_cast<std::int64_t>(p.failed_checkpoints)) +
            " failed checkpoints";
  }
  return text;
}

const char* outcome_text(const JobResult& result) {
  switch (result.outcome) {
    case JobResult::Outcome::kFinished: return "finished";
    case JobResult::Outcome::kStopped: return "stopped";
    case JobResult::Outcome::kAlreadyComplete: return "is complete already";
    case JobResult::Outcome::kFailed: break;
  }
  return "failed";
}

std::string row(const std::string& name, const std::string& value, const std::string& note = "") {
  std::array<char, 64> text{};
  std::snprintf(text.data(), text.size(), "  %-16s%14s", name.c_str(), value.c_str());
  return text.data() + (note.empty() ? "" : "   " + note) + "\n";
}

}  // namespace

std::string format_count(std::int64_t n) {
  std::string digits = std::to_string(n);
  const std::ptrdiff_t first = n < 0 ? 1 : 0;
  for (auto at = static_cast<std::ptrdiff_t>(digits.size()) - 3; at > first; at -= 3) {
    digits.insert(static_cast<std::size_t>(at), ",");
  }
  return digits;
}

std::string format_rate(double per_second) {
  if (per_second >= 1e6) return printed("%.1f M/s", per_second / 1e6);
  if (per_second >= 1e3) return printed("%.1f k/s", per_second / 1e3);
  return printed("%.0f/s", per_second);
}

std::string format_bytes(std::uint64_t bytes) {
  const auto value = static_cast<double>(bytes);
  if (bytes < 1024) return printed("%.0f B", value);
  if (bytes < (1u << 20)) return printed("%.1f KiB", value / 1024);
  if (bytes < (1u << 30)) return printed("%.1f MiB", value / (1u << 20));
  return printed("%.2f GiB", value / (1u << 30));
}

std::string format_time(EventTime t) {
  if (!is_known(t)) return "-";
  const std::time_t whole = t.seconds();
  std::tm parts{};
  if (gmtime_r(&whole, &parts) == nullptr) return std::to_string(whole) + " s";
  std::array<char, 64> text{};
  std::strftime(text.data(), text.size(), "%Y-%m-%d %H:%M:%S", &parts);
  return text.data();
}

std::string format_elapsed(MonotonicTime t) {
  const double s = std::max(0.0, in_seconds(t));
  if (s < 0.001) return printed("%.0f us", s * 1e6);
  if (s < 1) return printed("%.0f ms", s * 1e3);
  if (s < 60) return printed("%.1f s", s);
  std::array<char, 64> text{};
  const auto whole = static_cast<long long>(s);
  if (whole < 3600) {
    std::snprintf(text.data(), text.size(), "%lldm%02llds", whole / 60, whole % 60);
  } else if (whole < 48 * 3600) {
    std::snprintf(text.data(), text.size(), "%lldh%02lldm", whole / 3600, whole / 60 % 60);
  } else {
    std::snprintf(text.data(), text.size(), "%lldd%02lldh", whole / 86400, whole / 3600 % 24);
  }
  return text.data();
}

std::string what_blocks(const JobProgress& progress) {
  const TaskProgress* credit = nullptr;
  const TaskProgress* aligning = nullptr;
  bool all_dry = !progress.tasks.empty();
  for (const TaskProgress& task : progress.tasks) {
    // The last one in the order of the plan that waits for room: what it feeds is the slow part.
    if (task.blocking == BlockingReason::kNoCredit) credit = &task;
    if (task.blocking == BlockingReason::kAligning) aligning = &task;
    all_dry = all_dry && task.blocking == BlockingReason::kNoInput;
  }
  if (credit != nullptr) return credit->name + " waits for room behind it";
  if (aligning != nullptr) return aligning->name + " aligns a checkpoint";
  if (all_dry) return "waiting for input";
  return "";
}

std::string progress_line(const JobProgress& p, double rate, std::chrono::microseconds wall_now) {
  std::string line = format_count(p.records_read) + " records, " + format_rate(rate);
  line += time_part(p, wall_now);
  if (p.late != 0) line += " | " + format_count(p.late) + " late";
  if (p.bad != 0) line += " | " + format_count(p.bad) + " bad";
  line += checkpoint_part(p);
  const std::string blocks = what_blocks(p);
  if (!blocks.empty()) line += " | " + blocks;
  return line;
}

std::string summary(const std::string& job, const JobResult& result) {
  const JobProgress& p = result.progress;
  std::string text = job + " " + outcome_text(result);
  if (result.outcome != JobResult::Outcome::kAlreadyComplete) {
    text += " after " + format_elapsed(p.elapsed);
  }
  text += "\n";
  const bool did_nothing = result.outcome == JobResult::Outcome::kAlreadyComplete ||
                           (result.outcome == JobResult::Outcome::kFailed && p.records_read == 0);
  if (p.operators.empty() || did_nothing) return text;
  const double s = std::max(1e-9, in_seconds(p.elapsed));
  text += row("records read", format_count(p.records_read),
              format_rate(static_cast<double>(p.records_read) / s));
  for (const OperatorProgress& op : p.operators) {
    if (!op.is_sink) continue;
    text += row("into " + op.uid, format_count(op.records_in), op.detail);
  }
  if (p.late != 0) text += row("late", format_count(p.late), "came after their windows had fired");
  if (p.bad != 0) text += row("bad", format_count(p.bad), "could not be read as records");
  std::string note;
  if (p.checkpoints != 0) {
    note = "the last, " + std::to_string(p.last_checkpoint.value) + ", took " +
           format_elapsed(p.last_checkpoint_took);
  }
  if (p.failed_checkpoints != 0) {
    note += (note.empty() ? "" : "; ") + std::to_string(p.failed_checkpoints) + " failed";
  }
  text += row("checkpoints", format_count(static_cast<std::int64_t>(p.checkpoints)), note);
  return text;
}

}  // namespace weir::coordinator
