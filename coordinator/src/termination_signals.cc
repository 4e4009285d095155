#include "termination_signals.h"

#include <signal.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>

namespace weir::coordinator {
namespace {

std::atomic<int> received_count{0};
static_assert(std::atomic<int>::is_always_lock_free, "usable in a signal handler");
struct sigaction old_int;
struct sigaction old_term;

void on_signal(int number) {
  if (received_count.fetch_add(1) >= 1) _exit(128 + number);
}

}  // namespace

TerminationSignals::TerminationSignals(bool enabled) : enabled_(enabled) {
  if (!enabled_) return;
  received_count.store(0);
  struct sigaction action {};
  action.sa_handler = on_signal;
  action.sa_flags = SA_RESTART;
  sigemptyset(&action.sa_mask);
  sigaction(SIGINT, &action, &old_int);
  sigaction(SIGTERM, &action, &old_term);
}

TerminationSignals::~TerminationSignals() {
  if (!enabled_) return;
  sigaction(SIGINT, &old_int, nullptr);
  sigaction(SIGTERM, &old_term, nullptr);
}

bool TerminationSignals::received() const { return enabled_ && received_count.load() > 0; }

}  // namespace weir::coordinator
