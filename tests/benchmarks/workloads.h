// What the benchmarks work on: records of 64 bytes that are functions of their index, the work done
// on them, and checksums that do not depend on the order of results. Both sides of every ratio, the
// hand-written loop and the engine, use exactly this.
#pragma once

#include <array>
#include <atomic>
#include <bit>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

namespace weir::bench {

// A 64-bit permutation without visible structure (the finaliser of splitmix64).
inline std::uint64_t scramble(std::uint64_t x) {
  x += 0x9E3779B97F4A7C15u;
  x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9u;
  x = (x ^ (x >> 27)) * 0x94D049BB133111EBu;
  return x ^ (x >> 31);
}
// `bits` scaled to 0 .. n - 1.
inline std::uint64_t scaled(std::uint64_t bits, std::uint64_t n) {
  __extension__ using Wide = unsigned __int128;
  return static_cast<std::uint64_t>((static_cast<Wide>(bits) * n) >> 64);
}

// How many records, over how many keys, and how fast event time passes in them.
struct Load {
  std::uint64_t records = 0;
  std::uint64_t keys = 10'000;
  std::uint64_t step_us = 1;  // event time between two records
};

struct Event {
  std::uint64_t time_us = 0;
  std::uint64_t key = 0;
  std::uint64_t value = 0;
  std::uint64_t due_ns = 0;
  std::array<std::uint64_t, 4> payload{};
};
static_assert(sizeof(Event) == 64);

inline std::uint64_t key_of(std::uint64_t number) { return scramble(number + 0x5bd1e995u); }
inline void make_event(const Load& load, std::uint64_t i, Event& e) {
  const std::uint64_t bits = scramble(i);
  e.time_us = i * load.step_us;
  e.key = key_of(scaled(bits, load.keys));
  e.value = bits & 0xffff;
  for (std::uint64_t j = 0; j < e.payload.size(); ++j) e.payload[j] = bits ^ j;
}

// A: cheap work without state.
inline void transform(Event& e) {
  e.value = e.value * 1664525u + 1013904223u;
  e.payload[0] ^= e.value;
}
inline bool is_wanted(const Event& e) { return ((e.value >> 12) & 1) != 0; }  // every second one

// S: keys of text.
using NameText = std::array<char, 12>;
struct NamedEvent {
  std::uint64_t time_us = 0;
  std::uint64_t value = 0;
  NameText name{};
  std::uint32_t kind = 0;
  std::array<std::uint64_t, 4> payload{};
  std::string_view name_view() const { return {name.data(), name.size()}; }
};
static_assert(sizeof(NamedEvent) == 64);

inline std::vector<NameText> make_names(std::uint64_t count) {
  std::vector<NameText> names(count);
  for (std::uint64_t n = 0; n < count; ++n) {
    std::uint64_t bits = key_of(n);
    for (char& c : names[n]) {
      c = static_cast<char>('a' + bits % 26);
      bits = bits / 26 + n;
    }
  }
  return names;
}
inline void make_named_event(const NameText* names, std::uint64_t count, std::uint64_t i,
                             NamedEvent& e) {
  const std::uint64_t bits = scramble(i);
  e.time_us = i;
  e.value = bits & 0xffff;
  e.name = names[scaled(bits, count)];
  for (std::uint64_t j = 0; j < e.payload.size(); ++j) e.payload[j] = bits ^ j;
}

// D: views, clicks and purchases of ads; every ad belongs to a campaign.
struct AdEvent {
  std::uint64_t time_us = 0;
  std::uint64_t user = 0;
  std::uint64_t page = 0;
  std::uint64_t ad = 0;
  std::uint64_t due_ns = 0;
  std::uint64_t address = 0;
  std::uint32_t ad_kind = 0;
  std::uint32_t kind = 0;  // 0 view, 1 click, 2 purchase
  std::uint64_t campaign = 0;
};
static_assert(sizeof(AdEvent) == 64);

inline constexpr std::uint64_t kAds = 1000;
inline constexpr std::uint64_t kCampaigns = 100;
inline std::uint64_t ad_id(std::uint64_t n) { return scramble(n + 0xADull * 1000003u); }
inline std::uint64_t campaign_id(std::uint64_t n) { return scramble(n + 0xCAull * 1000003u); }
inline std::uint64_t campaign_of_ad(std::uint64_t n) {
  return campaign_id(n / (kAds / kCampaigns));
}
inline std::vector<std::uint64_t> make_ads() {
  std::vector<std::uint64_t> ads(kAds);
  for (std::uint64_t n = 0; n < kAds; ++n) ads[n] = ad_id(n);
  return ads;
}
inline void make_ad_event(const Load& load, const std::uint64_t* ads, std::uint64_t i, AdEvent& e) {
  const std::uint64_t bits = scramble(i);
  e.time_us = i * load.step_us;
  e.user = bits;
  e.page = bits >> 7;
  e.address = bits ^ 0x55;
  e.ad = ads[scaled(bits, kAds)];
  e.ad_kind = static_cast<std::uint32_t>(bits & 3);
  e.kind = static_cast<std::uint32_t>(((bits >> 8) & 0xffffff) % 3);
}

// Zipf with exponent 1 over 0 .. n - 1, from the inverse of its continuous distribution.
inline std::uint64_t zipf(std::uint64_t bits, std::uint64_t n) {
  const double u = static_cast<double>(bits >> 11) * 0x1p-53;
  return static_cast<std::uint64_t>(std::exp(u * std::log(static_cast<double>(n) + 1.0))) - 1;
}

// Open addressing with linear probing, keys and values apart; the key 0 means empty.
template <class V>
class HandTable {
 public:
  explicit HandTable(std::size_t expected)
      : keys_(std::bit_ceil(expected * 2 < 16 ? 16 : expected * 2)), values_(keys_.size()) {}

