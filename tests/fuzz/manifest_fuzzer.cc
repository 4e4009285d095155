// A checkpoint's manifest: as it is, and with a seal that fits, behind which the JSON is looked at.
#include <cstdint>
#include <string>

#include "fuzz/require.h"
#include "weir/runtime/content_hash.h"
#include "weir/state/manifest.h"

namespace {

void parse(const std::string& text) {
  const auto manifest = weir::state::Manifest::parse(text, "fuzz");
  if (!manifest.ok()) return;
  const std::string written = manifest->to_text();
  const auto again = weir::state::Manifest::parse(written, "fuzz");
  weir::tests::require(again.ok() && again->to_text() == written);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string text(reinterpret_cast<const char*>(data), size);
  parse(text);
  parse(text + "\"xxh3_128\": \"" + weir::runtime::content_hash(text) + "\"}\n");
  return 0;
}
