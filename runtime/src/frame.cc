#include "frame.h"

namespace weir::runtime {
namespace {

constexpr std::size_t kLeastBytes = 16;
constexpr std::size_t kMostBytes = 1024;  // of a head; job ids are short

}  // namespace

std::string FrameEncoder::encode(const Frame& frame) {
  builder_.Clear();
  const auto job = builder_.CreateString(frame.job.data(), frame.job.size());
  wire::FinishFrameBuffer(
      builder_, wire::CreateFrame(builder_, job, frame.epoch, frame.kind, frame.protocol,
                                  frame.wants_answer, frame.link_sequence, frame.channel,
                                  frame.sequence, frame.watermark, frame.checkpoint, frame.credit));
  return {reinterpret_cast<const char*>(builder_.GetBufferPointer()), builder_.GetSize()};
}

std::optional<Frame> decode_frame(std::string_view bytes) {
  const auto* data = reinterpret_cast<const std::uint8_t*>(bytes.data());
  if (bytes.size() < kLeastBytes || bytes.size() > kMostBytes) return std::nullopt;
  flatbuffers::Verifier verifier(data, bytes.size(), 2, 2);
  if (!wire::FrameBufferHasIdentifier(data) || !wire::VerifyFrameBuffer(verifier)) {
    return std::nullopt;
  }
  const wire::Frame& f = *wire::GetFrame(data);
  if (f.kind() > wire::FrameKind::MAX) return std::nullopt;
  return Frame{{f.job()->data(), f.job()->size()},
               f.epoch(),
               f.kind(),
               f.protocol(),
               f.wants_answer(),
               f.link_sequence(),
               f.channel(),
               f.sequence(),
               f.watermark(),
               f.checkpoint(),
               f.credit()};
}

}  // namespace weir::runtime
