#include "supervisor/process_id.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"

namespace weir::coordinator {
namespace {

// What the file holds; less than that, or nothing, if the process ends meanwhile. Not by a stream:
// its iterators throw when a read fails, and here one may.
std::string read_proc(const std::string& path) {
  std::string text;
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return text;
  std::array<char, 4096> buffer{};
  for (;;) {
    const ssize_t n = ::read(fd, buffer.data(), buffer.size());
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) break;
    text.append(buffer.data(), static_cast<std::size_t>(n));
  }
  ::close(fd);
  return text;
}

absl::Status ended(std::int32_t pid) {
  return absl::NotFoundError(absl::StrCat("process ", pid, " has ended"));
}

std::string boot_id() {
  std::string id = read_proc("/proc/sys/kernel/random/boot_id");
  while (!id.empty() && id.back() == '\n') id.pop_back();
  return id;
}

}  // namespace

absl::StatusOr<ProcessId> process_id(std::int32_t pid) {
  const std::string stat = read_proc(absl::StrCat("/proc/", pid, "/stat"));
  // The name, in parentheses, may hold anything: fields are counted behind its end. State is the
  // third field of all, the start time the 22nd.
  const std::size_t name_end = stat.rfind(") ");
  if (name_end == std::string::npos) return ended(pid);
  const std::vector<std::string> fields = absl::StrSplit(stat.substr(name_end + 2), ' ');
  if (fields.size() < 20 || fields[0] == "Z" || fields[0] == "X") return ended(pid);
  ProcessId id{pid, 0, boot_id()};
  const std::string& ticks = fields[19];
  std::from_chars(ticks.data(), ticks.data() + ticks.size(), id.start_ticks);
  return id;
}

absl::StatusOr<int> open_process(const ProcessId& id) {
  const int fd = static_cast<int>(::syscall(SYS_pidfd_open, id.pid, 0));
  if (fd < 0 && errno == ESRCH) return ended(id.pid);
  if (fd < 0) {
    return absl::ErrnoToStatus(errno, absl::StrCat("cannot watch process ", id.pid));
  }
  // The descriptor holds on to whoever has the pid; now it is safe to look who that is.
  if (is_running(id)) return fd;
  ::close(fd);
  return ended(id.pid);
}

absl::Status signal_process(const ProcessId& id, int signal) {
  const absl::StatusOr<int> fd = open_process(id);
  if (!fd.ok()) return fd.status();
  const long sent = ::syscall(SYS_pidfd_send_signal, *fd, signal, nullptr, 0);
  const int error = errno;
  ::close(*fd);
  if (sent == 0) return absl::OkStatus();
  if (error == ESRCH) return ended(id.pid);
  return absl::ErrnoToStatus(error, absl::StrCat("cannot signal process ", id.pid));
}

std::string command_line_of(std::int32_t pid) {
  std::string line = read_proc(absl::StrCat("/proc/", pid, "/cmdline"));
  while (!line.empty() && line.back() == '\0') line.pop_back();
  std::replace(line.begin(), line.end(), '\0', ' ');
  return line;
}

}  // namespace weir::coordinator
