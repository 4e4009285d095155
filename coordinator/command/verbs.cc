// All verbs, in the order of weir --help.
#include "verb.h"

namespace weir::coordinator {

const std::vector<Verb>& verbs() {
  constexpr const char* kCluster = "clusters";
  constexpr const char* kJobs = "jobs";
  constexpr const char* kSeeing = "what goes on";
  constexpr const char* kOther = "other";
  static const std::vector<Verb> all = {
      {"up", {}, kCluster, "start a cluster on this machine",
       "  weir up --workers 2 --slots 4", false, true, declare_up},
      {"down", {}, kCluster, "end it, with all its processes", "  weir down", false, true,
       declare_down},
      {"coordinator", {}, kCluster, "run a coordinator, in the foreground",
       "  weir coordinator --dir /var/lib/weir --port 4600", false, false, declare_coordinator},
      {"supervisor", {}, kCluster, "run a supervisor, in the foreground",
       "  weir supervisor --name east --slots 8 --dir /var/lib/weir -m 10.0.0.1:4600", true, false,
       declare_supervisor},
      {"submit", {}, kJobs, "start a job and come back",
       "  weir submit ./flights --name flights -p 4 -- --input flights.csv", true, true,
       declare_submit},
      {"run", {}, kJobs, "start a job, show how it goes, wait for its end",
       "  weir run ./flights -- --input flights.csv --output results", true, true, declare_run},
      {"stop", {}, kJobs, "stop a job after a last checkpoint",
       "  weir stop flights --drain\n  weir stop flights --savepoint /savepoints/flights", true, true,
       declare_stop},
      {"cancel", {"kill"}, kJobs, "end a job at once", "  weir cancel flights", true, true,
       declare_cancel},
      {"savepoint", {}, kJobs, "keep a checkpoint of a running job",
       "  weir savepoint flights /savepoints/flights", true, true, declare_savepoint},
      {"pause", {"deactivate"}, kJobs, "stop a job for a while", "  weir pause flights", true, true,
       declare_pause},
      {"resume", {"activate"}, kJobs, "let a paused job go on", "  weir resume flights", true, true,
       declare_resume},
      {"rescale", {"rebalance"}, kJobs, "change the parallelism of a running job",
       "  weir rescale flights -p 8", true, true, declare_rescale},
      {"check", {}, kJobs, "say whether a program can go on from a savepoint",
       "  weir check /savepoints/flights ./flights -- --input flights.csv", false, true,
       declare_check},
      {"list", {"ls"}, kSeeing, "jobs, and the hosts they run on", "  weir list --all", true, true,
       declare_list},
      {"info", {"status"}, kSeeing, "all about one job", "  weir info flights --json", true, true,
       declare_info},
      {"top", {}, kSeeing, "how a job goes, live", "  weir top flights", true, false, declare_top},
      {"logs", {}, kSeeing, "what the workers of a job say", "  weir logs flights -f", true, false,
       declare_logs},
      {"events", {}, kSeeing, "the history of a job", "  weir events flights -f", true, true,
       declare_events},
      {"config", {}, kOther, "show or check the configuration",
       "  weir config show > weir.toml\n  weir config check weir.toml", false, false,
       declare_config},
      {"version", {}, kOther, "print the version", "  weir version", false, true, declare_version},
  };
  return all;
}

}  // namespace weir::coordinator
