#include "dispatch.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <exception>
#include <filesystem>
#include <iostream>

#include "absl/strings/str_cat.h"
#include "descriptor_limit.h"
#include "local_cluster.h"
#include "nearest_name.h"
#include "verb.h"

namespace weir::coordinator {
namespace {

using Words = std::vector<std::string>;

constexpr const char* kFile = "weir.toml";

int refuse(const std::string& what, const std::string& verb = "") {
  std::cerr << "weir: " << what << "\nTry: weir" << (verb.empty() ? "" : " " + verb) << " --help\n";
  return kUsage;
}

std::string general_help() {
  std::string out =
      "weir: runs topologies on a cluster\n\n"
      "  weir up                             a cluster on this machine\n"
      "  weir run ./program -- --input x     a job on it\n"
      "  weir down                           and it is gone\n";
  std::string group;
  for (const Verb& verb : verbs()) {
    if (group != verb.group) {
      group = verb.group;
      absl::StrAppend(&out, "\n", group, ":\n");
    }
    std::string name = verb.name;
    for (const char* alias : verb.aliases) absl::StrAppend(&name, ", ", alias);
    name.resize(std::max<std::size_t>(name.size(), 22), ' ');
    absl::StrAppend(&out, "  ", name, " ", verb.summary, "\n");
  }
  return out +
         "\nEach verb explains itself: weir VERB --help. Exit codes: 0 done, 1 failed, 2 usage,\n"
         "3 no coordinator answers, 4 there is no such thing.\n";
}

const Verb* find_verb(const std::string& word) {
  for (const Verb& verb : verbs()) {
    if (verb.name == word) return &verb;
    for (const char* alias : verb.aliases) {
      if (alias == word) return &verb;
    }
  }
  return nullptr;
}

int unknown_verb(const std::string& word) {
  Words known;
  for (const Verb& verb : verbs()) {
    known.emplace_back(verb.name);
    known.insert(known.end(), verb.aliases.begin(), verb.aliases.end());
  }
  const std::string nearest = nearest_name(word, known);
  return refuse(absl::StrCat("there is no verb '", word, "'",
                             nearest.empty() ? "" : "; did you mean '" + nearest + "'?"));
}

absl::Status load_configuration(Invocation& call) {
  const char* variable = std::getenv("WEIR_CONFIG");
  std::string file = call.config_file;
  if (file.empty() && variable != nullptr) file = variable;
  const bool is_asked_for = !file.empty();
  if (!is_asked_for) file = kFile;
  absl::Status status = call.configuration.read_file(file);
  if (status.ok()) call.config_file = std::filesystem::absolute(file).string();
  if (absl::IsNotFound(status)) {
    status = is_asked_for ? absl::InvalidArgumentError(status.message()) : absl::OkStatus();
  }
  if (status.ok()) status = call.configuration.read_environment(environment_variables());
  if (status.ok()) status = call.configuration.define(call.definitions);
  return status;
}

void add_shared_options(const Verb& verb, CLI::App& app, Invocation& call) {
  if (verb.asks) {
    app.add_option("-m,--coordinator", call.coordinator,
                   "the coordinator to ask [WEIR_COORDINATOR, or the local cluster's]")
        ->type_name("HOST:PORT");
  }
  if (verb.has_json) app.add_flag("--json", call.json, "print JSON");
  app.add_option("-D", call.definitions, "set a key of the configuration: section.key=value")
      ->type_name("KEY=VALUE")
      ->allow_extra_args(false);
  app.add_option("--config", call.config_file, "file with the configuration [./weir.toml]")
      ->type_name("FILE");
}

// What CLI11 refused, in our words where an option or a word is unknown.
std::string fault_of(const CLI::App& app, const CLI::Error& error) {
  const Words extras = app.remaining();
  if (dynamic_cast<const CLI::ExtrasError*>(&error) == nullptr || extras.empty()) {
    return error.what();
  }
  const auto dashed = std::find_if(extras.begin(), extras.end(),
                                   [](const std::string& word) { return word.starts_with('-'); });
  if (dashed == extras.end()) return "'" + extras[0] + "' belongs to nothing";
  const std::string option = dashed->substr(0, dashed->find('='));
  Words known;
  for (const CLI::Option* each : app.get_options()) {
    for (const std::string& name : each->get_lnames()) known.push_back("--" + name);
  }
  const std::string nearest = nearest_name(option, known);
  return absl::StrCat("there is no option ", option,
                      nearest.empty() ? "" : "; did you mean " + nearest + "?");
}

int run_verb(const Verb& verb, Words words) {
  Invocation call;
  const auto dashes = std::find(words.begin(), words.end(), "--");
  if (dashes != words.end()) {
    call.program_arguments.assign(dashes + 1, words.end());
    words.erase(dashes, words.end());
  }
  CLI::App app(verb.summary, absl::StrCat("weir ", verb.name));
  app.footer(absl::StrCat("Example:\n", verb.example));
  verb.declare(app, call);
  add_shared_options(verb, app, call);
  try {
    std::reverse(words.begin(), words.end());  // as CLI11 wants it
    app.parse(words);
  } catch (const CLI::CallForHelp&) {
    std::cout << app.help();
    return kOk;
  } catch (const CLI::Error& error) {
    return refuse(fault_of(app, error), verb.name);
  }
  const absl::Status configured = load_configuration(call);
  if (!configured.ok()) return refuse(std::string(configured.message()), verb.name);
  return call.run();
}

}  // namespace

int run_command(const Words& words) {
  if (words.empty() || words[0] == "--help" || words[0] == "-h" || words[0] == "help") {
    if (words.size() > 1 && words[0] == "help" && find_verb(words[1]) != nullptr) {
      return run_verb(*find_verb(words[1]), {"--help"});
    }
    std::cout << general_help();
    return words.empty() ? kUsage : kOk;
  }
  const std::string word = words[0] == "--version" ? "version" : words[0];
  const Verb* verb = find_verb(word);
  if (verb == nullptr) return unknown_verb(word);
  if (const absl::Status enough = raise_descriptor_limit(); !enough.ok()) return report(enough);
  try {
    return run_verb(*verb, Words(words.begin() + 1, words.end()));
  } catch (const std::exception& error) {
    std::cerr << "weir " << verb->name << ": " << error.what() << "\n";
    return kFailed;
  }
}

int report(const absl::Status& status) {
  if (status.ok()) return kOk;
  std::cout.flush();
  std::cerr << "weir: " << std::string(status.message()) << "\n";
  switch (status.code()) {
    case absl::StatusCode::kUnavailable: return kNoCoordinator;
    case absl::StatusCode::kNotFound: return kNotFound;
    case absl::StatusCode::kInvalidArgument: return kUsage;
    default: return kFailed;
  }
}

namespace {

// Absolute, with the home folder for ~, and no slash at its end.
std::string full_path(std::string dir) {
  const char* home = std::getenv("HOME");
  if (dir == "~" || dir.starts_with("~/")) dir = (home == nullptr ? "" : home) + dir.substr(1);
  return absolute_folder(dir);
}

}  // namespace

std::string absolute_folder(const std::string& folder) {
  std::string path = std::filesystem::absolute(folder).lexically_normal().string();
  while (path.size() > 1 && path.back() == '/') path.pop_back();
  return path;
}

std::string cluster_dir(const Invocation& call, const std::string& option) {
  return full_path(option.empty() ? call.configuration.text("cluster.dir") : option);
}

std::string keys_dir(const Invocation& call, const std::string& dir) {
  const std::string& configured = call.configuration.text("security.keys");
  if (!configured.empty()) return full_path(configured);
  const std::string keys = dir + "/keys";
  return std::filesystem::exists(keys) ? keys : "";
}

absl::StatusOr<ClusterTransport> transport_of(const Invocation& call, const std::string& dir) {
  absl::StatusOr<ClusterTransport> transport = open_transport(keys_dir(call, dir));
  // Exit code 2, as for all that is wrong with the configuration.
  if (!transport.ok()) return absl::InvalidArgumentError(transport.status().message());
  return transport;
}

std::string host_name() {
  std::array<char, 256> name{};
  return ::gethostname(name.data(), name.size() - 1) == 0 ? name.data() : "localhost";
}

std::uint32_t number_of_cores() {
  return static_cast<std::uint32_t>(std::max(1L, ::sysconf(_SC_NPROCESSORS_ONLN)));
}

absl::StatusOr<std::string> coordinator_of(const Invocation& call) {
  std::string address = call.coordinator;
  if (address.empty()) address = call.configuration.text("client.coordinator");
  if (address.empty()) address = coordinator_address(cluster_dir(call, ""));
  if (address.empty()) {
    return absl::UnavailableError(absl::StrCat(
        "no coordinator: no cluster runs in ", cluster_dir(call, ""),
        "\n  start a local cluster with: weir up\n  or name a coordinator with -m HOST:PORT or "
        "WEIR_COORDINATOR=HOST:PORT"));
  }
  if (address.starts_with("tcp://")) address = address.substr(6);
  if (address.find(':') == std::string::npos) {
    address += ":" + call.configuration.text("coordinator.port");
  }
  return address;
}

absl::StatusOr<std::unique_ptr<Client>> connect(const Invocation& call) {
  const absl::StatusOr<std::string> address = coordinator_of(call);
  if (!address.ok()) return address.status();
  const absl::StatusOr<ClusterTransport> transport = transport_of(call, cluster_dir(call, ""));
  if (!transport.ok()) return transport.status();
  return Client::open(transport->get(), *address, call.configuration.duration("client.timeout"));
}

}  // namespace weir::coordinator
