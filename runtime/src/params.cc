#include "weir/runtime/params.h"

#include <algorithm>
#include <array>
#include <charconv>

namespace weir::runtime {
namespace {

struct Unit {
  std::string_view name;
  std::int64_t micros;
};
// Largest first: format_duration takes the first that divides.
constexpr std::array<Unit, 6> kUnits{{{"d", 86'400'000'000},
                                      {"h", 3'600'000'000},
                                      {"m", 60'000'000},
                                      {"s", 1'000'000},
                                      {"ms", 1'000},
                                      {"us", 1}}};

template <class N>
bool parse_number(std::string_view text, N& out) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
  return error == std::errc() && end == text.data() + text.size();
}

}  // namespace

std::optional<Duration> parse_duration(std::string_view text) {
  if (text == "0") return Duration(0);
  std::int64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc()) return std::nullopt;
  std::string_view unit(end, static_cast<std::size_t>(text.data() + text.size() - end));
  if (unit == "min") unit = "m";
  for (const Unit& u : kUnits) {
    std::int64_t micros = 0;
    if (u.name != unit) continue;
    if (__builtin_mul_overflow(number, u.micros, &micros)) return std::nullopt;
    return Duration(micros);
  }
  return std::nullopt;
}

std::string format_duration(Duration d) {
  if (d.count() == 0) return "0";
  for (const Unit& u : kUnits) {
    if (d.count() % u.micros == 0) {
      return std::to_string(d.count() / u.micros) + std::string(u.name);
    }
  }
  return std::to_string(d.count()) + "us";
}

std::optional<std::uint64_t> parse_bytes(std::string_view text) {
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc()) return std::nullopt;
  const std::string_view unit(end, static_cast<std::size_t>(text.data() + text.size() - end));
  if (unit.empty()) return number;
  if (unit == "k" || unit == "K") return number << 10;
  if (unit == "M") return number << 20;
  if (unit == "G") return number << 30;
  return std::nullopt;
}

std::string Params::print(double v) {
  std::array<char, 32> text{};
  const auto [end, error] = std::to_chars(text.data(), text.data() + text.size(), v);
  return std::string(text.data(), end);
}

bool Params::parse(std::string_view text, bool& out) {
  out = text == "true" || text == "1" || text == "yes";
  return out || text == "false" || text == "0" || text == "no";
}
bool Params::parse(std::string_view text, std::string& out) {
  out = text;
  return true;
}
bool Params::parse(std::string_view text, std::int64_t& out) { return parse_number(text, out); }
bool Params::parse(std::string_view text, std::int32_t& out) { return parse_number(text, out); }
bool Params::parse(std::string_view text, std::uint32_t& out) { return parse_number(text, out); }
bool Params::parse(std::string_view text, std::uint64_t& out) { return parse_number(text, out); }
bool Params::parse(std::string_view text, double& out) { return parse_number(text, out); }
bool Params::parse(std::string_view text, Duration& out) {
  const std::optional<Duration> d = parse_duration(text);
  if (d.has_value()) out = *d;
  return d.has_value();
}

std::optional<std::string> Params::declare(std::string_view name, std::string_view type,
                                           std::string_view help,
                                           const std::optional<std::string>& fallback) {
  const auto raw = raw_.find(std::string(name));
  const bool given = raw != raw_.end();
  const std::string value = given ? raw->second : fallback.value_or("");
  const auto known = std::find_if(declared_.begin(), declared_.end(),
                                  [&](const Declared& d) { return d.name == name; });
  if (known == declared_.end()) {
    declared_.push_back({std::string(name), std::string(type), std::string(help), fallback, value});
    if (!given && !fallback.has_value()) {
      faults_.push_back("parameter --" + std::string(name) + " is missing (" + std::string(help) +
                        ")");
    }
  }
  if (!given) return std::nullopt;
  return value;
}

void Params::bad_value(std::string_view name, std::string_view type, std::string_view text) {
  const std::string example = type == "duration" ? ", such as 30m, 1h or 250ms" : "";
  faults_.push_back("parameter --" + std::string(name) + ": '" + std::string(text) + "' is no " +
                    std::string(type) + example);
}

std::vector<std::string> Params::unknown() const {
  std::vector<std::string> names;
  for (const auto& raw : raw_) {
    const bool known = std::any_of(declared_.begin(), declared_.end(),
                                   [&](const Declared& d) { return d.name == raw.first; });
    if (!known) names.push_back(raw.first);
  }
  return names;
}

}  // namespace weir::runtime
