#include <atomic>
#include <cstdio>
#include <cstdlib>

#include "weir/operators/dsl.h"
#include "weir_jobs.h"

namespace weir::bench {
namespace {

using Out = operators::Keyed<std::uint64_t, std::uint64_t>;
using runtime::Topology;

// Keys in turn, so that all are there after load.keys records.
auto keys_in_turn(const Load& load) {
  return generate<Event>(UINT64_MAX, [load](std::uint64_t i, Event& e) {
    e.key = key_of(i % load.keys);
    e.value = 1;
  });
}
template <class F>
void build(Topology& t, const Load& load, F at_sink) {
  t.spout("events", keys_in_turn(load))
      .key_by(&Event::key)
      .aggregate("sums", sum(&Event::value))
      .sink("out", at_least_once(call(std::move(at_sink))));
}

}  // namespace

double weir_seconds_on_full_table(const Load& load, bool is_zipf, const JobOptions& options) {
  std::uint64_t seen = 0;
  std::uint64_t start = 0;
  const std::uint64_t keys = load.keys;
  run_or_exit(
      [&](Topology& t) {
        t.spout("events", generate<Event>(keys + load.records,
                                          [keys, is_zipf](std::uint64_t i, Event& e) {
                                            const std::uint64_t bits = scramble(i);
                                            e.key = key_of(i < keys  ? i
                                                           : is_zipf ? zipf(bits, keys)
                                                                     : scaled(bits, keys));
                                            e.value = bits & 0xffff;
                                          }))
            .key_by(&Event::key)
            .aggregate("sums", sum(&Event::value))
            .sink("out", at_least_once(call([&](const Out&) {
                    if (++seen == keys) start = monotonic_ns();
                  })));
      },
      options);
  return static_cast<double>(monotonic_ns() - start) / 1e9;
}

void weir_leave_state(const Load& load, const JobOptions& options) {
  JobControl control;
  JobOptions stoppable = options;
  stoppable.control = &control;
  std::uint64_t seen = 0;
  run_or_exit(
      [&](Topology& t) {
        build(t, load, [&](const Out&) {
          if (++seen == 2 * load.keys) control.stop();
        });
      },
      stoppable);
}

double weir_seconds_to_restore(const Load& load, const JobOptions& options) {
  JobControl control;
  JobOptions stoppable = options;
  stoppable.control = &control;
  const std::uint64_t start = monotonic_ns();
  std::uint64_t first = 0;
  std::uint64_t smallest = UINT64_MAX;
  run_or_exit(
      [&](Topology& t) {
        build(t, load, [&](const Out& o) {
          smallest = std::min(smallest, o.value);
          if (first != 0) return;
          first = monotonic_ns();
          control.stop();
        });
      },
      stoppable);
  if (first == 0 || smallest < 3) {  // each key had been there twice before
    std::fprintf(stderr, "the restored job has lost its state\n");
    std::exit(1);
  }
  return static_cast<double>(first - start) / 1e9;
}

}  // namespace weir::bench
