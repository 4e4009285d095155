// Parameters of a program: declared where they are used, read from the command line, shown in
// --help and in the plan.
//
// A Params object is filled with the raw values first (from the command line); get() then both
// declares a parameter and gives its value, so that a topology may decide which parameters it has.
// A missing or unreadable value is a fault that is reported with all others; get() then returns
// T{}.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "absl/status/status.h"
#include "weir/runtime/time.h"

namespace weir::runtime {

// "90s", "30m", "1h", "250ms", "2d", "10us"; a bare 0 is allowed. nullopt if it is no duration.
std::optional<Duration> parse_duration(std::string_view text);
// The shortest exact form: "1h", "90s".
std::string format_duration(Duration d);
// "64k", "10M", "2G" (powers of 1024), plain bytes.
std::optional<std::uint64_t> parse_bytes(std::string_view text);

class Params {
 public:
  struct Declared {
    std::string name;
    std::string type;  // "text", "number", "duration", "flag"
    std::string help;
    std::optional<std::string> fallback;  // none: required
    std::string value;                    // as used
  };

  // Raw values by name (without dashes); a flag has the value "true".
  explicit Params(std::map<std::string, std::string> raw = {}) : raw_(std::move(raw)) {}

  template <class T>
  T get(std::string_view name, std::string_view help, std::optional<T> fallback = std::nullopt) {
    std::optional<std::string> shown;
    if (fallback.has_value()) shown = print(*fallback);
    const std::optional<std::string> text = declare(name, type_name<T>(), help, shown);
    if (!text.has_value()) return fallback.value_or(T{});
    T value{};
    if (!parse(*text, value)) bad_value(name, type_name<T>(), *text);
    return value;
  }

  const std::vector<Declared>& declared() const { return declared_; }
  // Raw values that nobody has declared.
  std::vector<std::string> unknown() const;
  const std::vector<std::string>& faults() const { return faults_; }

 private:
  template <class T>
  static constexpr const char* type_name() {
    if constexpr (std::is_same_v<T, bool>) return "flag";
    if constexpr (std::is_same_v<T, std::string>) return "text";
    if constexpr (std::is_arithmetic_v<T>) return "number";
    return "duration";
  }
  static std::string print(bool v) { return v ? "true" : "false"; }
  static std::string print(const std::string& v) { return v; }
  static std::string print(std::int64_t v) { return std::to_string(v); }
  static std::string print(std::int32_t v) { return std::to_string(v); }
  static std::string print(std::uint32_t v) { return std::to_string(v); }
  static std::string print(std::uint64_t v) { return std::to_string(v); }
  static std::string print(double v);
  static std::string print(Duration v) { return format_duration(v); }

  static bool parse(std::string_view text, bool& out);
  static bool parse(std::string_view text, std::string& out);
  static bool parse(std::string_view text, std::int64_t& out);
  static bool parse(std::string_view text, std::int32_t& out);
  static bool parse(std::string_view text, std::uint32_t& out);
  static bool parse(std::string_view text, std::uint64_t& out);
  static bool parse(std::string_view text, double& out);
  static bool parse(std::string_view text, Duration& out);

  // Notes the declaration; the raw value if there is one.
  std::optional<std::string> declare(std::string_view name, std::string_view type,
                                     std::string_view help,
                                     const std::optional<std::string>& fallback);
  void bad_value(std::string_view name, std::string_view type, std::string_view text);

  std::map<std::string, std::string> raw_;
  std::vector<Declared> declared_;
  std::vector<std::string> faults_;
};

}  // namespace weir::runtime
