// D as a topology: views of ads, counted by campaign in windows of 10 s. Embedded and on a cluster.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <utility>

#include "weir/operators/dsl.h"
#include "workloads.h"

namespace weir::bench {

inline constexpr std::chrono::seconds kAdsWindow{10};
using CampaignCount = operators::Windowed<std::uint64_t, std::uint64_t>;

// What a counted window adds to the checksum.
inline std::uint64_t campaign_part(const CampaignCount& o) {
  const std::chrono::microseconds slide = kAdsWindow;
  return window_part(o.key, static_cast<std::uint64_t>(o.start.micros() / slide.count()), o.value);
}

// `spout` delivers AdEvents in time, `sink` takes CampaignCounts.
template <class S, class Sink>
void count_ads(runtime::Topology& t, S spout, Sink sink) {
  struct View {
    std::uint64_t time_us = 0;
    std::uint64_t campaign = 0;
  };
  const auto campaigns = std::make_shared<const HandTable<std::uint64_t>>(make_campaign_table());
  t.spout("events", std::move(spout))
      .filter([](const AdEvent& e) { return e.kind == 0; })
      .map([campaigns](const AdEvent& e) {
        const std::uint64_t* campaign = campaigns->find(e.ad);
        return View{e.time_us, campaign == nullptr ? 0 : *campaign};
      })
      .filter([](const View& v) { return v.campaign != 0; })
      .event_time(
          [](const View& v) { return runtime::EventTime(static_cast<std::int64_t>(v.time_us)); },
          ascending())
      .key_by(&View::campaign)
      .window(tumbling(kAdsWindow), late_drop())
      .aggregate("counts", count())
      .sink("out", std::move(sink));
}

}  // namespace weir::bench
