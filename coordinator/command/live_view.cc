#include "live_view.h"

#include <poll.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <cstdio>

namespace weir::coordinator {
namespace {

constexpr std::chrono::seconds kPlainInterval(10);

std::size_t terminal_width() {
  winsize size{};
  if (::ioctl(STDERR_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_col == 0) return 100;
  return size.ws_col;
}

}  // namespace

void LiveLine::show(const std::string& line, bool is_news) {
  const auto now = runtime::system_clock().now();
  if (is_terminal_) {
    std::fprintf(stderr, "\r\x1b[K%s", line.substr(0, terminal_width() - 1).c_str());
    std::fflush(stderr);
    is_shown_ = true;
    return;
  }
  if (line == last_ || (!is_news && now - last_at_ < kPlainInterval)) return;
  std::fprintf(stderr, "%s\n", line.c_str());
  last_ = line;
  last_at_ = now;
}

void LiveLine::clear() {
  if (is_shown_) std::fputs("\r\x1b[K", stderr);
  is_shown_ = false;
}

void pause_for(runtime::MonotonicTime time) {
  ::poll(nullptr, 0,
         static_cast<int>(std::chrono::duration_cast<std::chrono::milliseconds>(time).count()));
}

bool is_terminal_output() { return ::isatty(STDOUT_FILENO) == 1; }
bool is_terminal_error() { return ::isatty(STDERR_FILENO) == 1; }

}  // namespace weir::coordinator
