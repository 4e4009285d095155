// weir keys.
#include <iostream>

#include "absl/strings/str_cat.h"
#include "nearest_name.h"
#include "safe_name.h"
#include "verb.h"

namespace weir::coordinator {
namespace {

struct Keys {
  std::string what;
  std::string name;
  std::string dir;
};

int init(const std::string& dir) {
  const absl::Status made = make_cluster_keys(dir);
  if (!made.ok()) return report(made);
  std::cout << "The cluster's keys are in " << dir << ".\n\n"
            << "Next:\n"
            << "  on every other host of the cluster, a folder " << dir << " (mode 0700) with\n"
            << "    cluster.public and cluster.secret (mode 0600), for example by\n"
            << "    scp -rp " << dir << " HOST:" << dir << "\n"
            << "  for every person or program that asks the coordinator from elsewhere, here:\n"
            << "    weir keys add NAME --dir " << dir << "\n"
            << "  tell the daemons, if it is not the folder keys in that of the cluster:\n"
            << "    [security] keys = \"" << dir << "\" in weir.toml, or WEIR_KEYS=" << dir << "\n"
            << "Whoever has cluster.secret can run programs on every host. It never leaves them.\n";
  return kOk;
}

int add(const std::string& dir, const std::string& name) {
  const absl::StatusOr<std::string> folder = make_client_keys(dir, name);
  if (!folder.ok()) return report(folder.status());
  std::cout << "The client " << name << " is in " << dir << "/allowed; the coordinator knows it "
            << "at once.\n\n"
            << "Next:\n"
            << "  take the folder " << *folder << " to the client, as ~/.weir/keys or where\n"
            << "    WEIR_KEYS says there, and remove it here\n"
            << "  to shut the client out again take its line out of " << dir << "/allowed\n";
  return kOk;
}

int keys(const Keys& asked, const Invocation& call) {
  std::string dir = asked.dir;
  if (dir.empty()) dir = call.configuration.text("security.keys");
  dir = cluster_dir(call, dir.empty() ? cluster_dir(call, "") + "/keys" : dir);
  if (asked.what == "init" && asked.name.empty()) return init(dir);
  if (asked.what == "add" && !asked.name.empty()) return add(dir, asked.name);
  const std::string nearest = nearest_name(asked.what, {"init", "add"});
  return report(absl::InvalidArgumentError(
      absl::StrCat("weir keys ", asked.what, ": give init, or add NAME",
                   nearest.empty() ? "" : "; did you mean " + nearest + "?")));
}

}  // namespace

void declare_keys(CLI::App& app, Invocation& call) {
  auto asked = std::make_shared<Keys>();
  app.add_option("what", asked->what,
                 "init: the keys of a cluster; add: those of a client that it lets in")
      ->required()
      ->type_name("init|add");
  app.add_option("name", asked->name, "of the client")->type_name("NAME");
  app.add_option("--dir", asked->dir,
                 "folder of the keys [security.keys, or keys in the cluster's folder]")
      ->type_name("DIR");
  call.run = [asked, &call] { return keys(*asked, call); };
}

}  // namespace weir::coordinator
