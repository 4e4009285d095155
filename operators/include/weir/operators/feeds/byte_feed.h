// ByteFeed: bytes that come by themselves (standard input, connections), read by a thread of its
// own into a bounded queue, so that a spout's poll() never waits.
//
//   descriptor --thread--> queue of blocks --source()--> reader of records
//
// When the queue is full nothing more is read: the writer at the other end waits. The destructor
// stops and joins the thread. source() belongs to the task's thread and gives kNotYet when the
// queue is empty; `wake` is called, from the feed's thread, when it no longer is.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "weir/operators/text/byte_source.h"

namespace weir::operators {

class ByteFeed {
 public:
  // Bytes that wait in the queue at most, apart from one block.
  static constexpr std::size_t kMaxQueued = std::size_t{1} << 20;

  virtual ~ByteFeed() = default;
  // The bytes; once, and not longer than the feed lives.
  virtual std::unique_ptr<ByteSource> source() = 0;
  // Lines that came over a connection and were thrown away: too long, or cut by its end.
  virtual std::uint64_t refused() const = 0;
  // Of a TCP feed: where it listens.
  virtual std::uint16_t port() const { return 0; }
};

using Wake = std::function<void()>;

// Reads `descriptor`, which stays open, to its end.
absl::StatusOr<std::unique_ptr<ByteFeed>> descriptor_feed(int descriptor, std::string name,
                                                          Wake wake);

// Listens on 127.0.0.1:`port` (0: a free one) and takes whole lines from any number of connections.
// Never ends. A line has at most kMaxTcpLine bytes; a longer one ends its connection.
inline constexpr std::size_t kMaxTcpLine = std::size_t{1} << 20;
absl::StatusOr<std::unique_ptr<ByteFeed>> tcp_feed(std::uint16_t port, Wake wake);

}  // namespace weir::operators
