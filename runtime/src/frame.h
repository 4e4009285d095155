// The head of a frame as a plain value, and its bytes: runtime/src/wire/frame.fbs.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "frame_generated.h"

namespace weir::runtime {

// Peers of another version are refused with a message that names both.
inline constexpr std::uint32_t kLinkProtocol = 1;

struct Frame {
  std::string_view job;  // of a decoded frame: a view into its bytes
  std::uint64_t epoch = 0;
  wire::FrameKind kind = wire::FrameKind::Ping;
  std::uint32_t protocol = 0;
  bool wants_answer = false;
  std::uint64_t link_sequence = 0;
  std::uint32_t channel = 0;
  std::uint64_t sequence = 0;
  std::int64_t watermark = 0;
  std::uint64_t checkpoint = 0;
  std::uint64_t credit = 0;
};

// What a frame of a batch takes from its channel's window.
constexpr std::size_t frame_cost(std::size_t payload_bytes) { return payload_bytes + 64; }

// Encodes frames one after the other; keeps its memory.
class FrameEncoder {
 public:
  std::string encode(const Frame& frame);

 private:
  flatbuffers::FlatBufferBuilder builder_{256};
};

// None if `bytes`, which must be aligned to 8, are anything but a frame. Nothing is read before it
// has been verified.
std::optional<Frame> decode_frame(std::string_view bytes);

}  // namespace weir::runtime
