#include "supervisor/process_watcher.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include <utility>
#include <vector>

#include "weir/runtime/check.h"

namespace weir::coordinator {

using runtime::MutexLock;

namespace {

ProcessWatcher::Ended reap(int pidfd) {
  siginfo_t info{};
  if (::waitid(P_PIDFD, static_cast<id_t>(pidfd), &info, WEXITED) != 0) return {};
  return {true, info.si_code != CLD_EXITED, info.si_status};
}

}  // namespace

ProcessWatcher::ProcessWatcher() : wake_fd_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
  WEIR_CHECK(wake_fd_ >= 0, "no descriptor is left for waiting");
  thread_ = std::thread([this] { run(); });
}

ProcessWatcher::~ProcessWatcher() {
  stop();
  ::close(wake_fd_);
}

void ProcessWatcher::stop() {
  {
    MutexLock lock(mutex_);
    is_over_ = true;
  }
  wake();
  if (thread_.joinable()) thread_.join();
  MutexLock lock(mutex_);
  for (const auto& [fd, on_end] : watched_) ::close(fd);
  watched_.clear();
}

void ProcessWatcher::watch(int pidfd, std::function<void(Ended)> on_end) {
  {
    MutexLock lock(mutex_);
    watched_.emplace(pidfd, std::move(on_end));
  }
  wake();
}

void ProcessWatcher::wake() {
  const std::uint64_t one = 1;
  // It can fail only when it is full, and then the thread is awake anyway.
  [[maybe_unused]] const ssize_t written = ::write(wake_fd_, &one, sizeof(one));
}

std::vector<int> ProcessWatcher::wait() {
  std::vector<pollfd> fds = {{wake_fd_, POLLIN, 0}};
  {
    MutexLock lock(mutex_);
    for (const auto& [fd, on_end] : watched_) fds.push_back({fd, POLLIN, 0});
  }
  std::vector<int> ended;
  if (::poll(fds.data(), fds.size(), -1) <= 0) return ended;
  if (fds[0].revents != 0) {
    std::uint64_t count = 0;
    [[maybe_unused]] const ssize_t got = ::read(wake_fd_, &count, sizeof(count));
  }
  for (std::size_t i = 1; i < fds.size(); ++i) {
    if (fds[i].revents != 0) ended.push_back(fds[i].fd);
  }
  return ended;
}

void ProcessWatcher::run() {
  for (;;) {
    const std::vector<int> ended = wait();
    for (const int fd : ended) {
      std::function<void(Ended)> on_end;
      {
        MutexLock lock(mutex_);
        on_end = std::move(watched_.extract(fd).mapped());
      }
      const Ended how = reap(fd);
      ::close(fd);
      on_end(how);
    }
    MutexLock lock(mutex_);
    if (is_over_) return;
  }
}

}  // namespace weir::coordinator
