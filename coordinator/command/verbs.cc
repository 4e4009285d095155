// All verbs, in the order of weir --help.
#include "verb.h"

namespace weir::coordinator {
namespace {

struct Traits {
  bool asks = true;  // the coordinator
  bool has_json = true;
};

Verb verb(const char* name, const char* summary, const char* example,
          void (*declare)(CLI::App&, Invocation&), Traits traits = {},
          std::vector<const char*> aliases = {}) {
  return {name, std::move(aliases), "", summary, example, traits.asks, traits.has_json, declare};
}

std::vector<Verb> clusters() {
  return {
      verb("up", "start a cluster on this machine", "  weir up --workers 2 --slots 4", declare_up,
           {.asks = false}),
      verb("down", "end it, with all its processes", "  weir down", declare_down, {.asks = false}),
      verb("coordinator", "run a coordinator, in the foreground",
           "  weir coordinator --dir /var/lib/weir --port 4600", declare_coordinator,
           {.asks = false, .has_json = false}),
      verb("supervisor", "run a supervisor, in the foreground",
           "  weir supervisor --name east --slots 8 --dir /var/lib/weir -m 10.0.0.1:4600",
           declare_supervisor, {.has_json = false}),
      verb("keys", "make keys, so that a cluster may be reached from other hosts",
           "  weir keys init --dir /etc/weir/keys\n  weir keys add ann --dir /etc/weir/keys",
           declare_keys, {.asks = false, .has_json = false})};
}

std::vector<Verb> jobs() {
  return {
      verb("submit", "start a job and come back",
           "  weir submit ./flights --name flights -p 4 -- --input flights.csv", declare_submit),
      verb("run", "start a job, show how it goes, wait for its end",
           "  weir run ./flights -- --input flights.csv --output results", declare_run),
      verb("stop", "stop a job after a last checkpoint", "  weir stop flights --drain",
           declare_stop),
      verb("cancel", "end a job at once", "  weir cancel flights", declare_cancel, {}, {"kill"}),
      verb("savepoint", "keep a checkpoint of a running job",
           "  weir savepoint flights /savepoints/flights", declare_savepoint),
      verb("check", "say whether a program can go on from a savepoint",
           "  weir check /savepoints/flights ./flights -- --input flights.csv", declare_check,
           {.asks = false}),
      verb("pause", "stop a job for a while", "  weir pause flights", declare_pause, {},
           {"deactivate"}),
      verb("resume", "let a paused job go on", "  weir resume flights", declare_resume, {},
           {"activate"}),
      verb("rescale", "change the parallelism of a running job", "  weir rescale flights -p 8",
           declare_rescale, {}, {"rebalance"})};
}

std::vector<Verb> seeing() {
  return {
      verb("list", "jobs, and the hosts they run on", "  weir list --all", declare_list, {},
           {"ls"}),
      verb("info", "all about one job", "  weir info flights --json", declare_info, {}, {"status"}),
      verb("top", "how a job goes, live", "  weir top flights", declare_top, {.has_json = false}),
      verb("logs", "what the workers of a job say", "  weir logs flights -f", declare_logs,
           {.has_json = false}),
      verb("events", "the history of a job", "  weir events flights -f", declare_events)};
}

std::vector<Verb> others() {
  return {verb("config", "show or check the configuration",
               "  weir config show > weir.toml\n  weir config check weir.toml", declare_config,
               {.asks = false, .has_json = false}),
          verb("version", "print the version", "  weir version", declare_version, {.asks = false})};
}

void add(std::vector<Verb>& all, const char* group, std::vector<Verb> more) {
  for (Verb& each : more) {
    each.group = group;
    all.push_back(std::move(each));
  }
}

std::vector<Verb> make_verbs() {
  std::vector<Verb> all;
  add(all, "clusters", clusters());
  add(all, "jobs", jobs());
  add(all, "what goes on", seeing());
  add(all, "other", others());
  return all;
}

}  // namespace

const std::vector<Verb>& verbs() {
  static const std::vector<Verb> all = make_verbs();
  return all;
}

}  // namespace weir::coordinator
