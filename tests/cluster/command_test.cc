// What the weir command says where no cluster runs.
#include <fstream>

#include "weir_command.h"

namespace weir::tests {
namespace {

class CommandLineOfWeir : public WeirCommand {};

TEST_F(CommandLineOfWeir, EveryVerbExplainsItselfWithAnExample) {
  const Ran all = weir({"--help"});
  EXPECT_EQ(all.code, 0);
  int verbs = 0;
  std::istringstream lines(all.out);
  bool is_verb = false;
  for (std::string line; std::getline(lines, line);) {
    if (!line.starts_with("  ")) {
      is_verb = line.ends_with(":") && !line.starts_with("weir");
      continue;
    }
    if (!is_verb) continue;
    const std::string verb = line.substr(2, line.find_first_of(", ", 2) - 2);
    const Ran one = weir({verb, "--help"});
    EXPECT_EQ(one.code, 0) << verb;
    EXPECT_NE(one.out.find("Example:\n  weir " + verb), std::string::npos) << one.out;
    ++verbs;
  }
  EXPECT_GE(verbs, 20);
}

TEST_F(CommandLineOfWeir, ProposesTheNearestWord) {
  Ran ran = weir({"lsit"});
  EXPECT_EQ(ran.code, 2);
  EXPECT_EQ(ran.err, "weir: there is no verb 'lsit'; did you mean 'list'?\nTry: weir --help\n");
  ran = weir({"submit", "./x", "--nmae", "y"});
  EXPECT_EQ(ran.code, 2);
  EXPECT_EQ(ran.err,
            "weir: there is no option --nmae; did you mean --name?\nTry: weir submit --help\n");
  ran = weir({"list", "jobs"});
  EXPECT_EQ(ran.code, 2);
  EXPECT_EQ(ran.err, "weir: 'jobs' belongs to nothing\nTry: weir list --help\n");
  ran = weir({"list", "-D", "coordinator.prot=1"});
  EXPECT_EQ(ran.code, 2);
  EXPECT_NE(ran.err.find("-D: there is no key coordinator.prot; did you mean coordinator.port?"),
            std::string::npos)
      << ran.err;
}

TEST_F(CommandLineOfWeir, SaysWhatToDoWhereNoCoordinatorIs) {
  Ran ran = weir({"list"});
  EXPECT_EQ(ran.code, 3);
  EXPECT_NE(ran.err.find("start a local cluster with: weir up"), std::string::npos) << ran.err;
  EXPECT_NE(ran.err.find(cluster_dir()), std::string::npos) << ran.err;
  ran = weir({"list", "-m", "127.0.0.1:9"});
  EXPECT_EQ(ran.code, 3);
  EXPECT_NE(ran.err.find("no coordinator answers at 127.0.0.1:9"), std::string::npos) << ran.err;
}

TEST_F(CommandLineOfWeir, PrintsItsVersion) {
  EXPECT_TRUE(weir({"version"}).out.starts_with("weir 0."));
  EXPECT_EQ(weir_json({"version"}).at("control_protocol"), 1);
}

TEST_F(CommandLineOfWeir, ShowsAConfigurationThatItTakesBack) {
  std::ofstream(dir_ / "weir.toml") << "[coordinator]\nport = 4711\n";
  Ran ran = weir({"config", "show", "-D", "supervisor.slots=3"});
  ASSERT_EQ(ran.code, 0) << ran.err;
  EXPECT_NE(ran.out.find("\nport = 4711\n"), std::string::npos) << ran.out;
  EXPECT_NE(ran.out.find("\nslots = 3\n"), std::string::npos) << ran.out;
  EXPECT_NE(ran.out.find("set by weir.toml:2"), std::string::npos) << ran.out;
  std::ofstream(dir_ / "again.toml") << ran.out;
  EXPECT_EQ(weir({"config", "check", "again.toml"}).code, 0);
  std::ofstream(dir_ / "bad.toml") << "[coordinator]\nport = 4711\nport = 4712\n";
  ran = weir({"config", "check", "bad.toml"});
  EXPECT_EQ(ran.code, 2);
  EXPECT_NE(ran.err.find("bad.toml:3: "), std::string::npos) << ran.err;
}

TEST_F(CommandLineOfWeir, DownWithoutAClusterIsNoHarm) {
  const Ran ran = weir({"down"});
  EXPECT_EQ(ran.code, 0);
  EXPECT_EQ(ran.out, "No cluster runs in " + cluster_dir() + ".\n");
}

}  // namespace
}  // namespace weir::tests
