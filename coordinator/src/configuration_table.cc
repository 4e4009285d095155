// The table of all that can be configured, and the texts that are made of it.
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "configuration.h"

namespace weir::coordinator {
namespace {

using Kind = ConfigurationKey::Kind;

constexpr std::int64_t kMostSlots = 4096;

std::vector<ConfigurationKey> client_keys() {
  return {
      {"client",
       "coordinator",
       Kind::kText,
       "",
       "HOST:PORT of the coordinator that weir talks to; empty: that of the local cluster",
       0,
       0,
       {},
       "WEIR_COORDINATOR"},
      {"client", "timeout", Kind::kDuration, "5s", "how long weir waits for an answer"},
      {"cluster",
       "dir",
       Kind::kText,
       "~/.weir",
       "folder of the local cluster (weir up)",
       0,
       0,
       {},
       "WEIR_DIR"},
      {"cluster", "workers", Kind::kNumber, "2", "supervisors that weir up starts", 1, 64},
      {"cluster", "slots", Kind::kNumber, "0",
       "slots of each of these; 0: as many as the machine has cores", 0, kMostSlots},
  };
}

std::vector<ConfigurationKey> security_keys() {
  return {{"security",
           "keys",
           Kind::kText,
           "",
           "folder with the keys; empty: the folder keys in that of the cluster, if it is there",
           0,
           0,
           {},
           "WEIR_KEYS"}};
}

std::vector<ConfigurationKey> coordinator_keys() {
  return {
      {"coordinator", "port", Kind::kNumber, "4600", "where it listens; 0: any free port", 0,
       65535},
      {"coordinator", "listen", Kind::kText, "127.0.0.1",
       "address of the interface it listens at, 0.0.0.0 for all; beyond loopback only with keys"},
      {"coordinator", "heartbeat", Kind::kDuration, "500ms",
       "how often supervisors and workers say that they live"},
      {"coordinator", "suspect-after", Kind::kDuration, "3s", "silence that people are told of"},
      {"coordinator", "dead-after", Kind::kDuration, "10s",
       "silence after which a lease is over and the work is given to others"},
      {"coordinator", "start-timeout", Kind::kDuration, "2m",
       "until all workers of an attempt have come"},
      {"coordinator", "checkpoint-timeout", Kind::kDuration, "10m",
       "a checkpoint that takes longer is given up"},
      {"coordinator",
       "placement",
       Kind::kChoice,
       "spread",
       "slots of a job over all supervisors, or over as few as possible",
       0,
       0,
       {"spread", "pack"}},
      {"coordinator", "largest-program", Kind::kBytes, "4G", "larger programs are refused"},
      {"coordinator", "program-cache", Kind::kBytes, "16G",
       "programs that nobody uses are forgotten beyond this, the oldest first"},
  };
}

std::vector<ConfigurationKey> restart_keys() {
  return {
      {"restart",
       "strategy",
       Kind::kChoice,
       "exponential",
       "when a job that failed is tried again: exponential never gives up; fixed after so many "
       "attempts in a row; failure-rate at more than so many failures within a time",
       0,
       0,
       {"exponential", "fixed", "failure-rate"}},
      {"restart", "delay", Kind::kDuration, "500ms", "the first pause, or the only one"},
      {"restart", "longest-delay", Kind::kDuration, "60s", "exponential: pauses double up to this"},
      {"restart", "quiet", Kind::kDuration, "5m", "a run of this length forgets earlier failures"},
      {"restart", "attempts", Kind::kNumber, "0", "fixed: in a row; 0: no limit", 0, 1000000},
      {"restart", "failures", Kind::kNumber, "3", "failure-rate: more than these ...", 1, 1000000},
      {"restart", "window", Kind::kDuration, "5m", "... within this time"},
  };
}

std::vector<ConfigurationKey> supervisor_keys() {
  return {
      {"supervisor", "name", Kind::kText, "", "unique in the cluster; empty: the host's name"},
      {"supervisor", "slots", Kind::kNumber, "0",
       "tasks of a job that run here side by side; 0: as many as the machine has cores", 0,
       kMostSlots},
      {"supervisor", "listen", Kind::kText, "127.0.0.1",
       "address at which workers of other hosts reach those of this one; beyond loopback only with "
       "keys"},
      {"supervisor", "log-piece", Kind::kBytes, "16M",
       "a worker's log is rotated when it is larger"},
      {"supervisor", "log-pieces", Kind::kNumber, "4", "rotated pieces kept per worker", 1, 1000},
      {"supervisor", "old-logs", Kind::kNumber, "100", "logs kept of workers that have ended", 1,
       100000},
      {"supervisor", "largest-program", Kind::kBytes, "4G", "larger programs are refused"},
      {"supervisor", "program-cache", Kind::kBytes, "16G",
       "programs that nobody uses are forgotten beyond this, the oldest first"},
  };
}

std::vector<ConfigurationKey> make_keys() {
  std::vector<ConfigurationKey> all = client_keys();
  for (auto* keys : {security_keys, coordinator_keys, restart_keys, supervisor_keys}) {
    for (ConfigurationKey& key : keys()) all.push_back(std::move(key));
  }
  return all;
}

const char* kind_name(Kind kind) {
  switch (kind) {
    case Kind::kText: return "text";
    case Kind::kNumber: return "number";
    case Kind::kDuration: return "duration";
    case Kind::kBytes: return "bytes";
    case Kind::kChoice: return "one of";
  }
  return "";
}

std::string range_of(const ConfigurationKey& key) {
  if (key.kind == Kind::kNumber) return absl::StrCat("number, ", key.least, " to ", key.most);
  if (key.kind == Kind::kChoice) return absl::StrJoin(key.choices, " or ");
  return kind_name(key.kind);
}

std::string toml_value(const ConfigurationKey& key, const std::string& text) {
  if (key.kind == Kind::kNumber) return text;
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    out += c;
  }
  return out + "\"";
}

std::string title_of(const std::string& section) {
  if (section == "client") return "The weir command.";
  if (section == "cluster") return "A local cluster: weir up, weir down.";
  if (section == "security") return "Keys: docs/internals/security.md.";
  if (section == "coordinator") return "weir coordinator.";
  if (section == "restart") return "What the coordinator does when a job has failed.";
  return "weir supervisor.";
}

}  // namespace

