#include <chrono>
#include <string>

#include "flights_files.h"
#include "weir/operators/dsl.h"
#include "weir/weir.h"

struct BenchFlight {
  weir::EventTime departed;
  std::int32_t delay_min = 0;
  std::string origin;
};
WEIR_RECORD(BenchFlight, departed, delay_min, origin);

namespace weir::bench {

using namespace std::chrono_literals;  // NOLINT(google-build-using-namespace)

void weir_flights(const std::string& file, const std::string& folder, JobOptions options) {
  options.state_dir = folder + "/.state";
  options.checkpoint_interval = 1s;
  run_or_exit(
      [&](runtime::Topology& t) {
        const auto seconds = TimeFormat::seconds();
        t.spout("flights", csv_file<BenchFlight>(file, {.time = seconds}))
            .event_time(&BenchFlight::departed, bounded_disorder(30min))
            .key_by(&BenchFlight::origin)
            .window(tumbling(1h), late_drop())
            .aggregate("delays", count(), sum(&BenchFlight::delay_min),
                       max(&BenchFlight::delay_min))
            .sink("report", csv_files(folder, {.time = seconds,
                                               .window_end = false,
                                               .names = {"window_start", "origin", "count",
                                                         "sum_delay", "max_delay"}}));
      },
      options);
}

}  // namespace weir::bench
