// Flights per origin and window: how many left, their total and their largest delay.
//
//   flights --input FILE_OR_FOLDER --output DIR --window 1h [--slide 1m] --max-delay 30m ...
//
// Event time is the departure; records arrive in the order in which they were reported, so delayed
// flights come late. Results are committed CSV files under DIR: window_start, origin, count,
// sum_delay, max_delay (times in seconds since 1970).
#include <unistd.h>
#include <weir/weir.h>

#include <cstdio>
#include <ctime>
#include <string>

using namespace std::chrono_literals;

struct Flight {
  weir::EventTime departed;
  std::int32_t delay_min = 0;
  std::string origin;
};
WEIR_RECORD(Flight, departed, delay_min, origin);

// One line for people when a window closes: its busiest airports.
using PerOrigin =
    weir::Windowed<std::string, std::tuple<std::uint64_t, std::int64_t, std::int32_t>>;
struct Airport {
  std::string origin;
  std::uint64_t flights = 0;
  std::int64_t sum_delay = 0;
};
WEIR_RECORD(Airport, origin, flights, sum_delay);

static bool is_busier(const Airport& a, const Airport& b) {
  return a.flights != b.flights ? a.flights > b.flights : a.origin < b.origin;
}

static void print_window(const weir::Windowed<std::uint8_t, std::vector<Airport>>& busiest) {
  char text[64];
  const std::time_t start = busiest.start.seconds();
  std::tm utc{};
  gmtime_r(&start, &utc);
  std::strftime(text, sizeof(text), "%a %Y-%m-%d %H:%M", &utc);
  std::string line = std::string("  ") + text;
  for (const Airport& a : busiest.value) {
    char part[96];
    std::snprintf(part, sizeof(part), "  %s %3llu flights, %+.0f min", a.origin.c_str(),
                  static_cast<unsigned long long>(a.flights),
                  static_cast<double>(a.sum_delay) / static_cast<double>(a.flights));
    line += part;
  }
  std::puts(line.c_str());
  std::fflush(stdout);  // also into a pipe when the window closes
}

static void build(weir::Topology& t) {
  const auto input =
      t.param<std::string>("input", "CSV of flights: a file (.csv, .csv.gz) or a folder",
                           "examples/flights/data/flights-sample.csv");
  const auto output = t.param<std::string>("output", "folder for the results", "out/flights");
  const auto size = t.param<weir::Duration>("window", "length of a window", 1h);
  const auto slide = t.param<weir::Duration>("slide",
                                             "a window starts every so often; 0: as long as "
                                             "it is",
                                             weir::Duration(0));
  const auto max_delay =
      t.param<weir::Duration>("max-delay", "how late a record may be reported", 30min);
  const auto late = t.param<std::string>("late",
                                         "what becomes of later ones: drop (and count), or "
                                         "stream (to OUTPUT/late)",
                                         "drop");
  const auto rate = t.param<double>("max-rate", "records read per second; 0: no limit", 0.0);
  const auto header =
      t.param<bool>("header", "result files begin with the names of the columns", false);
  const auto show = t.param<bool>("show-windows", "print the busiest airports of each window",
                                  isatty(STDOUT_FILENO) != 0);
  t.default_option("state-dir", output + "/.state");

  if (late != "drop" && late != "stream") {
    t.fault(weir::Place::here(), "--late is '" + late + "'; it must be drop or stream");
  }
  const auto seconds = weir::TimeFormat::seconds();
  auto per_origin =
      t.spout("flights", weir::csv_file<Flight>(input, {.time = seconds, .max_rate = rate}))
          .event_time(&Flight::departed, weir::bounded_disorder(max_delay))
          .key_by(&Flight::origin)
          .window(slide.count() == 0 ? weir::tumbling(size) : weir::sliding(size, slide),
                  late == "stream" ? weir::late_to("late") : weir::late_drop())
          .aggregate("delays", weir::count(), weir::sum(&Flight::delay_min),
                     weir::max(&Flight::delay_min));
  per_origin.sink("report", weir::csv_files(output, {.header = header,
                                                     .time = seconds,
                                                     .window_end = false,
                                                     .names = {"window_start", "origin", "count",
                                                               "sum_delay", "max_delay"}}));
  if (late == "stream") {
    t.side<Flight>("late").sink(
        "late", weir::csv_files(output + "/late", {.header = header, .time = seconds}));
  }
  if (show) {
    const auto windows = slide.count() == 0 ? weir::tumbling(size) : weir::tumbling(slide);
    per_origin
        .map("airport",
             [](const PerOrigin& w) {
               return Airport{w.key, std::get<0>(w.value), std::get<1>(w.value)};
             })
        .window_all(windows, weir::late_drop())
        .aggregate("busiest", weir::top_k(3, is_busier))
        .sink("screen", weir::at_least_once(weir::call(print_window)));
  }
}

int main(int argc, char** argv) { return weir::main(argc, argv, build); }
