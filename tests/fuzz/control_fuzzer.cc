// A control message, from anybody who may speak to a coordinator, a supervisor or a worker.
#include <cstdint>
#include <string>

#include "control/control_message.h"
#include "control/snapshot_message.h"
#include "fuzz/require.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace weir::coordinator;
  const std::string bytes(reinterpret_cast<const char*>(data), size);
  const absl::StatusOr<wire::MessageT> message = decode_control(bytes);
  if (!message.ok()) return 0;
  if (const wire::SnapshotDoneT* done = message->body.AsSnapshotDone()) {
    if (done->snapshot != nullptr) from_wire(*done->snapshot);
  }
  const auto again = decode_control(encode_control(*message).head);
  weir::tests::require(again.ok() && again->body.type == message->body.type);
  return 0;
}
