#include "engine_options.h"

#include <charconv>
#include <limits>

namespace weir::coordinator {
namespace {

template <class N>
bool parse_number(const std::string& text, N least, N most, N& out) {
  N value{};
  const char* end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, value);
  if (error != std::errc() || stop != end || value < least || value > most) return false;
  out = value;
  return true;
}

bool parse_time(const std::string& text, runtime::MonotonicTime& out) {
  const auto duration = runtime::parse_duration(text);
  if (!duration.has_value() || *duration < runtime::Duration(0)) return false;
  if (*duration > std::chrono::hours(24 * 365)) return false;  // also keeps nanoseconds in range
  out = *duration;
  return true;
}

bool parse_size(const std::string& text, std::size_t& out) {
  const auto bytes = runtime::parse_bytes(text);
  if (!bytes.has_value() || *bytes == 0) return false;
  out = *bytes;
  return true;
}

// One of a few words.
template <class E>
std::function<bool(const std::string&, CommandLine&)> choice(
    std::vector<std::pair<std::string, E>> words, E JobOptions::*member) {
  return [words = std::move(words), member](const std::string& text, CommandLine& out) {
    for (const auto& [word, value] : words) {
      if (word == text) {
        out.job.*member = value;
        return true;
      }
    }
    return false;
  };
}

std::function<bool(const std::string&, CommandLine&)> number(std::uint32_t JobOptions::*member,
                                                             std::uint32_t least,
                                                             std::uint32_t most) {
  return [=](const std::string& text, CommandLine& out) {
    return parse_number(text, least, most, out.job.*member);
  };
}

std::function<bool(const std::string&, CommandLine&)> duration(
    runtime::MonotonicTime JobOptions::*member) {
  return
      [=](const std::string& text, CommandLine& out) { return parse_time(text, out.job.*member); };
}

std::function<bool(const std::string&, CommandLine&)> size(std::size_t JobOptions::*member) {
  return
      [=](const std::string& text, CommandLine& out) { return parse_size(text, out.job.*member); };
}

bool is_printable(const std::string& what) {
  return what == "topology" || what == "plan" || what == "topology-dot" || what == "plan-dot" ||
         what == "deployment" || what == "wire-plan" || what == "wire-states";
}

constexpr const char* kDurationWanted = "a duration with its unit, such as 250ms, 30m or 1h";
constexpr const char* kSizeWanted = "a number of bytes above 0, such as 4096, 64k or 2G";

std::vector<EngineOption> make_options() {
  return {
      {"parallelism", "N", "tasks per operator that states none", "1",
       "a whole number from 1 to 32768", number(&JobOptions::parallelism, 1, 32768)},
      {"state-dir", "DIR", "folder for checkpoints; the same command goes on from there", "",
       "the path of a folder",
       [](const std::string& text, CommandLine& out) {
         out.job.state_dir = text;
         return !text.empty();
       }},
      {"state-backend", "rocksdb|memory", "where keyed state rests",
       "rocksdb with a state folder, else memory", "rocksdb or memory",
       choice<StateBackend>(
           {{"rocksdb", StateBackend::kRocksDb}, {"memory", StateBackend::kMemory}},
           &JobOptions::state_backend)},
      {"fresh", "", "forget what the state folder holds and start from nothing", "", "",
       [](const std::string&, CommandLine& out) { return out.job.fresh = true; }},
      {"checkpoint-interval", "DURATION", "time between checkpoints; 0: only at the end", "1s",
       kDurationWanted, duration(&JobOptions::checkpoint_interval)},
      {"memory-budget", "BYTES", "memory for keyed state before it moves to disk", "512M",
       kSizeWanted, size(&JobOptions::memory_budget)},
      {"batch-size", "N", "records per batch", "256", "a whole number from 1 to 1048576",
       number(&JobOptions::batch_size, 1, 1u << 20)},
      {"channel-bytes", "BYTES", "capacity between two tasks; up to 8 times that between workers",
       "512k", kSizeWanted, size(&JobOptions::channel_bytes)},
      {"linger", "DURATION", "how long a record may wait for its batch to fill", "1ms",
       kDurationWanted, duration(&JobOptions::linger)},
      {"no-combine", "", "send every record through exchanges instead of pre-aggregating", "", "",
       [](const std::string&, CommandLine& out) { return !(out.job.combine = false); }},
      {"executor", "tbb|threads|single", "who runs the tasks", "tbb", "tbb, threads or single",
       choice<ExecutorKind>({{"tbb", ExecutorKind::kTbb},
                             {"threads", ExecutorKind::kThreads},
                             {"single", ExecutorKind::kSingle}},
                            &JobOptions::executor)},
      {"threads", "N", "threads of the executor", "one per core", "a whole number from 1 to 1024",
       number(&JobOptions::threads, 1, 1024)},
      {"seed", "N", "order of work with --executor single", "1", "a whole number, 0 or more",
       [](const std::string& text, CommandLine& out) {
         return parse_number<std::uint64_t>(text, 0, std::numeric_limits<std::uint64_t>::max(),
                                            out.job.seed);
       }},
      {"job", "NAME", "name of the job; a state folder belongs to one", "the program's name",
       "a name",
       [](const std::string& text, CommandLine& out) {
         out.job.job = text;
         return !text.empty();
       }},
      {"json-metrics", "FILE", "write progress as JSON, periodically and at the end", "",
       "the path of a file",
       [](const std::string& text, CommandLine& out) {
         out.json_metrics = text;
         return !text.empty();
       }},
      {"print", "WHAT", "print topology, plan, deployment, topology-dot or plan-dot; run nothing",
       "", "topology, plan, deployment, topology-dot or plan-dot",
       [](const std::string& text, CommandLine& out) {
         out.print = text;
         return is_printable(text);
       }},
      {"quiet", "", "say nothing but errors", "", "",
       [](const std::string&, CommandLine& out) { return out.quiet = true; }},
      {"version", "", "print the version", "", "",
       [](const std::string&, CommandLine& out) { return out.wants_version = true; }},
      {"help", "", "print this", "", "",
       [](const std::string&, CommandLine& out) { return out.wants_help = true; }},
  };
}

}  // namespace

const std::vector<EngineOption>& engine_options() {
  static const std::vector<EngineOption> options = make_options();
  return options;
}

}  // namespace weir::coordinator
