// What a program says of itself; comes with a submission, and lies in the records of jobs.
#include <cstdint>
#include <string>

#include "control/plan_spec.h"
#include "fuzz/require.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace weir::coordinator;
  const std::string bytes(reinterpret_cast<const char*>(data), size);
  const absl::StatusOr<wire::PlanSpecT> spec = decode_plan_spec(bytes);
  if (!spec.ok()) return 0;
  const auto again = decode_plan_spec(encode_plan_spec(*spec));
  weir::tests::require(again.ok() && again->fingerprint == spec->fingerprint);
  return 0;
}
