#include "hand_loops.h"

#include <algorithm>

namespace weir::bench {
namespace {

constexpr std::uint64_t kBlock = 256;  // records

// Calls make(first, count, block) and then use(record) for each record, block by block.
template <class Record, class Make, class Use>
[[gnu::always_inline]] inline void in_blocks(std::uint64_t records, Make&& make, Use&& use) {
  std::vector<Record> block(kBlock);
  for (std::uint64_t first = 0; first < records; first += kBlock) {
    const std::uint64_t n = std::min(kBlock, records - first);
    make(first, n, block.data());
    for (std::uint64_t j = 0; j < n; ++j) use(block[j]);
  }
}

[[gnu::noinline]] void fill(const Load& load, std::uint64_t first, std::uint64_t n, Event* block) {
  for (std::uint64_t j = 0; j < n; ++j) make_event(load, first + j, block[j]);
  asm volatile("" ::: "memory");
}
[[gnu::noinline]] void fill(const Load& load, const std::uint64_t* ads, std::uint64_t first,
                            std::uint64_t n, AdEvent* block) {
  for (std::uint64_t j = 0; j < n; ++j) make_ad_event(load, ads, first + j, block[j]);
  asm volatile("" ::: "memory");
}
[[gnu::noinline]] void fill(const NameText* names, std::uint64_t count, std::uint64_t first,
                            std::uint64_t n, NamedEvent* block) {
  for (std::uint64_t j = 0; j < n; ++j) make_named_event(names, count, first + j, block[j]);
  asm volatile("" ::: "memory");
}
template <class Use>
[[gnu::always_inline]] inline void each_event(const Load& load, Use&& use) {
  in_blocks<Event>(
      load.records,
      [&](std::uint64_t first, std::uint64_t n, Event* block) { fill(load, first, n, block); },
      use);
}

// Numbers keys in the order of their appearance.
class KeyIndex {
 public:
  explicit KeyIndex(std::uint64_t expected) : index_(expected) { keys_.reserve(expected); }
  std::uint32_t of(std::uint64_t key) {
    std::uint32_t& slot = index_.at(key);
    if (slot == 0) [[unlikely]] {
      keys_.push_back(key);
      slot = static_cast<std::uint32_t>(keys_.size());
    }
    return slot - 1;
  }
  const std::vector<std::uint64_t>& keys() const { return keys_; }

