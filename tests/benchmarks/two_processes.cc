#include "two_processes.h"

#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>

namespace weir::bench {
namespace {

double cpu_seconds(const rusage& usage) {
  return static_cast<double>(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
         static_cast<double>(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}

}  // namespace

void Side::say(const std::string& text) const {
  const std::uint32_t size = static_cast<std::uint32_t>(text.size());
  if (write(out_, &size, sizeof size) != sizeof size ||
      write(out_, text.data(), size) != static_cast<ssize_t>(size)) {
    _exit(1);
  }
}

std::string Side::hear() const {
  std::uint32_t size = 0;
  if (read(in_, &size, sizeof size) != sizeof size) _exit(1);
  std::string text(size, '\0');
  for (std::size_t got = 0; got < size;) {
    const ssize_t n = read(in_, text.data() + got, size - got);
    if (n <= 0) _exit(1);
    got += static_cast<std::size_t>(n);
  }
  return text;
}

double run_two_processes(const std::function<void(const Side&)>& near,
                         const std::function<void(const Side&)>& far) {
  int there[2], back[2];
  if (pipe(there) != 0 || pipe(back) != 0) std::abort();
  const pid_t child = fork();
  if (child < 0) std::abort();
  if (child == 0) {
    close(there[1]);
    close(back[0]);
    far(Side(there[0], back[1]));
    _exit(0);
  }
  close(there[0]);
  close(back[1]);
  near(Side(back[0], there[1]));
  rusage mine{}, others{};
  int status = 0;
  if (wait4(child, &status, 0, &others) != child || status != 0) _exit(1);
  getrusage(RUSAGE_SELF, &mine);
  return cpu_seconds(mine) + cpu_seconds(others);
}

}  // namespace weir::bench
