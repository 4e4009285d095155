// Manifest: everything that a complete checkpoint is, as a value. A checkpoint exists when its
// manifest is durable; files that no manifest names do not count.
//
// The text is JSON whose last member is the XXH3-128 of all bytes before it, so that a torn or
// altered manifest is never believed. Binary parts are base64. Grammar:
// docs/internals/state-format.md.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "weir/runtime/ids.h"
#include "weir/runtime/snapshot.h"

namespace weir::state {

// Version of everything under a state folder: layout, manifest, row files.
inline constexpr std::uint32_t kStateFormat = 1;

struct Manifest {
  std::string job;       // name of the job
  std::string topology;  // fingerprint of its topology
  std::string plan;      // printed plan, for people
  runtime::CheckpointId id{0};
  runtime::Epoch epoch{0};
  std::chrono::microseconds wall_time{0};  // since 1970, UTC; for people
  std::uint32_t max_parallelism = 0;
  bool final = false;  // the job has finished; nothing is left to do after this checkpoint
  std::vector<runtime::TaskSnapshot> tasks;

  // Strings other than states and meta must be UTF-8 (other bytes are replaced).
  std::string to_text() const;
  // kDataLoss if the text is torn or altered, kFailedPrecondition if another version wrote it.
  // `place` names the text in messages.
  static absl::StatusOr<Manifest> parse(std::string_view text, std::string_view place);
};

}  // namespace weir::state
