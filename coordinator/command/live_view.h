// A line, or a screen, that changes in place on a terminal; line after line where there is none.
#pragma once

#include <string>

#include "weir/runtime/clock.h"

namespace weir::coordinator {

class LiveLine {
 public:
  explicit LiveLine(bool is_terminal) : is_terminal_(is_terminal) {}
  ~LiveLine() { clear(); }
  LiveLine(const LiveLine&) = delete;
  LiveLine& operator=(const LiveLine&) = delete;

  // On a terminal at once; elsewhere only when `is_news`, or every ten seconds.
  void show(const std::string& line, bool is_news);
  void clear();

 private:
  const bool is_terminal_;
  bool is_shown_ = false;
  std::string last_;
  runtime::MonotonicTime last_at_{};
};

// Waits so long, or until a signal comes.
void pause_for(runtime::MonotonicTime time);

bool is_terminal_output();  // stdout
bool is_terminal_error();   // stderr

}  // namespace weir::coordinator
