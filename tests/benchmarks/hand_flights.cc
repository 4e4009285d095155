#include <charconv>
#include <cstdio>
#include <cstdlib>
#include <deque>
#include <vector>

#include "flights_files.h"

namespace weir::bench {
namespace {

constexpr std::int64_t kWindow = 3600;    // seconds
constexpr std::int64_t kDisorder = 1800;  // seconds

struct Flight {
  std::int64_t departed = 0;
  std::int64_t delay = 0;
  std::uint32_t origin = 0;  // three letters
};

// departed,reported,delay_min,distance_mi,origin,destination
inline std::int64_t number(const char*& p) {
  const bool is_negative = *p == '-';
  if (is_negative) ++p;
  std::int64_t n = 0;
  while (*p >= '0' && *p <= '9') n = n * 10 + (*p++ - '0');
  return is_negative ? -n : n;
}
inline void skip(const char*& p) {
  while (*p != ',') ++p;
  ++p;
}
inline const char* parse(const char* p, Flight& f) {
  f.departed = number(p);
  ++p;
  skip(p);
  f.delay = number(p);
  ++p;
  skip(p);
  f.origin = 0;
  while (*p != ',') f.origin = f.origin << 8 | static_cast<unsigned char>(*p++);
  while (*p != '\n') ++p;
  return p + 1;
}

class Window {
 public:
  void add(const Flight& f) {
    Entry* e = &slots_[home(f.origin)];
    while (e->origin != f.origin && e->origin != 0) e = e == &slots_[kSlots - 1] ? slots_ : e + 1;
    if (e->origin == 0) {
      e->origin = f.origin;
      e->largest = INT32_MIN;
    }
    ++e->count;
    e->sum += f.delay;
    e->largest = f.delay > e->largest ? f.delay : e->largest;
  }
  void write(std::int64_t start, std::FILE* out) const {
    for (const Entry& e : slots_) {
      if (e.origin == 0) continue;
      char line[128];
      char* p = append(line, start);
      for (int shift = 24; shift >= 0; shift -= 8) {
        if ((e.origin >> shift & 0xff) != 0) *p++ = static_cast<char>(e.origin >> shift & 0xff);
      }
      *p++ = ',';
      p = append(p, e.count);
      p = append(p, e.sum);
      p = append(p, e.largest);
      p[-1] = '\n';
      std::fwrite(line, 1, static_cast<std::size_t>(p - line), out);
    }
  }

 private:
  static constexpr std::size_t kSlots = 1024;
  struct Entry {
    std::uint32_t origin = 0;
    std::int64_t count = 0;
    std::int64_t sum = 0;
    std::int64_t largest = 0;
  };
  static std::size_t home(std::uint32_t origin) { return origin * 2654435761u >> 22; }
  static char* append(char* p, std::int64_t n) {
    p = std::to_chars(p, p + 24, n).ptr;
    *p++ = ',';
    return p;
  }
  Entry slots_[kSlots];
};

}  // namespace

void hand_flights(const std::string& file, const std::string& folder) {
  std::FILE* in = std::fopen(file.c_str(), "rb");
  std::FILE* out = std::fopen((folder + "/result.csv").c_str(), "wb");
  if (in == nullptr || out == nullptr) std::abort();
  std::deque<Window> open;  // the first begins at `begin`
  std::int64_t begin = 0;
  std::int64_t largest = 0;
  const auto close_until = [&](std::int64_t watermark) {
    for (; !open.empty() && begin + kWindow <= watermark; begin += kWindow) {
      open.front().write(begin, out);
      open.pop_front();
    }
  };
  std::vector<char> block((1 << 20) + 1);
  std::size_t held = 0;
  bool is_header = true;
  for (std::size_t n = 0; (n = std::fread(&block[held], 1, block.size() - 1 - held, in)) > 0;) {
    std::size_t end = held + n;
    while (end > 0 && block[end - 1] != '\n') --end;
    const char* p = block.data();
    if (is_header) {
      while (*p++ != '\n') continue;
      is_header = false;
    }
    while (p < block.data() + end) {
      Flight f;
      p = parse(p, f);
      const std::int64_t start = f.departed - f.departed % kWindow;
      if (open.empty() && begin == 0) begin = start;
      if (start + kWindow <= largest - kDisorder) continue;  // late
      if (start < begin) {  // an earlier window that has no record yet
        for (std::int64_t missing = (begin - start) / kWindow; missing > 0; --missing) {
          open.emplace_front();
        }
        begin = start;
      }
      if (open.empty()) begin = start;
      while (begin + static_cast<std::int64_t>(open.size()) * kWindow <= start) {
        open.emplace_back();
      }
      open[static_cast<std::size_t>((start - begin) / kWindow)].add(f);
      if (f.departed > largest) {
        largest = f.departed;
        close_until(largest - kDisorder);
      }
    }
    held = held + n - end;
    std::copy(block.begin() + static_cast<std::ptrdiff_t>(end),
              block.begin() + static_cast<std::ptrdiff_t>(end + held), block.begin());
  }
  close_until(INT64_MAX);
  std::fclose(in);
  if (std::fclose(out) != 0) std::abort();
}

}  // namespace weir::bench