 private:
  HandTable<std::uint32_t> index_;
  std::vector<std::uint64_t> keys_;
};

}  // namespace

Tally hand_map_filter(const Load& load) {
  Tally tally;
  each_event(load, [&](Event& e) {
    transform(e);
    if (is_wanted(e)) tally.add(e.value ^ e.payload[0]);
  });
  return tally;
}

Tally hand_running_sum(const Load& load) {
  Tally tally;
  HandTable<std::uint64_t> sums(load.keys);
  each_event(load, [&](const Event& e) {
    const std::uint64_t sum = (sums.at(e.key) += e.value);
    tally.add(running_part(e.key, sum));
  });
  return tally;
}

Tally hand_running_by_name(const Load& load) {
  struct Entry {
    std::string_view name;  // into the arena
    std::uint64_t sum = 0;
  };
  const auto names = make_names(load.keys);
  std::vector<char> arena(load.keys * sizeof(NameText));
  std::size_t used = 0;
  std::vector<Entry> table(std::bit_ceil(load.keys * 2));
  const std::size_t mask = table.size() - 1;
  Tally tally;
  in_blocks<NamedEvent>(
      load.records,
      [&](std::uint64_t first, std::uint64_t n, NamedEvent* block) {
        fill(names.data(), names.size(), first, n, block);
      },
      [&](const NamedEvent& e) {
        const std::string_view name = e.name_view();
        std::size_t i = (text_part(name, 0) >> 20) & mask;
        while (table[i].name != name) {
          if (table[i].name.empty()) {
            std::memcpy(&arena[used], name.data(), name.size());
            table[i].name = {&arena[used], name.size()};
            used += name.size();
            break;
          }
          i = (i + 1) & mask;
        }
        table[i].sum += e.value;
        tally.add(text_part(table[i].name, table[i].sum));
      });
  return tally;
}

Tally hand_tumbling(const Load& load) {
  constexpr std::uint64_t kWindow = 10 * kSecondUs;
  Tally tally;
  KeyIndex index(load.keys);
  std::vector<std::uint64_t> counts(load.keys);
  std::uint64_t window = 0;
  std::uint64_t end = kWindow;
  const auto close = [&] {
    for (std::size_t k = 0; k < index.keys().size(); ++k) {
      if (counts[k] != 0) tally.add(window_part(index.keys()[k], window, counts[k]));
      counts[k] = 0;
    }
  };
  each_event(load, [&](const Event& e) {
    while (e.time_us >= end) [[unlikely]] {
        close();
        ++window;
        end += kWindow;
      }
    ++counts[index.of(e.key)];
  });
  close();
  return tally;
}

Tally hand_sliding(const Load& load) {
  constexpr std::uint64_t kPanes = 60;  // of one second
  Tally tally;
  KeyIndex index(load.keys);
  std::vector<std::uint32_t> ring(load.keys * kPanes);
  std::vector<std::uint64_t> totals(load.keys);
  std::uint64_t pane = 0;
  std::uint64_t end = kSecondUs;
  const auto close = [&] {
    const std::uint64_t oldest = (pane + 1) % kPanes;
    for (std::size_t k = 0; k < index.keys().size(); ++k) {
      if (pane + 1 >= kPanes && totals[k] != 0) {
        tally.add(window_part(index.keys()[k], pane + 1 - kPanes, totals[k]));
      }
      totals[k] -= ring[k * kPanes + oldest];
      ring[k * kPanes + oldest] = 0;
    }
    ++pane;
    end += kSecondUs;
  };
  each_event(load, [&](const Event& e) {
    while (e.time_us >= end) [[unlikely]] close();
    const std::uint32_t k = index.of(e.key);
    ++ring[k * kPanes + pane % kPanes];
    ++totals[k];
  });
  const std::uint64_t last = pane;
  while (pane < last + kPanes) close();  // windows that began before the end of the input
  return tally;
}

Tally hand_ads(const Load& load) {
  constexpr std::uint64_t kWindow = 10 * kSecondUs;
  Tally tally;
  const auto ads = make_ads();
  const auto campaigns = make_campaign_table();
  HandTable<std::uint64_t> counts(kCampaigns);
  std::uint64_t window = 0;
  std::uint64_t end = kWindow;
  const auto close = [&] {
    for (std::size_t i = 0; i < counts.slots(); ++i) {
      std::uint64_t& n = counts.value(i);
      if (n != 0) tally.add(window_part(counts.key(i), window, n));
      n = 0;
    }
  };
  in_blocks<AdEvent>(
      load.records,
      [&](std::uint64_t first, std::uint64_t n, AdEvent* block) {
        fill(load, ads.data(), first, n, block);
      },
      [&](const AdEvent& e) {
        if (e.kind != 0) return;
        while (e.time_us >= end) [[unlikely]] {
            close();
            ++window;
            end += kWindow;
          }
        const std::uint64_t* campaign = campaigns.find(e.ad);
        if (campaign != nullptr) ++counts.at(*campaign);
      });
  close();
  return tally;
}

Tally hand_long_window(const Load& load) {
  constexpr std::uint64_t kPane = 60 * kSecondUs;
  constexpr std::uint64_t kPanes = 24 * 60;
  struct Cell {
    std::uint64_t count = 0;
    std::uint64_t sum = 0;
  };
  Tally tally;
  KeyIndex index(load.keys);
  std::vector<Cell> ring(kPanes * load.keys);  // one row over all keys for each pane
  std::vector<Cell> totals(load.keys);
  Cell* row = ring.data();
  std::uint64_t pane = 0;
  std::uint64_t end = kPane;
  const auto close = [&] {
    Cell* oldest = &ring[(pane + 1) % kPanes * load.keys];
    for (std::size_t k = 0; k < index.keys().size(); ++k) {
      Cell& t = totals[k];
      t.count += row[k].count;
      t.sum += row[k].sum;
      if (pane + 1 >= kPanes && t.count != 0) {
        tally.add(count_and_sum_part(index.keys()[k], pane + 1 - kPanes, t.count, t.sum));
      }
      t.count -= oldest[k].count;
      t.sum -= oldest[k].sum;
      oldest[k] = Cell();
    }
    ++pane;
    end += kPane;
    row = oldest;
  };
  each_event(load, [&](const Event& e) {
    while (e.time_us >= end) [[unlikely]] close();
    Cell& cell = row[index.of(e.key)];
    ++cell.count;
    cell.sum += e.value;
  });
  const std::uint64_t last = pane;
  while (pane < last + kPanes) close();
  return tally;
}

}  // namespace weir::bench
