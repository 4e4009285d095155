// The head of a frame between workers, and the batch behind it. Input: one byte, the length of the
// head, the head, the payload.
#include <algorithm>
#include <cstdint>
#include <string>
#include <vector>

#include "frame.h"
#include "fuzz/require.h"
#include "weir/runtime/batch.h"
#include "weir/runtime/record.h"

namespace {

namespace runtime = weir::runtime;

struct Plain {
  std::int64_t id = 0;
  double value = 0;
};
struct Named {
  std::string name;
  std::int32_t count = 0;
  std::vector<std::string> tags;
};
WEIR_RECORD(Named, name, count, tags);

// What has been taken on is a batch: it can be written and read again, and is the same then.
template <class T>
void decode_batch(std::string_view payload) {
  runtime::Batch<T> batch(64);
  if (!batch.decode(payload)) {
    weir::tests::require(batch.size() == 0);
    return;
  }
  std::string written, again;
  batch.encode(written);
  runtime::Batch<T> second(64);
  weir::tests::require(second.decode(written));
  second.encode(again);
  weir::tests::require(written == again);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::size_t bytes = std::min<std::size_t>(data[0], size - 1);
  // As the transport hands it over: aligned, and not a byte more.
  std::vector<std::uint64_t> head(bytes / 8 + 1);
  const std::string exact(reinterpret_cast<const char*>(data) + 1, bytes);
  std::copy(exact.begin(), exact.end(), reinterpret_cast<char*>(head.data()));
  const auto frame = runtime::decode_frame({reinterpret_cast<const char*>(head.data()), bytes});
  if (frame) {
    runtime::FrameEncoder encoder;
    const std::string written = encoder.encode(*frame);
    const auto again = runtime::decode_frame(written);
    weir::tests::require(again.has_value() && again->job == frame->job &&
                         again->link_sequence == frame->link_sequence);
  }
  const std::string payload(exact.size() + reinterpret_cast<const char*>(data) + 1,
                            size - 1 - bytes);
  decode_batch<Plain>(payload);
  decode_batch<Named>(payload);
  return 0;
}
