// Records of 64 bytes from one process to another over loopback: by Links with a keyed router, and
// by a bare PUSH/PULL pair of ZeroMQ with messages of the same size.
#pragma once

#include <cstddef>
#include <cstdint>

#include "measure.h"

namespace weir::bench {

inline constexpr std::size_t kExchangeRecordBytes = 64;
inline constexpr std::uint32_t kExchangeBatch = 256;  // records

struct Exchange {
  std::uint64_t records = 0;
  std::uint32_t targets = 2;                           // tasks at the receiving process
  std::size_t channel_bytes = std::size_t{512} << 10;  // window of each channel
};

// Both set `seconds` (first record to last, at the receiver), values[0] to the CPU seconds of both
// processes, and tally.outputs to the number of records that have arrived.
void bare_exchange(const Exchange& exchange, Run& run);
void links_exchange(const Exchange& exchange, Run& run);

}  // namespace weir::bench
