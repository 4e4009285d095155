// Configuration: what can be set for the weir command and its daemons, from one table.
//
//   default < weir.toml < WEIR_SECTION_KEY < -D section.key=value < options of the verb
//
// The table also writes docs/reference/configuration.md and the file that `weir config show`
// prints. Nothing is ignored: a key that does not exist, comes twice or has a value of another kind
// is an error that names its place and, where one is near, the key that was meant.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "weir/runtime/clock.h"

namespace weir::coordinator {

struct ConfigurationKey {
  enum class Kind : std::uint8_t { kText, kNumber, kDuration, kBytes, kChoice };

  const char* section;
  const char* key;
  Kind kind;
  const char* fallback;
  const char* help;
  std::int64_t least = 0;  // of a number
  std::int64_t most = 0;
  std::vector<const char*> choices = {};
  const char* variable = nullptr;  // if it is not WEIR_<SECTION>_<KEY>

  std::string name() const;         // "coordinator.port"
  std::string environment() const;  // "WEIR_COORDINATOR_PORT"
};

const std::vector<ConfigurationKey>& configuration_keys();

class Configuration {
 public:
  struct Value {
    std::string text;
    std::string origin = "default";  // "weir.toml:3", "WEIR_COORDINATOR_PORT", "-D"
  };

  Configuration();  // the defaults

  // Each of these reports all that is wrong in one kInvalidArgument, one line each.
  absl::Status read_file(const std::string& path);  // kNotFound
  absl::Status read_toml(std::string_view text, const std::string& file);
  // All variables; those that do not belong to a section of the table are not looked at.
  absl::Status read_environment(const std::vector<std::pair<std::string, std::string>>& variables);
  absl::Status define(const std::vector<std::string>& definitions);  // "section.key=value"

  // By "section.key", which must exist.
  const Value& value(const std::string& name) const;
  const std::string& text(const std::string& name) const { return value(name).text; }
  std::int64_t number(const std::string& name) const;
  std::uint64_t bytes(const std::string& name) const;
  runtime::MonotonicTime duration(const std::string& name) const;

 private:
  absl::Status set(const std::string& name, const std::string& text, const std::string& origin);

  std::map<std::string, Value> values_;
};

// A weir.toml: every key with what it means; those that are not set are commented out.
std::string configuration_file(const Configuration& configuration);
// docs/reference/configuration.md.
std::string configuration_reference();

// The variables of this process.
std::vector<std::pair<std::string, std::string>> environment_variables();

}  // namespace weir::coordinator
