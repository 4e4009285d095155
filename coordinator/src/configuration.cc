#include "configuration.h"

#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <fstream>
#include <iterator>
#include <set>

#include <toml++/toml.h>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "nearest_name.h"
#include "weir/runtime/check.h"
#include "weir/runtime/params.h"

extern char** environ;

namespace weir::coordinator {
namespace {

using Kind = ConfigurationKey::Kind;

const ConfigurationKey* find_key(const std::string& name) {
  for (const ConfigurationKey& key : configuration_keys()) {
    if (key.name() == name) return &key;
  }
  return nullptr;
}

absl::Status unknown(const std::string& what, const std::string& origin,
                     const std::string& nearest) {
  return absl::InvalidArgumentError(
      absl::StrCat(origin, ": there is no key ", what,
                   nearest.empty() ? "" : "; did you mean " + nearest + "?"));
}

std::string nearest_key(const std::string& name) {
  std::vector<std::string> names;
  for (const ConfigurationKey& key : configuration_keys()) {
    names.push_back(key.name());
    // The right key in the wrong section is nearer than any other spelling.
    if (name.substr(name.find('.') + 1) == key.key) return key.name();
  }
  return nearest_name(name, names);
}

bool parse_number(const std::string& text, std::int64_t& out) {
  const char* end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, out);
  return error == std::errc() && stop == end;
}

// What a value must be; empty if `text` is that.
std::string wanted(const ConfigurationKey& key, const std::string& text) {
  std::int64_t number = 0;
  switch (key.kind) {
    case Kind::kText: return "";
    case Kind::kNumber:
      if (parse_number(text, number) && number >= key.least && number <= key.most) return "";
      return absl::StrCat("a whole number from ", key.least, " to ", key.most);
    case Kind::kDuration: {
      const auto duration = runtime::parse_duration(text);
      if (duration.has_value() && duration->count() > 0) return "";
      return "a duration with its unit, such as 250ms, 30s or 5m";
    }
    case Kind::kBytes: {
      const auto bytes = runtime::parse_bytes(text);
      if (bytes.has_value() && *bytes > 0) return "";
      return "a number of bytes above 0, such as 4096, 64k or 2G";
    }
    case Kind::kChoice:
      for (const char* choice : key.choices) {
        if (text == choice) return "";
      }
      return absl::StrJoin(key.choices, " or ");
  }
  return "";
}

// One status of several; each may have lines of its own.
absl::Status joined(const std::vector<absl::Status>& faults) {
  std::vector<std::string> lines;
  for (const absl::Status& fault : faults) {
    if (!fault.ok()) lines.emplace_back(fault.message());
  }
  if (lines.empty()) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrJoin(lines, "\n"));
}

bool is_section(std::string_view name) {
  const auto& keys = configuration_keys();
  return std::any_of(keys.begin(), keys.end(),
                     [&](const auto& key) { return key.section == name; });
}

std::string origin_of(const std::string& file, const toml::node& node) {
  return absl::StrCat(file, ":", node.source().begin.line);
}

std::string upper(std::string text) {
  for (char& c : text) c = c == '-' ? '_' : absl::ascii_toupper(static_cast<unsigned char>(c));
  return text;
}

}  // namespace

std::string ConfigurationKey::name() const { return absl::StrCat(section, ".", key); }

std::string ConfigurationKey::environment() const {
  return variable != nullptr ? variable : upper(absl::StrCat("WEIR_", section, "_", key));
}

Configuration::Configuration() {
  for (const ConfigurationKey& key : configuration_keys()) {
    values_[key.name()] = {key.fallback, "default"};
  }
}

absl::Status Configuration::set(const std::string& name, const std::string& text,
                                const std::string& origin) {
  const ConfigurationKey* key = find_key(name);
  if (key == nullptr) return unknown(name, origin, nearest_key(name));
  const std::string want = wanted(*key, text);
  if (!want.empty()) {
    return absl::InvalidArgumentError(
        absl::StrCat(origin, ": ", name, ": '", text, "' cannot be used; give ", want));
  }
  values_[name] = {text, origin};
  return absl::OkStatus();
}

absl::Status Configuration::read_file(const std::string& path) {
  std::ifstream in(path);
  if (!in) return absl::NotFoundError(absl::StrCat("cannot read ", path));
  return read_toml(std::string(std::istreambuf_iterator<char>(in), {}), path);
}