const std::vector<ConfigurationKey>& configuration_keys() {
  static const std::vector<ConfigurationKey> keys = make_keys();
  return keys;
}

std::string configuration_file(const Configuration& configuration) {
  std::string out =
      "# weir.toml: read from the current folder, or as --config or WEIR_CONFIG say.\n"
      "# A key is set here, by its variable, or by -D section.key=value; the later of these "
      "wins.\n";
  std::string section;
  for (const ConfigurationKey& key : configuration_keys()) {
    if (section != key.section) {
      section = key.section;
      absl::StrAppend(&out, "\n# ", title_of(section), "\n[", section, "]\n");
    }
    const Configuration::Value& value = configuration.value(key.name());
    const bool is_default = value.origin == "default";
    absl::StrAppend(&out, "\n# ", key.help, "\n# ", range_of(key), "; ", key.environment());
    if (!is_default) absl::StrAppend(&out, "; set by ", value.origin);
    absl::StrAppend(&out, "\n", is_default ? "# " : "", key.key, " = ", toml_value(key, value.text),
                    "\n");
  }
  return out;
}

std::string configuration_reference() {
  std::string out =
      "# Configuration\n\n"
      "What can be set for the `weir` command and its daemons. A value comes from `weir.toml` (in "
      "the "
      "current folder, or as `--config`\nor `WEIR_CONFIG` say), from a variable, or from `-D "
      "section.key=value`; the later of these wins, and an option of the verb\nwins over all. A "
      "key "
      "that does not exist or comes twice is an error. `weir config show` prints a file with all "
      "of "
      "them,\n`weir config check` checks one.\n\nDurations: `250ms`, `30s`, `5m`. Bytes: `4096`, "
      "`64k`, `2G`. This page is made from the table in\n`coordinator/src/configuration_table.cc`; "
      "a "
      "test compares.\n";
  std::string section;
  for (const ConfigurationKey& key : configuration_keys()) {
    if (section != key.section) {
      section = key.section;
      absl::StrAppend(
          &out, "\n## [", section, "]\n", title_of(section),
          "\n\n| key | value | default | meaning | variable |\n|---|---|---|---|---|\n");
    }
    const std::string fallback = *key.fallback == '\0' ? "" : absl::StrCat("`", key.fallback, "`");
    absl::StrAppend(&out, "| `", key.key, "` | ", range_of(key), " | ", fallback, " | ", key.help,
                    " | `", key.environment(), "` |\n");
  }
  return out;
}

}  // namespace weir::coordinator
