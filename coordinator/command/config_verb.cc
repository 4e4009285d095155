// weir config, weir version.
#include <iostream>
#include <nlohmann/json.hpp>

#include "absl/strings/str_cat.h"
#include "control/plan_spec.h"
#include "nearest_name.h"
#include "verb.h"

namespace weir::coordinator {
namespace {

struct Config {
  std::string what;
  std::string file;
};

int config(const Config& asked, const Invocation& call) {
  if (asked.what == "show") {
    std::cout << configuration_file(call.configuration);
    return kOk;
  }
  if (asked.what != "check") {
    const std::string nearest = nearest_name(asked.what, {"show", "check"});
    return report(absl::InvalidArgumentError(
        absl::StrCat("weir config ", asked.what, ": give show or check",
                     nearest.empty() ? "" : "; did you mean " + nearest + "?")));
  }
  // Whatever else is in force has been read, and found good, before this.
  if (asked.file.empty()) {
    std::cout << "the configuration is good\n";
    return kOk;
  }
  Configuration alone;
  const absl::Status status = alone.read_file(asked.file);
  if (!status.ok()) return report(status);
  std::cout << asked.file << " is good\n";
  return kOk;
}

}  // namespace

void declare_config(CLI::App& app, Invocation& call) {
  auto asked = std::make_shared<Config>();
  app.add_option("what", asked->what,
                 "show: what is in force, as a weir.toml; check: whether it, or FILE, is good")
      ->required()
      ->type_name("show|check");
  app.add_option("file", asked->file, "a weir.toml to check")->type_name("FILE");
  call.run = [asked, &call] { return config(*asked, call); };
}

void declare_version(CLI::App&, Invocation& call) {
  call.run = [&call] {
    if (call.json) {
      std::cout << nlohmann::json{{"version", WEIR_VERSION},
                                  {"control_protocol", kControlProtocol},
                                  {"machine", machine_name()}}
                       .dump()
                << "\n";
    } else {
      std::cout << "weir " WEIR_VERSION ", control protocol " << kControlProtocol << ", "
                << machine_name() << "\n";
    }
    return static_cast<int>(kOk);
  };
}

}  // namespace weir::coordinator
