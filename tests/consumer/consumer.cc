// A program of someone else: it must compile against Weir's public face, link with nothing more,
// and count what it was told to count.
#include <weir/weir.h>

#include <cstdint>
#include <cstdio>

struct Reading {
  std::int64_t value = 0;
};
WEIR_RECORD(Reading, value);

int main() {
  std::int64_t sum = 0;
  const weir::JobResult result = weir::run_embedded(
      [&sum](weir::Topology& t) {
        t.spout("readings", weir::generate<Reading>(1000,
                                                    [](std::uint64_t i, Reading& reading) {
                                                      reading.value = static_cast<std::int64_t>(i);
                                                    }))
            .filter("even", [](const Reading& reading) { return reading.value % 2 == 0; })
            .sink("sum", weir::at_least_once(
                             weir::call([&sum](const Reading& reading) { sum += reading.value; })));
      },
      weir::JobOptions{});
  std::printf("sum %lld, %s\n", static_cast<long long>(sum), result.ok() ? "ok" : "failed");
  return result.ok() && sum == 249500 ? 0 : 1;
}