  V& at(std::uint64_t key) {
    std::uint64_t i = home(key);
    while (keys_[i] != key) {
      if (keys_[i] == 0) {
        keys_[i] = key;
        break;
      }
      i = (i + 1) & (keys_.size() - 1);
    }
    return values_[i];
  }
  const V* find(std::uint64_t key) const {
    std::uint64_t i = home(key);
    while (keys_[i] != key) {
      if (keys_[i] == 0) return nullptr;
      i = (i + 1) & (keys_.size() - 1);
    }
    return &values_[i];
  }
  std::size_t slots() const { return keys_.size(); }
  std::uint64_t key(std::size_t slot) const { return keys_[slot]; }
  V& value(std::size_t slot) { return values_[slot]; }

 private:
  std::uint64_t home(std::uint64_t key) const {
    return ((key * 0x9E3779B97F4A7C15u) >> 20) & (keys_.size() - 1);
  }
  std::vector<std::uint64_t> keys_;
  std::vector<V> values_;
};
inline HandTable<std::uint64_t> make_campaign_table() {
  HandTable<std::uint64_t> table(kAds * 2);
  for (std::uint64_t n = 0; n < kAds; ++n) table.at(ad_id(n)) = campaign_of_ad(n);
  return table;
}

// --- what results add to the checksum ------------------------------------------------------------

struct Tally {
  std::uint64_t outputs = 0;
  std::uint64_t checksum = 0;
  void add(std::uint64_t part) {
    ++outputs;
    checksum += part;
  }
};
inline std::uint64_t running_part(std::uint64_t key, std::uint64_t sum) {
  return scramble(key ^ sum);
}
inline std::uint64_t text_part(std::string_view name, std::uint64_t sum) {
  std::uint64_t head = 0;
  std::uint32_t tail = 0;
  std::memcpy(&head, name.data(), 8);
  std::memcpy(&tail, name.data() + 8, 4);
  return scramble(head ^ (static_cast<std::uint64_t>(tail) << 17) ^ sum);
}
inline std::uint64_t window_part(std::uint64_t key, std::uint64_t window, std::uint64_t count) {
  return scramble(key ^ (window * 0x9E3779B97F4A7C15u)) * count;
}
inline std::uint64_t count_and_sum_part(std::uint64_t key, std::uint64_t window,
                                        std::uint64_t count, std::uint64_t sum) {
  return window_part(key, window, count) + scramble(sum) * sum;
}

// A tally that the tasks of a job share: each copy counts for itself and adds itself at its end.
class SharedTally {
 public:
  Tally get() const { return {outputs_.load(), checksum_.load()}; }
  void add(const Tally& part) {
    outputs_ += part.outputs;
    checksum_ += part.checksum;
  }

 private:
  std::atomic<std::uint64_t> outputs_{0};
  std::atomic<std::uint64_t> checksum_{0};
};
class TaskTally {
 public:
  explicit TaskTally(SharedTally& shared) : shared_(&shared) {}
  TaskTally(const TaskTally& other) : shared_(other.shared_) {}
  TaskTally& operator=(const TaskTally&) = delete;
  ~TaskTally() { shared_->add(own_); }
  void add(std::uint64_t part) { own_.add(part); }
  std::uint64_t outputs() const { return own_.outputs; }

 private:
  SharedTally* shared_;
  Tally own_;
};

inline constexpr std::uint64_t kSecondUs = 1'000'000;

}  // namespace weir::bench
