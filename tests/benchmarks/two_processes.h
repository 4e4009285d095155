// Two processes for one run: the caller and a child, joined by pipes.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

namespace weir::bench {

// One end of the pipes between the two.
class Side {
 public:
  Side(int in, int out) : in_(in), out_(out) {}
  void say(const std::string& text) const;
  std::string hear() const;  // ends the process if the other side has gone

 private:
  int in_;
  int out_;
};

// Runs `far` in a child and `near` here; CPU seconds of both. Ends the process if the child fails.
double run_two_processes(const std::function<void(const Side&)>& near,
                         const std::function<void(const Side&)>& far);

}  // namespace weir::bench
