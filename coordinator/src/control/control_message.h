// Control messages as bytes: wire::MessageT <-> Message.head.
//
// decode() verifies everything before anything is read, and refuses another protocol version; what
// it returns is a plain value (FlatBuffers' object API), so no accessor ever sees foreign bytes.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include "absl/status/statusor.h"
#include "control_generated.h"
#include "weir/runtime/transport.h"

namespace weir::coordinator {

// Peers of another version are refused with a message that names both.
inline constexpr std::uint32_t kControlProtocol = 1;

// With the protocol version of this program.
runtime::Message encode_control(wire::MessageT message);
// kInvalidArgument: no control message; kFailedPrecondition: of another protocol version.
absl::StatusOr<wire::MessageT> decode_control(std::string_view head);

// A message with this body: encode_control(control(wire::HeartbeatT{...}, request)).
template <class BodyTable>
wire::MessageT control(BodyTable body, std::uint64_t request = 0) {
  wire::MessageT message;
  message.request = request;
  message.body.Set(std::move(body));
  return message;
}

}  // namespace weir::coordinator
