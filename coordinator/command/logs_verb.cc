// weir logs: from whatever host, through the coordinator.
#include <algorithm>
#include <iostream>
#include <map>
#include <optional>
#include <set>

#include "absl/strings/str_cat.h"
#include "job_text.h"
#include "live_view.h"
#include "termination_signals.h"
#include "verb.h"
#include "watch_job.h"

namespace weir::coordinator {
namespace {

constexpr std::uint32_t kPart = 256 * 1024;
constexpr std::int64_t kTail = 64 * 1024;

struct Logs {
  std::string job;
  std::string worker;
  std::size_t lines = 100;
  bool follow = false;
};

// How far a worker's log has been printed.
struct Position {
  std::int64_t offset = -kTail;
  std::string half;  // a line that has not ended
};

class LogPrinter {
 public:
  LogPrinter(Client& client, const Logs& asked) : client_(client), asked_(asked) {}

  // Prints what is new; kNotFound if there is no log at all.
  absl::Status print(const std::set<std::string>& workers) {
    has_several_ = workers.size() > 1;
    absl::Status last = absl::OkStatus();
    bool any = false;
    for (const std::string& worker : workers) {
      const absl::Status printed = print_worker(worker);
      if (absl::IsUnavailable(printed)) return printed;
      any = any || printed.ok();
      if (!printed.ok()) last = printed;
    }
    return any ? absl::OkStatus() : last;
  }

 private:
  absl::Status print_worker(const std::string& worker) {
    Position& position = positions_[worker];
    const bool is_first = position.offset < 0;
    std::string text;
    for (;;) {
      wire::GetLogT ask;
      ask.job = asked_.job;
      ask.worker = worker;
      ask.offset = position.offset;
      ask.most = kPart;
      const absl::StatusOr<wire::LogPartT> part = client_.ask<wire::LogPartT>(std::move(ask));
      if (!part.ok()) return part.status();
      text.append(part->bytes.begin(), part->bytes.end());
      const std::uint64_t next = part->offset + part->bytes.size();
      position.offset = static_cast<std::int64_t>(next);
      if (part->bytes.empty() || next >= part->end) break;
    }
    show(worker, is_first ? last_lines_of(text) : text, position);
    return absl::OkStatus();
  }

  std::string last_lines_of(const std::string& text) const {
    std::size_t from = text.size();
    if (from != 0 && text[from - 1] == '\n') --from;
    for (std::size_t i = 0; i < asked_.lines; ++i) {
      const std::size_t newline = from == 0 ? std::string::npos : text.rfind('\n', from - 1);
      if (newline == std::string::npos) return text;
      from = newline;
    }
    return text.substr(from + 1);
  }

  // Whole lines, so that those of several workers do not mix.
  void show(const std::string& worker, const std::string& text, Position& position) const {
    position.half += text;
    const std::size_t end = position.half.rfind('\n');
    std::string whole = position.half;
    if (asked_.follow) {
      whole = end == std::string::npos ? "" : position.half.substr(0, end + 1);
      position.half.erase(0, whole.size());
    } else {
      position.half.clear();
      if (!whole.empty() && whole.back() != '\n') whole += '\n';
    }
    if (!has_several_) {
      std::cout << whole << std::flush;
      return;
    }
    std::size_t from = 0;
    while (from < whole.size()) {
      const std::size_t newline = whole.find('\n', from);
      std::cout << worker << "  " << whole.substr(from, newline - from + 1);
      from = newline + 1;
    }
    std::cout << std::flush;
  }

  Client& client_;
  const Logs& asked_;
  bool has_several_ = false;
  std::map<std::string, Position> positions_;
};

int logs(Logs asked, const Invocation& call) {
  const absl::StatusOr<std::unique_ptr<Client>> client = connect(call);
  if (!client.ok()) return report(client.status());
  TerminationSignals signals(asked.follow);
  LogPrinter printer(**client, asked);
  std::set<std::string> workers;  // all that were seen: old ones may still have last words
  for (;;) {
    const absl::StatusOr<wire::JobInfoT> job = get_job(**client, asked.job);
    if (!job.ok()) return report(job.status());
    for (const auto& worker : job->workers) workers.insert(worker->worker);
    if (!asked.worker.empty()) workers = {asked.worker};
    // Of a job that has none, the log that was written to last.
    const absl::Status printed =
        printer.print(workers.empty() ? std::set<std::string>{""} : workers);
    const bool goes_on = asked.follow && !is_ended(job->state) && !signals.received();
    if (!goes_on) return report(printed);
    if (absl::IsUnavailable(printed)) return report(printed);
    pause_for(std::chrono::milliseconds(300));
  }
}

}  // namespace

void declare_logs(CLI::App& app, Invocation& call) {
  auto asked = std::make_shared<Logs>();
  app.add_option("job", asked->job, "name or id")->required()->type_name("JOB");
  app.add_option("worker", asked->worker, "one of its workers [all that run]")->type_name("WORKER");
  app.add_flag("-f,--follow", asked->follow, "stay and show what comes, until the job is over");
  app.add_option("-n,--lines", asked->lines, "lines of each worker to begin with [100]")
      ->type_name("N");
  call.run = [asked, &call] { return logs(*asked, call); };
}

}  // namespace weir::coordinator
