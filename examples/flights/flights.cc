// Flights per origin and window: how many left, their total and their largest delay.
//
//   flights --input FILE_OR_FOLDER --output DIR --window 1h [--slide 1m] --max-delay 30m ...
//
// Event time is the departure; records arrive in the order in which they were reported, so delayed
// flights come late. Results are committed CSV files under DIR: window_start, origin, count,
// sum_delay, max_delay (times in seconds since 1970).
#include <unistd.h>
#include <weir/weir.h>

#include <algorithm>
#include <cstdio>
#include <ctime>
#include <span>
#include <string>
#include <tuple>
#include <vector>

using namespace std::chrono_literals;

struct Flight {
  weir::EventTime departed;
  std::int32_t delay_min = 0;
  std::string origin;
};
WEIR_RECORD(Flight, departed, delay_min, origin);

using PerOrigin =
    weir::Windowed<std::string, std::tuple<std::uint64_t, std::int64_t, std::int32_t>>;

// For people: a line per window once it is over, with its busiest airports.
struct Busiest : weir::Bolt<PerOrigin, std::string> {
  std::vector<PerOrigin> windows;  // that are not over

  void process(const PerOrigin& w, weir::Emitter<std::string>&) { windows.push_back(w); }

  void on_watermark(weir::EventTime now, weir::Emitter<std::string>& out) {
    const auto open = std::partition(windows.begin(), windows.end(),
                                     [now](const PerOrigin& w) { return w.end <= now; });
    std::sort(windows.begin(), open, [](const PerOrigin& a, const PerOrigin& b) {
      return std::forward_as_tuple(a.start, flights(b), a.key) <
             std::forward_as_tuple(b.start, flights(a), b.key);
    });
    for (auto first = windows.begin(); first != open;) {
      const auto next = std::find_if(
          first, open, [first](const PerOrigin& w) { return w.start != first->start; });
      out.emit(line_of({first, std::min(first + 3, next)}));
      first = next;
    }
    windows.erase(windows.begin(), open);
  }
  void finish(weir::Emitter<std::string>& out) { on_watermark(weir::EventTime::max(), out); }

  std::string save() const { return weir::encode_to_string(windows); }
  absl::Status load(const std::vector<std::string>& saved) {
    for (const std::string& of_task : saved) {
      std::vector<PerOrigin> more;
      if (!weir::decode_from(of_task, more)) return absl::DataLossError("no list of windows");
      windows.insert(windows.end(), more.begin(), more.end());
    }
    return absl::OkStatus();
  }

 private:
  static std::int64_t flights(const PerOrigin& w) {
    return static_cast<std::int64_t>(std::get<0>(w.value));
  }
  static std::string line_of(std::span<const PerOrigin> busiest) {
    char text[96];
    const std::time_t start = busiest[0].start.seconds();
    std::tm utc{};
    gmtime_r(&start, &utc);
    std::strftime(text, sizeof(text), "  %a %Y-%m-%d %H:%M", &utc);
    std::string line = text;
    for (const PerOrigin& w : busiest) {
      const auto delay = static_cast<double>(std::get<1>(w.value));
      std::snprintf(text, sizeof(text), "  %s %3lld %-8s %+.0f min", w.key.c_str(),
                    static_cast<long long>(flights(w)), flights(w) == 1 ? "flight," : "flights,",
                    delay / static_cast<double>(flights(w)));
      line += text;
    }
    return line;
  }
};

static void print_line(const std::string& line) {
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
    per_origin.global()
        .bolt("busiest", Busiest{})
        .sink("screen", weir::at_least_once(weir::call(print_line)));
  }
}

int main(int argc, char** argv) { return weir::main(argc, argv, build); }
