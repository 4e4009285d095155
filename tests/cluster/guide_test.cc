// docs/guide/cluster.md and operate.md, line by line: every command in them is run as it stands
// there.
#include "cluster/weir_command.h"

namespace weir::tests {
namespace {

const std::string kDocs = std::string(WEIR_SOURCE_DIR) + "/docs/";

// The lines of all blocks of commands.
std::vector<std::string> commands_of(const std::string& path) {
  std::vector<std::string> commands;
  std::istringstream lines(read_file(path));
  bool is_command = false;
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with("```")) {
      is_command = line == "```sh";
    } else if (is_command) {
      commands.push_back(line);
    }
  }
  return commands;
}

class ClusterGuide : public WeirCommand {
 protected:
  void run_page(const std::string& page) {
    std::filesystem::create_directory_symlink(std::string(WEIR_SOURCE_DIR) + "/examples",
                                              dir_ / "examples");
    variables_.push_back("PATH=" + std::string(WEIR_BIN_DIR) + ":/usr/bin:/bin");
    variables_.emplace_back("WEIR_COORDINATOR_PORT=0");  // other tests run beside this one
    const std::vector<std::string> commands = commands_of(kDocs + page);
    ASSERT_GE(commands.size(), 10U);
    for (const std::string& command : commands) run_line(command);
    EXPECT_TRUE(processes_of_test().empty());
  }

 private:
  void run_line(const std::string& command) {
    std::istringstream in(command);
    std::vector<std::string> words((std::istream_iterator<std::string>(in)), {});
    ASSERT_FALSE(words.empty());
    ASSERT_EQ(words[0], "weir");
    const Ran ran = weir({words.begin() + 1, words.end()});
    EXPECT_EQ(ran.code, 0) << command << "\n" << ran.out << ran.err;
    // A person takes a while for the next line.
    const auto name = std::find(words.begin(), words.end(), "--name");
    if (words[1] == "submit" && name != words.end()) wait_for_state(*(name + 1), "running");
    if (words[1] == "rescale") {
      wait_until("it runs with four tasks", [&] {
        const nlohmann::json now = job(words[2]);
        return now.value("parallelism", 0) == 4 && now.value("state", "") == "running";
      });
    }
  }
};

TEST_F(ClusterGuide, EveryCommandDoesWhatItSays) { run_page("guide/cluster.md"); }

TEST_F(ClusterGuide, EveryCommandOfOperatingDoesWhatItSays) { run_page("guide/operate.md"); }

TEST_F(ClusterGuide, TheReferenceNamesAllVerbs) {
  const std::string reference = read_file(kDocs + "reference/command.md");
  std::istringstream lines(weir({"--help"}).out);
  bool is_verb = false;
  for (std::string line; std::getline(lines, line);) {
    if (!line.starts_with("  ")) {
      is_verb = line.ends_with(":") && !line.starts_with("weir");
    } else if (is_verb) {
      const std::string verb = line.substr(2, line.find_first_of(", ", 2) - 2);
      EXPECT_NE(reference.find("`" + verb + "`"), std::string::npos) << verb;
    }
  }
}

TEST_F(ClusterGuide, TheFilesOfTheDeployGuideAreGood) {
  const std::string folder = kDocs + "guide/systemd/";
  const Ran checked = weir({"config", "check", folder + "weir.toml"});
  EXPECT_EQ(checked.code, 0) << checked.err;
  for (const char* daemon : {"coordinator", "supervisor"}) {
    const std::string unit = read_file(folder + "weir-" + daemon + ".service");
    const std::size_t at = unit.find("ExecStart=/usr/local/bin/weir ");
    ASSERT_NE(at, std::string::npos) << daemon;
    std::istringstream in(unit.substr(at, unit.find('\n', at) - at));
    std::vector<std::string> words((std::istream_iterator<std::string>(in)), {});
    ASSERT_GE(words.size(), 2U);
    EXPECT_EQ(words[1], daemon);
    const std::string help = weir({daemon, "--help"}).out;
    for (const std::string& word : words) {
      if (!word.starts_with("--")) continue;
      EXPECT_NE(help.find(word + " "), std::string::npos) << word;
    }
  }
}

}  // namespace
}  // namespace weir::tests
