#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <memory>

#include "ads_topology.h"
#include "weir/operators/dsl.h"
#include "weir_jobs.h"

namespace weir::bench {
namespace {

using namespace std::chrono_literals;  // NOLINT(google-build-using-namespace)
using operators::Keyed;
using operators::Windowed;
using runtime::EventTime;
using runtime::Topology;

GeneratorOptions partitions_of(const JobOptions& options) {
  return {.partitions = options.parallelism};
}
auto events(const Load& load, const JobOptions& options) {
  return generate<Event>(
      load.records, [load](std::uint64_t i, Event& e) { make_event(load, i, e); },
      partitions_of(options));
}
constexpr auto time_of = [](const Event& e) {
  return EventTime(static_cast<std::int64_t>(e.time_us));
};
// The events with their times, by key.
auto keyed_in_time(Topology& t, const Load& load, const JobOptions& options) {
  return t.spout("events", events(load, options))
      .event_time(time_of, ascending())
      .key_by(&Event::key);
}
// Runs what `build(topology, tally)` declares; what its sinks have put into the tally.
template <class Build>
Tally tally_of(const JobOptions& options, Build&& build) {
  SharedTally shared;
  run_or_exit([&](Topology& t) { build(t, shared); }, options);
  return shared.get();
}
// The number of a window by its start, counted in steps of `slide`.
std::uint64_t number_of(EventTime start, std::chrono::microseconds slide) {
  return static_cast<std::uint64_t>(start.micros() / slide.count());
}

}  // namespace

std::uint64_t monotonic_ns() {
  return static_cast<std::uint64_t>(runtime::system_clock().now().count());
}

void run_or_exit(const std::function<void(Topology&)>& build, const JobOptions& options) {
  const JobResult result = run_embedded(build, options);
  if (result.ok()) return;
  std::fprintf(stderr, "the job failed: %s\n", result.status.ToString().c_str());
  std::exit(1);
}

Tally weir_map_filter(const Load& load, const JobOptions& options) {
  return tally_of(options, [&](Topology& t, SharedTally& shared) {
    t.spout("events", events(load, options))
        .map([](Event& e) { transform(e); })
        .filter([](const Event& e) { return is_wanted(e); })
        .sink("out", at_least_once(call([tally = TaskTally(shared)](const Event& e) mutable {
                tally.add(e.value ^ e.payload[0]);
              })));
  });
}

Tally weir_running_sum(const Load& load, const JobOptions& options) {
  return tally_of(options, [&](Topology& t, SharedTally& shared) {
    using Out = Keyed<std::uint64_t, std::uint64_t>;
    t.spout("events", events(load, options))
        .key_by(&Event::key)
        .aggregate("sums", sum(&Event::value))
        .sink("out", at_least_once(call([tally = TaskTally(shared)](const Out& o) mutable {
                tally.add(running_part(o.key, o.value));
              })));
  });
}

Tally weir_running_by_name(const Load& load, const JobOptions& options) {
  const auto names = std::make_shared<const std::vector<NameText>>(make_names(load.keys));
  return tally_of(options, [&](Topology& t, SharedTally& shared) {
    using Out = Keyed<std::string, std::uint64_t>;
    t.spout("events", generate<NamedEvent>(
                          load.records,
                          [names](std::uint64_t i, NamedEvent& e) {
                            make_named_event(names->data(), names->size(), i, e);
                          },
                          partitions_of(options)))
        .key_by([](const NamedEvent& e) { return e.name_view(); })
        .aggregate("sums", sum(&NamedEvent::value))
        .sink("out", at_least_once(call([tally = TaskTally(shared)](const Out& o) mutable {
                tally.add(text_part(o.key, o.value));
              })));
  });
}

Tally weir_tumbling(const Load& load, const JobOptions& options) {
  return tally_of(options, [&](Topology& t, SharedTally& shared) {
    using Out = Windowed<std::uint64_t, std::uint64_t>;
    keyed_in_time(t, load, options)
        .window(tumbling(10s), late_drop())
        .aggregate("counts", count())
        .sink("out", at_least_once(call([tally = TaskTally(shared)](const Out& o) mutable {
                tally.add(window_part(o.key, number_of(o.start, 10s), o.value));
              })));
  });
}

Tally weir_sliding(const Load& load, const JobOptions& options) {
  return tally_of(options, [&](Topology& t, SharedTally& shared) {
    using Out = Windowed<std::uint64_t, std::uint64_t>;
    keyed_in_time(t, load, options)
        .window(sliding(60s, 1s), late_drop())
        .aggregate("counts", count())
        .sink("out", at_least_once(call([tally = TaskTally(shared)](const Out& o) mutable {
                if (o.start.micros() < 0) return;  // the loop begins with the first whole one
                tally.add(window_part(o.key, number_of(o.start, 1s), o.value));
              })));
  });
}

Tally weir_ads(const Load& load, const JobOptions& options) {
  const auto ads = std::make_shared<const std::vector<std::uint64_t>>(make_ads());
  return tally_of(options, [&](Topology& t, SharedTally& shared) {
    count_ads(
        t,
        generate<AdEvent>(
            load.records,
            [load, ads](std::uint64_t i, AdEvent& e) { make_ad_event(load, ads->data(), i, e); },
            partitions_of(options)),
        at_least_once(call([tally = TaskTally(shared)](const CampaignCount& o) mutable {
          tally.add(campaign_part(o));
        })));
  });
}

Tally weir_long_window(const Load& load, const JobOptions& options) {
  return tally_of(options, [&](Topology& t, SharedTally& shared) {
    using Out = Windowed<std::uint64_t, std::tuple<std::uint64_t, std::uint64_t>>;
    keyed_in_time(t, load, options)
        .window(sliding(24h, 1min), late_drop())
        .aggregate("totals", count(), sum(&Event::value))
        .sink("out", at_least_once(call([tally = TaskTally(shared)](const Out& o) mutable {
                if (o.start.micros() < 0) return;
                const auto& [n, total] = o.value;
                tally.add(count_and_sum_part(o.key, number_of(o.start, 1min), n, total));
              })));
  });
}

}  // namespace weir::bench
