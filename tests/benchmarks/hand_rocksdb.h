// Keyed sums on plain RocksDB: get, modify, put for each record, with the memory that the engine
// may use, half of it for the write buffer and half for the block cache; no log.
#pragma once

#include <cstddef>
#include <string>

#include "workloads.h"

namespace weir::bench {

// Fills keys 0 .. keys - 1, then returns the seconds that load.records more took.
double rocksdb_seconds_on_full_table(const Load& load, bool is_zipf, std::size_t memory,
                                     const std::string& folder);

}  // namespace weir::bench
