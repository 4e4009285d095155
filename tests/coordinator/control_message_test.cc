#include "control/control_message.h"

#include <gtest/gtest.h>

namespace weir::coordinator {
namespace {

// A message with a type of body and, if wanted, an empty table for it.
std::string message_of(std::uint32_t protocol, std::uint8_t body_type, bool has_body) {
  flatbuffers::FlatBufferBuilder builder;
  const auto body = wire::CreateDone(builder);
  wire::MessageBuilder message(builder);
  message.add_protocol(protocol);
  message.add_body_type(static_cast<wire::Body>(body_type));
  if (has_body) message.add_body(body.Union());
  wire::FinishMessageBuffer(builder, message.Finish());
  return {reinterpret_cast<const char*>(builder.GetBufferPointer()), builder.GetSize()};
}

TEST(ControlMessage, ComesOutAsItWentIn) {
  wire::GetLogT ask;
  ask.job = "day-1";
  ask.offset = -7;
  const auto message = decode_control(encode_control(control(ask, 42)).head);
  ASSERT_TRUE(message.ok()) << message.status();
  EXPECT_EQ(message->request, 42U);
  ASSERT_NE(message->body.AsGetLog(), nullptr);
  EXPECT_EQ(message->body.AsGetLog()->job, "day-1");
  EXPECT_EQ(message->body.AsGetLog()->offset, -7);
}

TEST(ControlMessage, IsRefusedWithoutABody) {
  const auto done = static_cast<std::uint8_t>(wire::Body::Done);
  EXPECT_TRUE(decode_control(message_of(kControlProtocol, done, true)).ok());
  EXPECT_TRUE(
      absl::IsInvalidArgument(decode_control(message_of(kControlProtocol, done, false)).status()));
  for (const std::uint8_t unknown : {std::uint8_t{0}, std::uint8_t{200}, std::uint8_t{255}}) {
    for (const bool has_body : {false, true}) {
      EXPECT_FALSE(decode_control(message_of(kControlProtocol, unknown, has_body)).ok())
          << int{unknown};
    }
  }
}

TEST(ControlMessage, OtherProtocolsAndGarbageAreRefused) {
  const auto done = static_cast<std::uint8_t>(wire::Body::Done);
  EXPECT_TRUE(absl::IsFailedPrecondition(
      decode_control(message_of(kControlProtocol + 1, done, true)).status()));
  for (const std::string& garbage :
       {std::string(), std::string(16, 'x'), std::string(4096, '\0')}) {
    EXPECT_TRUE(absl::IsInvalidArgument(decode_control(garbage).status()));
  }
  const std::string whole = encode_control(control(wire::DoneT{})).head;
  for (std::size_t size = 0; size < whole.size(); ++size) {
    EXPECT_FALSE(decode_control(whole.substr(0, size)).ok()) << size;
  }
}

}  // namespace
}  // namespace weir::coordinator
