#include "persistence_steps.h"

#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>

namespace weir::runtime {

PersistenceSteps::PersistenceSteps() {
  if (const char* at = std::getenv("WEIR_CRASH_AT"); at != nullptr && *at != '\0') {
    const std::string_view text(at);
    const std::size_t colon = text.rfind(':');
    const bool has_number = colon != std::string_view::npos;
    crash_name_ = std::string(text.substr(0, colon));
    crash_number_ = has_number ? std::strtoull(at + colon + 1, nullptr, 10) : 1;
    if (crash_number_ == 0) {
      std::fprintf(stderr, "weir: WEIR_CRASH_AT=%s is ignored: give NAME:N with N from 1\n", at);
    }
  }
  if (const char* trace = std::getenv("WEIR_TRACE_STEPS"); trace != nullptr && *trace != '\0') {
    trace_fd_ = ::open(trace, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    if (trace_fd_ < 0) std::fprintf(stderr, "weir: cannot write WEIR_TRACE_STEPS=%s\n", trace);
  }
}

PersistenceSteps::~PersistenceSteps() {
  if (trace_fd_ >= 0) ::close(trace_fd_);
}

void PersistenceSteps::pass(std::string_view name) {
  if (crash_number_ == 0 && trace_fd_ < 0) return;
  const MutexLock lock(mutex_);
  auto it = counts_.find(name);
  if (it == counts_.end()) it = counts_.emplace(std::string(name), 0).first;
  const std::uint64_t number = ++it->second;
  if (trace_fd_ >= 0) {
    const std::string line = std::string(name) + "\n";
    if (::write(trace_fd_, line.data(), line.size()) < 0) {
      std::fprintf(stderr, "weir: cannot append to the file of WEIR_TRACE_STEPS\n");
    }
  }
  if (number == crash_number_ && name == crash_name_) {
    ::kill(::getpid(), SIGKILL);
    for (;;) ::pause();  // the signal is on its way; nothing may happen after this step
  }
}

}  // namespace weir::runtime
