#include <algorithm>
#include <chrono>
#include <cmath>
#include <memory>

#include "paced_spout.h"
#include "weir/operators/dsl.h"
#include "weir_jobs.h"

namespace weir::bench {
namespace {

using namespace std::chrono_literals;  // NOLINT(google-build-using-namespace)
using runtime::EventTime;
using runtime::Topology;

Schedule schedule_of(std::uint64_t rate, double seconds) {
  return {monotonic_ns() + 200'000'000, 1e9 / static_cast<double>(rate),
          static_cast<std::uint64_t>(static_cast<double>(rate) * seconds)};
}

std::uint32_t since(std::uint64_t due_ns) {
  const std::uint64_t now = monotonic_ns();
  return static_cast<std::uint32_t>(
      std::min<std::uint64_t>(now > due_ns ? now - due_ns : 0, UINT32_MAX));
}

}  // namespace

std::vector<std::uint32_t> weir_latencies_map_filter(std::uint64_t rate, double seconds) {
  const Load load{.records = 0};
  const Schedule schedule = schedule_of(rate, seconds);
  std::vector<std::uint32_t> latencies;
  latencies.reserve(schedule.records);
  run_or_exit(
      [&](Topology& t) {
        t.spout("events", paced<Event>(schedule,
                                       [load](std::uint64_t i, std::uint64_t due, Event& e) {
                                         make_event(load, i, e);
                                         e.due_ns = due;
                                       }))
            .map([](Event& e) { transform(e); })
            .filter([](const Event& e) { return is_wanted(e); })
            .sink("out", at_least_once(
                             call([&](const Event& e) { latencies.push_back(since(e.due_ns)); })));
      },
      {});
  return latencies;
}

std::vector<std::uint32_t> weir_latencies_ads(std::uint64_t rate, double seconds) {
  constexpr std::uint64_t kFaster = 100;  // event time against real time: a window each 100 ms
  const Load load{.records = 0};
  const Schedule schedule = schedule_of(rate, seconds);
  const auto ads = std::make_shared<const std::vector<std::uint64_t>>(make_ads());
  const auto campaigns = std::make_shared<const HandTable<std::uint64_t>>(make_campaign_table());
  const std::uint64_t last_end = schedule.due_ns(schedule.records - 1);
  std::vector<std::uint32_t> latencies;
  run_or_exit(
      [&](Topology& t) {
        using Out = operators::Windowed<std::uint64_t, std::uint64_t>;
        t.spout("events", paced<AdEvent>(schedule,
                                         [=](std::uint64_t i, std::uint64_t due, AdEvent& e) {
                                           make_ad_event(load, ads->data(), i, e);
                                           e.time_us = (due - schedule.start_ns) * kFaster / 1000;
                                         }))
            .filter([](const AdEvent& e) { return e.kind == 0; })
            .map([campaigns](AdEvent& e) { e.campaign = *campaigns->find(e.ad); })
            .event_time(
                [](const AdEvent& e) { return EventTime(static_cast<std::int64_t>(e.time_us)); },
                ascending())
            .key_by(&AdEvent::campaign)
            .window(tumbling(10s), late_drop())
            .aggregate("counts", count())
            .sink("out", at_least_once(call([&](const Out& o) {
                    const std::uint64_t due =
                        schedule.start_ns +
                        static_cast<std::uint64_t>(o.end.micros()) * 1000 / kFaster;
                    if (due <= last_end) latencies.push_back(since(due));
                  })));
      },
      {});
  return latencies;
}

}  // namespace weir::bench
