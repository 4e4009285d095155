#include "control/control_message.h"

namespace weir::coordinator {

runtime::Message encode_control(wire::MessageT message) {
  message.protocol = kControlProtocol;
  flatbuffers::FlatBufferBuilder builder;
  wire::FinishMessageBuffer(builder, wire::Message::Pack(builder, &message));
  return {std::string(reinterpret_cast<const char*>(builder.GetBufferPointer()), builder.GetSize()),
          {}};
}

absl::StatusOr<wire::MessageT> decode_control(std::string_view head) {
  const auto* bytes = reinterpret_cast<const std::uint8_t*>(head.data());
  // Depth and number of tables are bounded, so that no message costs more than its size suggests.
  flatbuffers::Verifier verifier(bytes, head.size(), 32, 1'000'000);
  if (head.size() < 16 || !wire::MessageBufferHasIdentifier(bytes) ||
      !wire::VerifyMessageBuffer(verifier)) {
    return absl::InvalidArgumentError("what came is no control message of Weir");
  }
  const wire::Message* message = wire::GetMessage(bytes);
  if (message->protocol() != kControlProtocol) {
    return absl::FailedPreconditionError(
        "the peer speaks control protocol " + std::to_string(message->protocol()) +
        ", this program protocol " + std::to_string(kControlProtocol) +
        "; build both with the same version of Weir");
  }
  // The verifier lets pass what has a type of body, but no body, and types that it does not know.
  if (message->body() == nullptr || message->body_type() == wire::Body::NONE ||
      message->body_type() > wire::Body::MAX) {
    return absl::InvalidArgumentError("a control message without a body has come");
  }
  wire::MessageT out;
  message->UnPackTo(&out);
  return out;
}

}  // namespace weir::coordinator