absl::Status Configuration::read_toml(std::string_view text, const std::string& file) {
  toml::table root;
  try {
    root = toml::parse(text);
  } catch (const toml::parse_error& error) {  // keys that come twice, too
    return absl::InvalidArgumentError(
        absl::StrCat(file, ":", error.source().begin.line, ": ", std::string(error.description())));
  }
  std::vector<absl::Status> faults;
  for (const auto& [section_key, section] : root) {
    const std::string section_name(section_key.str());
    if (!is_section(section_name) || !section.is_table()) {
      std::vector<std::string> sections;
      for (const ConfigurationKey& key : configuration_keys()) sections.emplace_back(key.section);
      const std::string nearest =
          section.is_table() ? nearest_name(section_name, sections) : nearest_key(section_name);
      faults.push_back(unknown(section.is_table() ? "[" + section_name + "]" : section_name,
                               origin_of(file, section), nearest));
      continue;
    }
    for (const auto& [key, node] : *section.as_table()) {
      const std::string name = section_name + "." + std::string(key.str());
      std::string value;
      if (node.is_array() || node.is_table() || node.is_floating_point() || node.is_date()) {
        faults.push_back(absl::InvalidArgumentError(
            absl::StrCat(origin_of(file, node), ": ", name, ": give a text or a whole number")));
        continue;
      }
      if (const auto* as_text = node.as_string()) value = as_text->get();
      if (const auto* as_number = node.as_integer()) value = std::to_string(as_number->get());
      if (const auto* as_flag = node.as_boolean()) value = as_flag->get() ? "true" : "false";
      faults.push_back(set(name, value, origin_of(file, node)));
    }
  }
  return joined(faults);
}

absl::Status Configuration::read_environment(
    const std::vector<std::pair<std::string, std::string>>& variables) {
  std::vector<std::string> names;
  std::map<std::string, std::string> key_of;
  std::set<std::string> starts;
  for (const ConfigurationKey& key : configuration_keys()) {
    names.push_back(key.environment());
    key_of[key.environment()] = key.name();
    starts.insert(upper(absl::StrCat("WEIR_", key.section, "_")));
  }
  std::vector<absl::Status> faults;
  for (const auto& [name, text] : variables) {
    const auto known = key_of.find(name);
    if (known != key_of.end()) {
      faults.push_back(set(known->second, text, name));
      continue;
    }
    const bool is_ours = std::any_of(starts.begin(), starts.end(), [&n = name](const auto& start) {
      return n.starts_with(start);
    });
    if (is_ours) faults.push_back(unknown(name, "environment", nearest_name(name, names)));
  }
  return joined(faults);
}

absl::Status Configuration::define(const std::vector<std::string>& definitions) {
  std::vector<absl::Status> faults;
  std::set<std::string> seen;
  for (const std::string& definition : definitions) {
    const std::size_t equals = definition.find('=');
    if (equals == std::string::npos) {
      faults.push_back(
          absl::InvalidArgumentError(absl::StrCat("-D ", definition, ": give section.key=value")));
      continue;
    }
    const std::string name = definition.substr(0, equals);
    if (!seen.insert(name).second) {
      faults.push_back(absl::InvalidArgumentError(absl::StrCat("-D ", name, ": is given twice")));
    }
    faults.push_back(set(name, definition.substr(equals + 1), "-D"));
  }
  return joined(faults);
}

const Configuration::Value& Configuration::value(const std::string& name) const {
  const auto it = values_.find(name);
  WEIR_CHECK(it != values_.end(), "a key that is not in the table");
  return it->second;
}

std::int64_t Configuration::number(const std::string& name) const {
  std::int64_t out = 0;
  WEIR_CHECK(parse_number(text(name), out), "values are checked when they are set");
  return out;
}

std::uint64_t Configuration::bytes(const std::string& name) const {
  return runtime::parse_bytes(text(name)).value();
}

runtime::MonotonicTime Configuration::duration(const std::string& name) const {
  return runtime::parse_duration(text(name)).value();
}

std::vector<std::pair<std::string, std::string>> environment_variables() {
  std::vector<std::pair<std::string, std::string>> out;
  for (char** variable = environ; *variable != nullptr; ++variable) {
    const std::string text = *variable;
    const std::size_t equals = text.find('=');
    if (equals != std::string::npos)
      out.emplace_back(text.substr(0, equals), text.substr(equals + 1));
  }
  return out;
}

}  // namespace weir::coordinator
