#include "flights_files.h"

#include <zlib.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>

namespace weir::bench {
namespace {

constexpr std::int64_t kSpan = 21 * 24 * 3600;  // seconds of event time in the source, rounded up

[[noreturn]] void give_up(const std::string& what) {
  std::fprintf(stderr, "%s\n", what.c_str());
  std::exit(1);
}

std::string unpacked(const std::string& path) {
  gzFile in = gzopen(path.c_str(), "rb");
  if (in == nullptr) give_up("cannot read " + path);
  std::string text;
  char block[1 << 16];
  for (int n = 0; (n = gzread(in, block, sizeof block)) > 0;) {
    text.append(block, static_cast<std::size_t>(n));
  }
  gzclose(in);
  return text;
}

}  // namespace

std::uint64_t write_flights(const std::string& source, int copies, const std::string& file) {
  const std::string text = unpacked(source);
  std::FILE* out = std::fopen(file.c_str(), "wb");
  if (out == nullptr) give_up("cannot write " + file);
  const std::size_t body = text.find('\n') + 1;
  std::fwrite(text.data(), 1, body, out);
  std::uint64_t records = 0;
  for (int copy = 0; copy < copies; ++copy) {
    const long long later = copy * kSpan;
    for (std::size_t at = body; at < text.size(); ++records) {
      char* rest = nullptr;
      const long long departed = std::strtoll(text.data() + at, &rest, 10);
      const long long reported = std::strtoll(rest + 1, &rest, 10);
      const std::size_t end = text.find('\n', at) + 1;
      std::fprintf(out, "%lld,%lld", departed + later, reported + later);
      const auto from = static_cast<std::size_t>(rest - text.data());
      std::fwrite(text.data() + from, 1, end - from, out);
      at = end;
    }
  }
  if (std::fclose(out) != 0) give_up("cannot write " + file);
  return records;
}

Tally tally_of_lines(const std::string& folder) {
  Tally tally;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    if (entry.path().extension() != ".csv") continue;
    std::ifstream in(entry.path());
    for (std::string line; std::getline(in, line);) tally.add(std::hash<std::string>()(line));
  }
  return tally;
}

}  // namespace weir::bench
